"""The convolution of MSNet: against its definition, and CELU as the operation that replaces it."""

import os

import keras
import numpy as np
import pytest

import tfmsnet
from tfmsnet.networks.convolution import Convolution


@pytest.mark.parametrize(("padding", "mode"), [("mirror", "symmetric"), ("zero", "constant")])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_it_is_the_sum_over_the_neighbours(padding, mode, kernel_size):
    """Of an image that goes on as `numpy.pad` has it, also where that is smaller than the kernel's reach."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((2, 1, 4, 5, 2)).astype(np.float32)
    layer = Convolution(3, kernel_size, padding, bias_initializer="random_normal")
    layer.build(inputs.shape)
    kernel, bias = layer.get_weights()
    if padding == "mirror":
        kernel = (kernel + kernel[::-1] + kernel[:, ::-1] + kernel[::-1, ::-1]) / 4
    around = kernel_size // 2
    padded = np.pad(inputs, ((0, 0), *[(around, around)] * 3, (0, 0)), mode=mode)
    expected = bias + sum(
        padded[:, i : i + 1, j : j + 4, k : k + 5] @ kernel[i, j, k]
        for i, j, k in np.ndindex(*[kernel_size] * 3)
    )
    np.testing.assert_allclose(layer(inputs), expected, atol=1e-5)


def test_onednn_is_on_unless_it_was_turned_off():
    assert tfmsnet.__version__
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"]


def test_celu_of_a_branch_is_celu():
    x = np.linspace(-5, 5, 101).astype(np.float32)
    np.testing.assert_allclose(keras.activations.elu(x), keras.activations.celu(x), rtol=1e-6, atol=1e-7)
