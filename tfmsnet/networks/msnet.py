"""MSNet: one time step on several scales (the paper's figure 2, eqs. 11-16)."""

import keras

from tfmsnet.networks.layers import MaskedRefine, ScaleBranch, coarsen
from tfmsnet.networks.step_network import StepNetwork


def coarsened(field, scales):
    """The field on all scales, finest first: a list of (batch, x/2^n, y/2^n, z/2^n, channel)."""
    pyramid = [field]
    for _ in range(scales - 1):
        pyramid.append(coarsen(pyramid[-1]))
    return pyramid


@keras.saving.register_keras_serializable(package="tfmsnet")
class MSNet(StepNetwork):
    """One step of the autoregressive multiscale network.

        y_N-1 = CNN_N-1(X_N-1, y_N-1(t-1))
        y_n   = CNN_n(X_n, y_n(t-1), R(y_n+1)) + R(y_n+1),   n = N-2 ... 0

    X are the geometry channels and the drive (what is known of the frame: C-rate, mean degree of
    lithiation), R is `MaskedRefine`.  CNN_n, a `ScaleBranch`, is multiplied by the mask of its scale, so
    every field is exactly zero outside its phase on every scale.

    Arguments and call: see `StepNetwork`; `convolutions` and the like are those of each `ScaleBranch`.
    """

    def build(self, features_shape, masks_shape, drive_shape, state_shape=None):
        self.refine = MaskedRefine(dtype="float32", name="refine")
        self.refine.built = True  # nothing to build; `fit` under a strategy asks
        self.branches = []
        static = features_shape[0][-1] + drive_shape[-1]
        for scale in range(self.scales):
            branch = ScaleBranch(
                self.fields,
                self.filters_at(scale),
                self.convolutions,
                self.kernel,
                self.activation,
                self.normalisation,
                self.shortcut,
                dtype=self.dtype_policy,
                name=f"scale_{scale}",
            )
            below = self.fields if scale < self.scales - 1 else 0
            previous = self.fields if self.autoregressive else 0
            branch.build((None, None, None, None, static + previous + below))
            self.branches.append(branch)
        self.built = True

    def call(self, features, masks, drive, state=None):
        states = coarsened(state, self.scales) if self.autoregressive else [None] * self.scales
        outputs, refined = [None] * self.scales, None
        for scale in reversed(range(self.scales)):
            if scale < self.scales - 1:
                refined = self.refine(outputs[scale + 1], masks[scale], masks[scale + 1])
            inputs = self.inputs(features[scale], drive, states[scale], refined)
            update = self.masked(self.branches[scale](inputs), masks[scale])
            outputs[scale] = update if refined is None else update + refined
        return outputs
