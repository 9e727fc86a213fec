"""3D convolution as 2D convolutions of planes: the same numbers, about twice as fast to train on a CPU.

The CPU kernels of a 3D convolution, its gradients above all, reach a fraction of the rate of the 2D ones
when channels are few.  A kernel of k x k x k is k kernels of k x k, one per offset along x; either their
outputs are computed at once and added up shifted (few channels), or their inputs are stacked as channels
(many).  `benchmarks/convolution.py` measures both against `Conv3D`.
"""

import keras
from keras import ops

# From this many input channels on, stacking inputs is faster than adding shifted outputs.
MANY_CHANNELS = 96


@keras.saving.register_keras_serializable(package="tfmsnet")
class Convolution(keras.layers.Layer):
    """A convolution k x k x k, stride 1, zero padding to the same size, with a bias.

    The weights are those of `keras.layers.Conv3D` (kernel (k, k, k, in, out), bias (out,)).
    Input (batch, x, y, z, in), output (batch, x, y, z, out).

    Args:
        filters: channels of the output.
        kernel_size: k, odd.
        by_planes: whether to use 2D convolutions; None uses them where there is no accelerator.
    """

    def __init__(self, filters, kernel_size=3, by_planes=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.by_planes = by_planes

    def build(self, input_shape):
        shape = (*(self.kernel_size,) * 3, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        by_planes = has_no_accelerator() if self.by_planes is None else self.by_planes
        if not by_planes or self.kernel_size == 1:
            outputs = ops.conv(inputs, self.kernel, padding="same")
        elif inputs.shape[-1] < MANY_CHANNELS:
            outputs = self._shifted_outputs(inputs)
        else:
            outputs = self._stacked_inputs(inputs)
        return outputs + ops.cast(self.bias, outputs.dtype)

    def _shifted_outputs(self, inputs):
        k, n = self.kernel_size, inputs.shape[-1]
        kernel = ops.reshape(ops.transpose(self.kernel, (1, 2, 3, 0, 4)), (k, k, n, k * self.filters))
        parts = ops.split(self._convolve_planes(inputs, kernel), k, axis=-1)
        total = parts[k // 2]
        for offset, part in enumerate(parts):
            shift = offset - k // 2
            if shift:
                total = total + _shifted(part, shift)
        return total

    def _stacked_inputs(self, inputs):
        k, n = self.kernel_size, inputs.shape[-1]
        kernel = ops.reshape(ops.transpose(self.kernel, (1, 2, 0, 3, 4)), (k, k, k * n, self.filters))
        shifts = range(-(k // 2), k // 2 + 1)
        stacked = ops.concatenate([_shifted(inputs, s) if s else inputs for s in shifts], axis=-1)
        return self._convolve_planes(stacked, kernel)

    def _convolve_planes(self, inputs, kernel):
        batch, x, y, z = ops.shape(inputs)[:4]
        planes = ops.reshape(inputs, (batch * x, y, z, inputs.shape[-1]))
        outputs = ops.conv(planes, kernel, padding="same")
        return ops.reshape(outputs, (batch, x, y, z, kernel.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "by_planes": self.by_planes,
        }


def _shifted(array, shift):
    """array[x + shift] along x, zeros where that is outside."""
    before, after = max(0, -shift), max(0, shift)
    padded = ops.pad(array, ((0, 0), (before, after), (0, 0), (0, 0), (0, 0)))
    return padded[:, after : after + ops.shape(array)[1]]


def has_no_accelerator():
    """Whether computations run on the CPU."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU") and not tf.config.list_logical_devices("TPU")
