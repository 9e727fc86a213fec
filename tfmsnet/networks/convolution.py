"""The 3D convolution of MSNet.

On a CPU it is oneDNN's kernels that make it fast, the gradients above all; TensorFlow turns them on by
itself on recent CPUs alone, `import tfmsnet` on all.  `benchmarks/convolution.py` measures its rate.
"""

import keras


@keras.saving.register_keras_serializable(package="tfmsnet")
class Convolution(keras.layers.Conv3D):
    """`keras.layers.Conv3D`, by default 3x3x3, with zeros around it so that the size stays.

    Input (batch, x, y, z, in), output (batch, x, y, z, out).
    """

    def __init__(self, filters, kernel_size=3, padding="same", **kwargs):
        super().__init__(filters, kernel_size, padding=padding, **kwargs)
