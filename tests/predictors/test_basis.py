"""The time basis: sums of coefficients times functions, at any time, with what the state promises."""

import keras
import numpy as np
import tensorflow as tf

from tfmsnet.halfcell import Parameters, open_circuit_potential
from tfmsnet.halfcell.lithium import solid_diffusivity
from tfmsnet.load import equal_charge_frames
from tfmsnet.predictors.basis import TimeBasis, combine, time_features
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.kinds import TIME_FEATURES
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.references.uniform import Uniform

STATISTICS = {"concentration": {"pattern_rms": 0.006}, "potential": {"pattern_rms": 1e-4, "level_rms": 0.03}}


def surrogate():
    keras.utils.set_random_seed(3)
    config = NetworkConfig.of(filters=4, convolutions=2, autoregressive=False, basis=3)
    return make_predictor(config, Parameters(), STATISTICS, 0.5e-6)


def test_it_is_the_sum_over_functions_of_time(rng):
    coefficients = rng.random((2, 3, 4, 5, 2 * 6)).astype(np.float32)
    parts = coefficients.reshape(2, 3, 4, 5, 2, 6)
    for planes in (1, 5):
        functions = rng.random((2, 7, planes, 6)).astype(np.float32)
        found = combine(tf.constant(coefficients), tf.constant(functions), 2)
        expected = np.einsum("bxyzck,btzk->btxyzc", parts, np.broadcast_to(functions, (2, 7, 5, 6)))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_frame_does_not_depend_on_the_other_frames_asked_for(rng):
    model = surrogate()
    phase = tf.constant(rng.integers(0, 3, (1, 8, 8, 8)).astype(np.uint8))
    profile, times_s = equal_charge_frames(2.0)
    every = model({"phase": phase, **_load(profile, times_s)})
    some = model({"phase": phase, **_load(profile[::6], times_s[::6])})
    np.testing.assert_allclose(some["voltage_v"], every["voltage_v"][:, ::6], atol=1e-5)


def test_the_potential_has_one_level_on_all_of_the_solid_and_a_pattern_around_it(rng):
    phase = rng.integers(0, 3, (1, 8, 8, 8)).astype(np.uint8)
    model = surrogate()
    profile, times_s = equal_charge_frames(1.0)
    load = _load(profile, times_s)
    conditions = model.conditions(phase, model.voxels(phase), load["c_rate_profile"], load["times_s"])
    static = model.static_inputs(
        tf.constant(phase), model.features(tf.constant(phase), model.voxels(phase)), conditions
    )
    states = model.states(static, conditions, None).numpy()[0]
    solid = phase[0] > 0
    assert np.abs(states[:, solid, 1].mean(1)).max() < 1e-5
    assert states[:, solid, 2].std(1).max() < 1e-5
    assert np.abs(states[:, solid, 2]).max() > 1e-3


def test_keras_keeps_the_layer():
    layer = TimeBasis(4, width=8)
    layer(np.zeros((1, 2, 2), np.float32))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()


def _load(profile, times_s):
    return {
        "c_rate_profile": tf.constant(profile[None], tf.float32),
        "times_s": tf.constant(times_s[None], tf.float32),
    }


def test_the_functions_of_time_know_how_the_material_behaves():
    parameters = Parameters()
    load = (tf.constant(p[None], tf.float32) for p in equal_charge_frames(1.0))
    conditions = Uniform(parameters).conditions(None, None, *load)
    features = time_features(conditions, parameters).numpy()[0]
    assert features.shape == (25, TIME_FEATURES)
    assert np.abs(features).max() < 2
    dol = conditions.mean_dol.numpy()[0].astype(np.float64)
    diffusivity = solid_diffusivity(dol * parameters.c_max_mol_m3, parameters)
    np.testing.assert_allclose(2 * features[:, 4], np.log(diffusivity[0] / diffusivity), atol=1e-3)
    slope = np.gradient(open_circuit_potential(dol, parameters), dol)
    np.testing.assert_allclose(-2 * features[2:-2, 5], slope[2:-2], atol=0.06)
