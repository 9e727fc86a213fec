"""Convolution by planes against Keras' Conv3D: two ways to the same numbers and gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.model.convolution import MANY_CHANNELS, Convolution


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("width", [6, 1])
@pytest.mark.parametrize(("channels", "by_planes"), [(5, True), (MANY_CHANNELS, True), (5, False)])
def test_it_is_conv3d(kernel, channels, by_planes, width):
    rng = np.random.default_rng(0)
    inputs = tf.constant(rng.standard_normal((2, width, 5, 7, channels)), tf.float32)
    reference = keras.layers.Conv3D(4, kernel, padding="same", bias_initializer="random_normal")
    layer = Convolution(4, kernel, by_planes=by_planes)
    reference.build(inputs.shape)
    layer.build(inputs.shape)
    layer.set_weights(reference.get_weights())

    def value_and_gradients(conv):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = conv(inputs)
            loss = tf.reduce_sum(tf.sin(outputs))
        return [outputs, *tape.gradient(loss, [inputs, *(v.value for v in conv.trainable_variables)])]

    for one, other in zip(value_and_gradients(layer), value_and_gradients(reference), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4, rtol=1e-4)


def test_celu_of_a_branch_is_celu():
    x = np.linspace(-5, 5, 101).astype(np.float32)
    np.testing.assert_allclose(keras.activations.elu(x), keras.activations.celu(x), rtol=1e-6, atol=1e-7)
