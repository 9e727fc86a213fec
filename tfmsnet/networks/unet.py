"""U-Net with residual blocks: what the paper compares MSNet with, one time step of it."""

from dataclasses import asdict

import keras
from keras import ops

from tfmsnet.networks.config import UNetConfig
from tfmsnet.networks.convolution import Convolution
from tfmsnet.networks.layers import coarsen, nonlinearity, normaliser, repeated
from tfmsnet.networks.step_network import StepNetwork

_PACKAGE = "tfmsnet"


@keras.saving.register_keras_serializable(package=_PACKAGE)
class ResidualBlock(keras.layers.Layer):
    """The residual unit of PoreFlow-Net: convolutions, each after an activation, plus 1x1x1 of the input.

    Input (batch, x, y, z, channel), output (batch, x, y, z, filters).

    Args:
        filters: channels of all its layers.
        options: `UNetConfig`, or its values as a dictionary.
        padding: of the convolutions.
        first: whether the input is the network's, and so neither normalised nor activated before the first
            convolution.
    """

    def __init__(self, filters, options, padding="mirror", first=False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.options = UNetConfig(**options) if isinstance(options, dict) else options
        self.padding = padding
        self.first = first

    def build(self, input_shape):
        options = self.options
        self.hidden, self.normalisers = [], []
        shape = tuple(input_shape)
        for index in range(options.convolutions):
            if options.normalisation == "instance" and (index or not self.first):
                self.normalisers.append(normaliser(options.normalisation, shape, self.dtype_policy, index))
            layer = Convolution(
                self.filters, options.kernel, self.padding, dtype=self.dtype_policy, name=f"hidden_{index}"
            )
            layer.build(shape)
            shape = (*shape[:-1], self.filters)
            self.hidden.append(layer)
        self.bypass = Convolution(self.filters, 1, dtype=self.dtype_policy, name="bypass")
        self.bypass.build(tuple(input_shape))
        self.nonlinearity = nonlinearity(options.activation)
        self.built = True

    def call(self, inputs):
        hidden, normalisers = inputs, iter(self.normalisers)
        for index, layer in enumerate(self.hidden):
            if index or not self.first:
                if self.normalisers:
                    hidden = next(normalisers)(hidden)
                hidden = self.nonlinearity(hidden)
            hidden = layer(hidden)
        return hidden + self.bypass(inputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "options": asdict(self.options),
            "padding": self.padding,
            "first": self.first,
        }


@keras.saving.register_keras_serializable(package=_PACKAGE)
class UNet(StepNetwork):
    """A U-Net with residual blocks, after PoreFlow-Net.

        e_0   = B(X, y(t-1)),  e_n = B(A(e_n-1))       down, n = 1 ... N-1
        d_N-1 = e_N-1,         d_n = B(U(d_n+1), e_n)    up, n = N-2 ... 0
        y_n   = head_n(d_n)

    B is a `ResidualBlock`, A the mean over 2x2x2 voxels, U nearest-neighbour repetition, head_n a
    convolution 1x1x1, masked and projected as the branches of `MSNet` are.  Only the finest scale sees the
    inputs.  There is a head on every scale (deep supervision), so that a training step takes this network as
    it takes MSNet, with the loss of eqs. (17)-(18) on all scales; the finest head is the prediction.

    From PoreFlow-Net (Santos et al. 2020, doi:10.1016/j.advwatres.2020.103539): residual units of two
    convolutions, skips by concatenation, repetition on the way up, channels that double with every one of
    four scales.  Unlike it: one encoder for all inputs instead of one for each, means instead of strided
    convolutions, instance normalisation or none instead of that of the batch, a linear head.

    Arguments and call: see `StepNetwork`; its options are `UNetConfig`.  `filters` and `growth` give the
    channels of each scale, down and up; `shortcut` lets the finest head see the inputs too.
    """

    def build(self, features_shape, masks_shape, operating_point_shape, state_shape=None):
        inputs = (
            features_shape[0][-1] + operating_point_shape[-1] + (self.outputs if self.autoregressive else 0)
        )
        channels = [self.options.filters_at(scale) for scale in range(self.scales)]
        self.down = [
            self._block(scale, before, "down") for scale, before in enumerate([inputs, *channels[:-1]])
        ]
        self.up = [
            self._block(scale, channels[scale] + channels[scale + 1], "up")
            for scale in range(self.scales - 1)
        ]
        self.heads = []
        for scale in range(self.scales):
            # The heads and what follows them stay float32 under mixed precision: they are the state.
            head = Convolution(self.outputs, 1, dtype="float32", name=f"head_{scale}")
            seen = channels[scale] + (inputs if self.options.shortcut and scale == 0 else 0)
            head.build((None, None, None, None, seen))
            self.heads.append(head)
        self.built = True

    def _block(self, scale, inputs, way):
        block = ResidualBlock(
            self.options.filters_at(scale),
            self.options,
            self.padding,
            first=scale == 0 and way == "down",
            dtype=self.dtype_policy,
            name=f"{way}_{scale}",
        )
        block.build((None, None, None, None, inputs))
        return block

    def call(self, features, masks, operating_point, state=None):
        inputs = self.inputs(features[0], operating_point, state if self.autoregressive else None)
        encoded = [self.down[0](inputs)]
        for block in self.down[1:]:
            encoded.append(block(coarsen(encoded[-1])))
        hidden, outputs = encoded[-1], [None] * self.scales
        for scale in reversed(range(self.scales)):
            if scale < self.scales - 1:
                hidden = self.up[scale](ops.concatenate([repeated(hidden), encoded[scale]], axis=-1))
            seen = hidden
            if self.options.shortcut and scale == 0:
                seen = ops.concatenate([ops.cast(part, "float32") for part in (hidden, inputs)], axis=-1)
            outputs[scale] = self.masked(self.heads[scale](seen), masks[scale])
        return outputs
