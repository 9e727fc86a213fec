"""What MSNet and U-Net have in common: how they are set up and called."""

import keras
from keras import ops

from tfmsnet.networks.config import filters_at
from tfmsnet.networks.layers import Projection


class StepNetwork(keras.layers.Layer):
    """One time step of all fields; a subclass has the layers.

    Args:
        fields: how many fields the state has.
        scales: how many scales (the paper: 3).
        filters: channels at the finest scale (the paper: 10).
        growth: factor of the channels from one scale to the next coarser (the paper: 4).
        convolutions, kernel, activation, normalisation, shortcut: see the subclass.
        autoregressive: whether the previous state is an input; False makes the *direct* network.
        parts: per field, which part of it the state is (see `Projection`); None for all of every field.

    Call with
        features: list over scales of (batch, x/2^n, y/2^n, z/2^n, channel),
        masks: list over scales of (batch, x/2^n, y/2^n, z/2^n, field),
        drive: (batch, drive channel),
        state: (batch, x, y, z, field) at the previous frame; None for the direct network.
    Returns the list over scales, finest first, of the next state (batch, x/2^n, ..., field), float32.
    """

    def __init__(
        self,
        fields,
        scales=3,
        filters=10,
        growth=4.0,
        convolutions=5,
        kernel=3,
        activation="celu",
        normalisation="none",
        autoregressive=True,
        parts=None,
        shortcut=False,
        **kwargs,
    ):
        # Masks and states stay float32 under mixed precision; `inputs` casts what the convolutions take.
        super().__init__(autocast=False, **kwargs)
        self.fields = fields
        self.scales = scales
        self.filters = filters
        self.growth = growth
        self.convolutions = convolutions
        self.kernel = kernel
        self.activation = activation
        self.normalisation = normalisation
        self.autoregressive = autoregressive
        self.parts = parts
        self.shortcut = shortcut
        self.project = Projection(parts, dtype="float32", name="project") if parts else None
        if self.project:
            self.project.built = True  # nothing to build; `fit` under a strategy asks

    def filters_at(self, scale):
        """Channels of the hidden layers at a scale, 0 the finest."""
        return filters_at(self.filters, self.growth, scale)

    def inputs(self, features, drive, *states):
        """What the convolutions of a scale take: all of it side by side, the drive spread over the voxels."""
        space = ops.shape(features)[1:4]
        channels = drive[:, None, None, None, :]
        constant = ops.broadcast_to(channels, (ops.shape(drive)[0], *space, drive.shape[-1]))
        parts = [features, constant, *(state for state in states if state is not None)]
        return ops.concatenate([ops.cast(part, self.compute_dtype) for part in parts], axis=-1)

    def masked(self, output, mask):
        """A scale's output inside the fields' phases, the part of each field that it may have."""
        output = ops.cast(output, "float32") * mask
        return self.project(output, mask) if self.project else output

    def compute_output_shape(self, features_shape, masks_shape, drive_shape, state_shape=None):
        return [tuple(shape) for shape in masks_shape]

    def get_config(self):
        return {
            **super().get_config(),
            "fields": self.fields,
            "scales": self.scales,
            "filters": self.filters,
            "growth": self.growth,
            "convolutions": self.convolutions,
            "kernel": self.kernel,
            "activation": self.activation,
            "normalisation": self.normalisation,
            "autoregressive": self.autoregressive,
            "parts": self.parts,
            "shortcut": self.shortcut,
        }
