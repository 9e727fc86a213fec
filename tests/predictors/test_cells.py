"""Every mode of prediction for every set of parameters."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.halfcell import Parameters, open_circuit_potential
from tfmsnet.load import equal_charge_frames
from tfmsnet.materials import Function, names, parameter_set
from tfmsnet.predictors.basis import time_features
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.references.uniform import Uniform

MODES = {
    "autoregressive": {"autoregressive": True},
    "direct": {"autoregressive": False},
    "basis": {"autoregressive": False, "basis": 3},
}
STATISTICS = {"concentration": {"pattern_rms": 0.006}, "potential": {"pattern_rms": 1e-4, "level_rms": 0.03}}
CELLS = {name: parameter_set(name).parameters for name in names()}
CELLS["short polynomial"] = dataclasses.replace(Parameters(), solid_diffusivity=Function((5e-16,)))
CELLS["straight line"] = dataclasses.replace(Parameters(), solid_diffusivity=Function((5e-15, -4e-15)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CELLS)
def test_a_discharge_starts_at_the_cells_equilibrium_and_follows_faraday(name, mode, rng):
    parameters = CELLS[name]
    config = NetworkConfig.of(filters=2, convolutions=1, scales=1, **MODES[mode])
    model = make_predictor(config, parameters, STATISTICS, 0.5e-6)
    phase = rng.integers(0, 3, (1, 6, 6, 6)).astype(np.uint8)
    profile, times_s = (np.asarray(part)[[0, 4, 12, 24]] for part in equal_charge_frames(1.0))
    load = {"c_rate_profile": profile[None], "times_s": times_s[None]}
    found = model({"phase": phase, **{key: tf.constant(value, tf.float32) for key, value in load.items()}})
    start = open_circuit_potential(parameters.initial_dol, parameters)
    assert float(found["voltage_v"][0, 0]) == pytest.approx(float(start), abs=1e-5)
    mean = parameters.initial_dol + (1 - parameters.initial_dol) * times_s / 3600
    np.testing.assert_allclose(found["dol"][0], mean, atol=1e-5)
    assert all(np.isfinite(found[field]).all() for field in ("concentration", "potential"))


@pytest.mark.parametrize("name", CELLS)
def test_time_is_told_in_numbers_of_about_one(name):
    parameters = CELLS[name]
    load = (tf.constant(part[None], tf.float32) for part in equal_charge_frames(1.0))
    features = time_features(Uniform(parameters).conditions(None, None, *load), parameters)
    # Potentials may be steep at the start.
    assert np.abs(features[0, 1:]).max() < 4
