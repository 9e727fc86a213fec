"""MSNet: one time step on several scales (the paper's figure 2, eqs. 11-16)."""

import keras

from tfmsnet.networks.layers import Coarsen, MaskedRefine, ScaleBranch, coarsen
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

    X are the geometry channels and the operating_point (what is known of the frame: C-rate, mean degree of
    lithiation), R is `MaskedRefine`.  CNN_n, a `ScaleBranch`, is multiplied by the mask of its scale, so
    every field is exactly zero outside its phase on every scale; in je-santos/ms_net it isn't
    (`MSNetConfig.masked` "refinement": a network without `parts`, whose voxels outside the phases mean
    nothing).

    Arguments and call: see `StepNetwork`; its options are `MSNetConfig`.
    """

    def build(self, features_shape, masks_shape, operating_point_shape, state_shape=None):
        self.refine = MaskedRefine(dtype="float32", name="refine")
        self.coarsen = Coarsen(dtype="float32", name="coarsen")
        self.refine.built = self.coarsen.built = True  # nothing to build; `fit` under a strategy asks
        self.branches = []
        static = features_shape[0][-1] + operating_point_shape[-1]
        for scale in range(self.scales):
            branch = ScaleBranch(
                self.outputs,
                self.options.filters_at(scale),
                self.options,
                self.padding,
                dtype=self.dtype_policy,
                name=f"scale_{scale}",
            )
            below = self.outputs if scale < self.scales - 1 else 0
            previous = self.outputs if self.autoregressive else 0
            branch.build((None, None, None, None, static + previous + below))
            self.branches.append(branch)
        self.built = True

    def pyramid(self, state):
        """The state on all scales, finest first."""
        states = [state]
        for _ in range(self.scales - 1):
            states.append(self.coarsen(states[-1]))
        return states

    def call(self, features, masks, operating_point, state=None):
        states = self.pyramid(state) if self.autoregressive else [None] * self.scales
        outputs, refined = [None] * self.scales, None
        # A projection is of what lies in a phase.
        everywhere = self.options.masked == "refinement" and not self.project
        for scale in reversed(range(self.scales)):
            if scale < self.scales - 1:
                refined = self.refine(outputs[scale + 1], masks[scale], masks[scale + 1])
            update = self.branches[scale](
                self.inputs(features[scale], operating_point, states[scale], refined)
            )
            update = update if everywhere else self.masked(update, masks[scale])
            outputs[scale] = update if refined is None else update + refined
        return outputs
