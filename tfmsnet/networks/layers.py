"""The layers of MSNet: Coarsen, MaskedRefine, Projection and ScaleBranch.

Arrays are (batch, x, y, z, channel).  A mask holds, per field, the fraction of a voxel that belongs to
the field's phase: 0 or 1 at the finest scale, in between at the coarser ones.  A coarse field is the
plain mean over the block, zeros outside the phase included, so that sums are kept on all scales.
"""

from dataclasses import asdict

import keras
from keras import ops

from tfmsnet.networks.config import MSNetConfig
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
    y that is zero where the coarse mask is (the paper's section 4.2; after Santos et al. 2021,
    doi:10.1007/s11242-021-01617-y, and je-santos/ms_net, whose masks are the same).

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

    Hidden convolutions with `filters` channels and an activation, as the options say, then 1x1x1 to the
    outputs.  Input (batch, x, y, z, channel), output (batch, x, y, z, output).

    Args:
        outputs: channels of the output.
        filters: channels of the hidden layers (the paper: 10 * 4**n at scale n).
        options: `MSNetConfig`, or its values as a dictionary.
        padding: of the convolutions.
    """

    def __init__(self, outputs, filters, options, padding="mirror", **kwargs):
        super().__init__(**kwargs)
        self.outputs = outputs
        self.filters = filters
        self.options = MSNetConfig(**options) if isinstance(options, dict) else options
        self.padding = padding

    def build(self, input_shape):
        options = self.options
        self.hidden, self.normalisers = [], []
        shape = tuple(input_shape)
        for index in range(options.convolutions):
            layer = Convolution(
                self.filters, options.kernel, self.padding, dtype=self.dtype_policy, name=f"hidden_{index}"
            )
            layer.build(shape)
            shape = (*shape[:-1], self.filters)
            self.hidden.append(layer)
            if index < options.normalised_layers():
                self.normalisers.append(normaliser(options.normalisation, shape, self.dtype_policy, index))
        # The last layer and what follows it stay float32 under mixed precision: they are the state.
        self.head = Convolution(self.outputs, 1, dtype="float32", name="head")
        self.head.build((*shape[:-1], shape[-1] + (input_shape[-1] if options.shortcut else 0)))
        self.nonlinearity = nonlinearity(options.activation)
        self.built = True

    def call(self, inputs):
        hidden = inputs
        for index, layer in enumerate(self.hidden):
            hidden = layer(hidden)
            if index < len(self.normalisers):
                hidden = self.normalisers[index](hidden)
            hidden = self.nonlinearity(hidden)
        if self.options.shortcut:
            hidden = ops.concatenate([ops.cast(part, "float32") for part in (hidden, inputs)], axis=-1)
        return self.head(hidden)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "outputs": self.outputs,
            "filters": self.filters,
            "options": asdict(self.options),
            "padding": self.padding,
        }


def nonlinearity(activation):
    """The function of a name.  CELU with alpha = 1 is ELU, which TensorFlow has as one fused operation."""
    return keras.activations.get("elu" if activation == "celu" else activation)


def normaliser(normalisation, shape, dtype, index):
    """Each channel of each image by its own mean and deviation; see `MSNetConfig.normalisation`."""
    weights = normalisation == "instance"
    epsilon = 1e-3 if weights else 1e-5  # Keras' and PyTorch's
    layer = keras.layers.GroupNormalization(
        groups=-1, epsilon=epsilon, center=weights, scale=weights, dtype=dtype, name=f"norm_{index}"
    )
    layer.build(shape)
    return layer
