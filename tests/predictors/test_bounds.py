"""Concentrations are possible ones, whatever the weights, and hold the lithium that has come in."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.prediction import within_bounds
from tfmsnet.predictors.predictor import make_predictor


def bounded(values, mask, maximum=1.0):
    shape = (len(values), -1, 1, 1)
    given = [tf.reshape(tf.constant(array), shape) for array in (values * mask, mask)]
    return within_bounds(*given, maximum).numpy().reshape(values.shape)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), spread=st.floats(0.01, 5.0), level=st.floats(0.02, 0.98))
def test_they_are_possible_and_the_mean_stays(seed, spread, level):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.0, spread, (3, 200)).astype("f4")
    mask = rng.random((3, 200)) < 0.7
    values += level - (values * mask).sum(1, keepdims=True) / mask.sum(1, keepdims=True)
    found = bounded(values, mask)
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found[~mask].any()
    np.testing.assert_allclose((found * mask).sum(1) / mask.sum(1), level, atol=2e-6)


def test_what_is_possible_stays(rng):
    values, mask = rng.random((2, 50)).astype("f4"), rng.random((2, 50)) < 0.5
    np.testing.assert_array_equal(bounded(values, mask), values * mask)


def test_they_are_the_nearest(rng):
    values = rng.normal(0.7, 0.5, 12).astype("f4")
    mean = np.clip(values.mean(), 0, 1)
    found = minimize(
        lambda x: np.square(x - values).sum(),
        np.full(12, mean),
        bounds=[(0, 1)] * 12,
        constraints={"type": "eq", "fun": lambda x: x.mean() - mean},
    )
    np.testing.assert_allclose(bounded(values[None], np.ones((1, 12), bool))[0], found.x, atol=1e-3)


@pytest.mark.parametrize("values", [{"basis": 3, "autoregressive": False}, {"autoregressive": True}])
def test_a_network_of_chance_weights_keeps_to_them(rng, values):
    keras.utils.set_random_seed(0)
    statistics = {
        "concentration": {"pattern_rms": 5.0},
        "potential": {"pattern_rms": 1e-4, "level_rms": 0.03},
    }
    parameters = Parameters()
    model = make_predictor(
        NetworkConfig.of(filters=4, convolutions=2, scales=2, **values), parameters, statistics, 0.5e-6
    )
    phase = rng.integers(0, 3, (1, 8, 8, 8)).astype(np.uint8)
    profile, times_s = equal_charge_frames(2.0)
    load = {"c_rate_profile": profile[None].astype("f4"), "times_s": times_s[None].astype("f4")}
    answer = model({"phase": tf.constant(phase), **{k: tf.constant(v) for k, v in load.items()}})
    inside = answer["concentration"].numpy()[0][:, phase[0] == 1]
    assert (inside.min(), inside.max()) == (0.0, np.float32(parameters.c_max_mol_m3))
    charged = parameters.initial_dol + np.cumsum(profile * np.diff(times_s, prepend=0)) / 3600 * (
        1 - parameters.initial_dol
    )
    np.testing.assert_allclose(answer["dol"][0], charged, atol=1e-5)
