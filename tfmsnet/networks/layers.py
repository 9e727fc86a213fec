"""The layers of MSNet: Coarsen, MaskedRefine, Projection and ScaleBranch.

Arrays are (batch, x, y, z, channel).  A mask holds, per field, the fraction of a voxel that belongs to
the field's phase: 0 or 1 at the finest scale, in between at the coarser ones.  A coarse field is the
plain mean over the block, zeros outside the phase included, so that sums are kept on all scales.
"""

import keras
from keras import ops

from tfmsnet.networks.convolution import Convolution

_PACKAGE = "tfmsnet"


def coarsen(field):
    """The mean over blocks of 2x2x2 voxels, in the field's own type."""
    return ops.average_pool(field, pool_size=2, strides=2, padding="valid")


def repeated(field):
    """Each voxel as a block of 2x2x2: nearest-neighbour refinement."""
    for axis in (1, 2, 3):
        field = ops.repeat(field, 2, axis=axis)
    return field


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Coarsen(keras.layers.Layer):
    """The mean over blocks of 2x2x2 voxels ("nearest neighbour averaging" in the paper).

    Input (batch, x, y, z, channel) with even x, y, z; output (batch, x/2, y/2, z/2, channel).
    """

    def call(self, inputs):
        return coarsen(inputs)

    def compute_output_shape(self, input_shape):
        batch, *space, channels = input_shape
        return (batch, *(None if size is None else size // 2 for size in space), channels)


@keras.saving.register_keras_serializable(package=_PACKAGE)
class MaskedRefine(keras.layers.Layer):
    """Nearest-neighbour refinement that stays inside the phase and keeps the mean.

    `refine(y) = up(y) * mask / up(coarsen(mask))`: then `coarsen(refine(y)) == y` for any mask, for any
    y that is zero where the coarse mask is (the paper's section 4.2; the design after Santos et al. 2021,
    doi:10.1007/s11242-021-01617-y, whose mask isn't normalised).

    Call with `(coarse, fine_mask, coarse_mask)`: (batch, x/2, y/2, z/2, field), (batch, x, y, z, field),
    (batch, x/2, y/2, z/2, field).
    """

    def call(self, coarse, fine_mask, coarse_mask):
        density = ops.where(coarse_mask > 0, coarse / ops.where(coarse_mask > 0, coarse_mask, 1), 0)
        return repeated(density) * fine_mask

    def compute_output_shape(self, coarse_shape, fine_mask_shape, coarse_mask_shape):
        return fine_mask_shape


@keras.saving.register_keras_serializable(package=_PACKAGE)
class Projection(keras.layers.Layer):
    """Keeps of each field the part that it may have: all of it, its pattern, or its level.

    The level is the mean over the phase, the pattern what is left around it.  A concentration whose state
    is the deviation from the 0-D cell is a pattern: its predicted mean is Faraday's whatever the
    weights are, and lithium is conserved by construction.

    Args:
        parts: per field, "whole", "pattern" (zero mean over the phase) or "level" (uniform there).
    """

    def __init__(self, parts, **kwargs):
        super().__init__(**kwargs)
        self.parts = tuple(parts)

    def call(self, field, phase_mask):
        space = (1, 2, 3)
        # float32 whatever the compute type: bfloat16 can't hold a sum over voxels.
        values, weights = ops.cast(field, "float32"), ops.cast(phase_mask, "float32")
        total = ops.sum(values, axis=space, keepdims=True)
        volume = ops.maximum(ops.sum(weights, axis=space, keepdims=True), 1e-6)
        level = weights * (total / volume)
        around = ops.convert_to_tensor([float(part != "level") for part in self.parts], dtype="float32")
        mean = ops.convert_to_tensor([float(part != "pattern") for part in self.parts], dtype="float32")
        return ops.cast((values - level) * around + level * mean, field.dtype)

    def compute_output_shape(self, field_shape, phase_mask_shape):
        return field_shape

    def get_config(self):
        return {**super().get_config(), "parts": self.parts}


@keras.saving.register_keras_serializable(package=_PACKAGE)
class ScaleBranch(keras.layers.Layer):
    """The convolutional network of one scale, CNN_n of eqs. (14)-(16).

    `convolutions` layers of kernel^3 with `filters` channels and an activation, then 1x1x1 to `fields`.
    Input (batch, x, y, z, channel), output (batch, x, y, z, field).

    Args:
        fields: channels of the output.
        filters: channels of the hidden layers (the paper: 10 * 4**n at scale n).
        convolutions: hidden convolutions (the paper: 5).
        kernel: edge of their kernels, voxels (the paper: 3).
        activation: a Keras activation (the paper: celu).
        normalisation: "none", or "instance" as the PyTorch MS-Net has it.
        shortcut: whether the last layer sees the input too, so that what is linear in it need not pass the
            hidden ones (the paper: no).
    """

    def __init__(
        self,
        fields,
        filters,
        convolutions=5,
        kernel=3,
        activation="celu",
        normalisation="none",
        shortcut=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.fields = fields
        self.filters = filters
        self.convolutions = convolutions
        self.kernel = kernel
        self.activation = activation
        self.normalisation = normalisation
        self.shortcut = shortcut

    def build(self, input_shape):
        self.hidden, self.normalisers = [], []
        shape = tuple(input_shape)
        for index in range(self.convolutions):
            layer = Convolution(self.filters, self.kernel, dtype=self.dtype_policy, name=f"hidden_{index}")
            layer.build(shape)
            shape = (*shape[:-1], self.filters)
            self.hidden.append(layer)
            if self.normalisation == "instance":
                normaliser = keras.layers.GroupNormalization(
                    groups=-1, dtype=self.dtype_policy, name=f"norm_{index}"
                )
                normaliser.build(shape)
                self.normalisers.append(normaliser)
        # The last layer and what follows it stay float32 under mixed precision: they are the state.
        self.head = Convolution(self.fields, 1, dtype="float32", name="head")
        self.head.build((*shape[:-1], shape[-1] + (input_shape[-1] if self.shortcut else 0)))
        # CELU with alpha = 1 is ELU, which TensorFlow has as one fused operation.
        self.nonlinearity = keras.activations.get("elu" if self.activation == "celu" else self.activation)
        self.built = True

    def call(self, inputs):
        hidden = inputs
        for index, layer in enumerate(self.hidden):
            hidden = layer(hidden)
            if self.normalisers:
                hidden = self.normalisers[index](hidden)
            hidden = self.nonlinearity(hidden)
        if self.shortcut:
            hidden = ops.concatenate([ops.cast(part, "float32") for part in (hidden, inputs)], axis=-1)
        return self.head(hidden)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.fields)

    def get_config(self):
        return {
            **super().get_config(),
            "fields": self.fields,
            "filters": self.filters,
            "convolutions": self.convolutions,
            "kernel": self.kernel,
            "activation": self.activation,
            "normalisation": self.normalisation,
            "shortcut": self.shortcut,
        }
