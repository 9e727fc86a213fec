"""What all networks have in common: how they are made and called."""

from dataclasses import asdict

import keras
from keras import ops

from tfmsnet.configuration import from_dict
from tfmsnet.networks.layers import Projection
from tfmsnet.networks.registry import config_of


class StepNetwork(keras.layers.Layer):
    """One time step of all fields; a subclass has the layers.

    Args:
        outputs: channels of the state.
        options: the network's own configuration, such as `tfmsnet.networks.config.MSNetConfig`.
        scales: how many scales there are (the paper: 3).
        autoregressive: whether the previous state is an input; False makes the *direct* network.
        parts: per channel of the state, which part of the field it is (see `Projection`); None for all of it.
        padding: of the convolutions, "mirror" or "zero", see `Convolution`.

    Call with
        features: list over scales of (batch, x/2^n, y/2^n, z/2^n, channel),
        masks: list over scales of (batch, x/2^n, y/2^n, z/2^n, state channel),
        operating_point: (batch, operating-point channel),
        state: (batch, x, y, z, state channel) at the previous frame; None for the direct network.
    Returns the list over scales, finest first, of the next state (batch, x/2^n, ..., state channel), float32.
    """

    def __init__(
        self, outputs, options, scales=3, autoregressive=True, parts=None, padding="mirror", **kwargs
    ):
        # Masks and states stay float32 under mixed precision; `inputs` casts what the convolutions take.
        super().__init__(autocast=False, **kwargs)
        self.outputs = outputs
        self.options = options
        self.scales = scales
        self.autoregressive = autoregressive
        self.parts = parts
        self.padding = padding
        self.project = Projection(parts, dtype="float32", name="project") if parts else None
        if self.project:
            self.project.built = True  # nothing to build; `fit` under a strategy asks

    def inputs(self, features, operating_point, *states):
        """What the convolutions of a scale take, side by side; the operating point spread over the voxels."""
        space = ops.shape(features)[1:4]
        channels = operating_point[:, None, None, None, :]
        constant = ops.broadcast_to(
            channels, (ops.shape(operating_point)[0], *space, operating_point.shape[-1])
        )
        parts = [features, constant, *(state for state in states if state is not None)]
        return ops.concatenate([ops.cast(part, self.compute_dtype) for part in parts], axis=-1)

    def masked(self, output, mask):
        """A scale's output inside the fields' phases, the part of each field that it may have."""
        output = ops.cast(output, "float32") * mask
        return self.project(output, mask) if self.project else output

    def compute_output_shape(self, features_shape, masks_shape, operating_point_shape, state_shape=None):
        return [tuple(shape) for shape in masks_shape]

    def get_config(self):
        return {
            **super().get_config(),
            "outputs": self.outputs,
            "options": asdict(self.options),
            "scales": self.scales,
            "autoregressive": self.autoregressive,
            "parts": self.parts,
            "padding": self.padding,
        }

    @classmethod
    def from_config(cls, config):
        options = from_dict(config_of(cls), config.pop("options"), cls.__name__)
        return cls(options=options, **config)
