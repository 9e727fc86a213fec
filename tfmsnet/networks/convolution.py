"""The 3D convolution of the networks.

On a CPU it is oneDNN's kernels that make it fast, the gradients above all; TensorFlow turns them on by
itself on recent CPUs alone, `import tfmsnet` on all.  `benchmarks/convolution.py` measures its rate.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfmsnet")
class Convolution(keras.layers.Conv3D):
    """`keras.layers.Conv3D`, by default 3x3x3, with something around the image so that its size stays.

    Input (batch, x, y, z, in), output (batch, x, y, z, out).

    Args:
        filters: channels of the output.
        kernel_size: edge, voxels, odd.
        padding: "mirror": the image goes on as its mirror image, each wall being the mirror, as lithium and
            charge that no wall lets through see it, and the kernel is used as the mean of itself and its
            mirror images in x and y, the physics being the same from either side.  So the layer's answer to
            an image that was mirrored to twice its width is its answer, mirrored.  "zero": nothing is beyond
            (the paper's).
    """

    def __init__(self, filters, kernel_size=3, padding="mirror", **kwargs):
        super().__init__(filters, kernel_size, padding="same" if padding == "zero" else "valid", **kwargs)
        self.around = padding

    def call(self, inputs):
        return super().call(inputs if self.around == "zero" else mirrored(inputs, self.kernel_size[0] // 2))

    def convolution_op(self, inputs, kernel):
        """As `keras.layers.Conv3D` has it, for subclasses to change; the layer's kernel is what is stored."""
        if self.around == "mirror":
            for axis in (0, 1):
                kernel = 0.5 * (kernel + ops.flip(kernel, axis))
        return super().convolution_op(inputs, kernel)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "padding": self.around}


def mirrored(array, width):
    """(batch, x, y, z, channel) with `width` more voxels at each end of x, y, z: their mirror images."""
    if width == 0:
        return array
    if width == 1:
        return _outermost_twice(array)
    for axis in (1, 2, 3):
        size = ops.shape(array)[axis]
        # Mirrored again where the image is smaller than the padding.
        place = ops.arange(-width, size + width) % (2 * size)
        array = ops.take(array, ops.minimum(place, 2 * size - 1 - place), axis=axis)
    return array


def _outermost_twice(array):
    """`mirrored` by one voxel, forward by concatenation: half the time of TensorFlow's own padding.

    Its gradient is that padding's, which keeps nothing for the way back; a concatenation's keeps its inputs.
    """
    import tensorflow as tf  # the networks with zeros around them run on other backends, too

    @tf.custom_gradient
    def padded(array):
        for axis in (1, 2, 3):
            first, last = ([slice(None)] * axis + [end] for end in (slice(0, 1), slice(-1, None)))
            array = tf.concat([array[tuple(first)], array, array[tuple(last)]], axis=axis)
        around = [[0, 0], [1, 1], [1, 1], [1, 1], [0, 0]]
        return array, lambda g: tf.raw_ops.MirrorPadGrad(input=g, paddings=around, mode="SYMMETRIC")

    return padded(array)
