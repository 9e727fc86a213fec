"""MSNet: one time step on several scales (the paper's figure 2, eqs. 11-16)."""

import keras
from keras import ops

from tfmsnet.model.layers import MaskedRefine, Projection, ScaleBranch, coarsen


def coarsened(field, scales):
    """The field on all scales, finest first: a list of (batch, x/2^n, y/2^n, z/2^n, channel)."""
    pyramid = [field]
    for _ in range(scales - 1):
        pyramid.append(coarsen(pyramid[-1]))
    return pyramid


@keras.saving.register_keras_serializable(package="tfmsnet")
class MSNet(keras.layers.Layer):
    """One step of the autoregressive multiscale network.

        y_N-1 = CNN_N-1(X_N-1, y_N-1(t-1))
        y_n   = CNN_n(X_n, y_n(t-1), R(y_n+1)) + R(y_n+1),   n = N-2 ... 0

    X are the geometry channels and the drive (what is known of the frame: C-rate, mean degree of
    lithiation), R is `MaskedRefine`.  CNN_n is multiplied by the mask of its scale, so every field is
    exactly zero outside its phase on every scale.

    Args:
        fields: how many fields the state has.
        scales: how many scales (the paper: 3).
        filters: channels at the finest scale (the paper: 10).
        growth: factor of the channels from one scale to the next coarser (the paper: 4).
        convolutions, kernel, activation, normalisation, shortcut: see `ScaleBranch`.
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
        # Masks and states stay float32 under mixed precision; `_inputs` casts what the convolutions take.
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
        self.refine = MaskedRefine(dtype="float32", name="refine")
        self.project = Projection(parts, dtype="float32", name="project") if parts else None
        self.branches = [
            ScaleBranch(
                fields,
                self.filters_at(scale),
                convolutions,
                kernel,
                activation,
                normalisation,
                shortcut,
                dtype=self.dtype_policy,
                name=f"scale_{scale}",
            )
            for scale in range(scales)
        ]

    def filters_at(self, scale):
        """Channels of the hidden layers at a scale, 0 the finest."""
        return max(1, round(self.filters * self.growth**scale))

    def build(self, features_shape, masks_shape, drive_shape, state_shape=None):
        static = features_shape[0][-1] + drive_shape[-1]
        for scale, branch in enumerate(self.branches):
            below = self.fields if scale < self.scales - 1 else 0
            previous = self.fields if self.autoregressive else 0
            branch.build((None, None, None, None, static + previous + below))
        for layer in (self.refine, self.project):
            if layer is not None:
                layer.built = True  # nothing to build; `fit` under a strategy asks
        self.built = True

    def call(self, features, masks, drive, state=None):
        states = coarsened(state, self.scales) if self.autoregressive else [None] * self.scales
        outputs, refined = [None] * self.scales, None
        for scale in reversed(range(self.scales)):
            if scale < self.scales - 1:
                refined = self.refine(outputs[scale + 1], masks[scale], masks[scale + 1])
            inputs = self._inputs(features[scale], drive, states[scale], refined)
            update = ops.cast(self.branches[scale](inputs), "float32") * masks[scale]
            if self.project:
                update = self.project(update, masks[scale])
            outputs[scale] = update if refined is None else update + refined
        return outputs

    def _inputs(self, features, drive, state, refined):
        space = ops.shape(features)[1:4]
        channels = drive[:, None, None, None, :]
        constant = ops.broadcast_to(channels, (ops.shape(drive)[0], *space, drive.shape[-1]))
        parts = [features, constant, *(part for part in (state, refined) if part is not None)]
        return ops.concatenate([ops.cast(part, self.compute_dtype) for part in parts], axis=-1)

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
