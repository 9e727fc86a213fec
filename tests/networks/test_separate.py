"""Separate networks: each field from its own weights alone, in every mode; what can't be is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.predictors.basis import make_surrogate
from tfmsnet.predictors.config import NetworkConfig

STATISTICS = {"concentration": {"pattern_rms": 0.006}, "potential": {"pattern_rms": 1e-4, "level_rms": 0.03}}


@pytest.mark.parametrize("mode", [{}, {"autoregressive": False}, {"autoregressive": False, "basis": 3}])
def test_each_field_has_weights_of_its_own(rng, mode):
    config = NetworkConfig(filters=3, potential_filters=2, convolutions=1, scales=2, **mode)
    keras.utils.set_random_seed(0)
    model = make_surrogate(config, Parameters(), STATISTICS, 0.5e-6)
    phase = tf.constant(rng.integers(0, 3, (1, 8, 8, 8)).astype(np.uint8))
    profile, times_s = (part[None, :4].astype(np.float32) for part in equal_charge_frames(1.0))
    inputs = {"phase": phase, "c_rate_profile": tf.constant(profile), "times_s": tf.constant(times_s)}
    before = model(inputs)
    for weight in model.network.networks[1].trainable_variables:
        weight.assign(weight + 0.1)
    after = model(inputs)
    np.testing.assert_array_equal(after["concentration"], before["concentration"])
    assert np.abs(after["voltage_v"] - before["voltage_v"]).max() > 1e-6


def test_a_single_field_has_no_second_network():
    with pytest.raises(UserError, match="potential_filters: expected 0 with the single field concentration"):
        NetworkConfig(fields=("concentration",), potential_filters=8)


def test_keras_keeps_the_layer():
    config = NetworkConfig(filters=2, potential_filters=3, convolutions=1, scales=2)
    layer = make_surrogate(config, Parameters(), STATISTICS, 0.5e-6).network
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert [network.filters for network in copy.networks] == [2, 3]
