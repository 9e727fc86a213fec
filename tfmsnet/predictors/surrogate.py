"""The surrogate: phase image and load in, fields and discharge curve out.

Everything that prediction needs is one TensorFlow computation: geometry channels, masks, rollout and the
way back to physical units.  Training, `tfmsnet predict` and the exported SavedModel share it.
"""

import keras
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.features import geometry_features
from tfmsnet.networks.registry import registered
from tfmsnet.networks.separate import SeparateNetworks
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.rollout import rollout
from tfmsnet.predictors.scene import Scene, crop_space, field_masks, make_scene
from tfmsnet.predictors.state import STATES, Conditions, foil_voltage, make_conditions, phase_mean


def check_grid(grid, scales: int, name: str) -> None:
    """Refuse an image with fewer voxels along an edge than one voxel of the coarsest scale has.

    Raises:
        UserError: names the grid and the smallest that would do.
    """
    smallest = 2 ** (scales - 1)
    if min(grid) < smallest:
        raise UserError(
            f"{name}: a grid of {'x'.join(map(str, grid))} voxels, expected at least {smallest} along each "
            f"edge for {scales} scales; use a larger image or fewer scales"
        )


class Surrogate(keras.Model):
    """A network with the meaning of its inputs and outputs.

    Args:
        config: of the network.
        parameters: `halfcell.Parameters` of the cell that it was trained on.
        statistics: of the training split, as the manifest has them.
        voxel_size_m: edge of the voxels that it was trained on, m.
        precision: "float32", or "mixed_bfloat16" for the convolutions (weights, states and losses stay
            float32).
    """

    def __init__(
        self, config: NetworkConfig, parameters, statistics, voxel_size_m, precision="float32", **kwargs
    ):
        super().__init__(**kwargs)
        self.config = config
        self.parameters = parameters
        self.voxel_size_m = voxel_size_m
        self.state = STATES[config.state].from_statistics(config.fields, parameters, statistics)
        self.network = self._make_network(precision)
        self._build_network()

    def _make_network(self, precision):
        """One for all channels, or one for each field's."""
        channels, config = self.state.channels, self.config
        if not config.potential_filters:
            return self._network(channels, config.options, precision, config.architecture)
        networks = [
            self._network(
                [c for c in channels if c.field == field], config.options_of(field), precision, field
            )
            for field in config.fields
        ]
        return SeparateNetworks(networks, dtype=precision, name=config.architecture)

    def _network(self, channels, options, precision, name):
        parts = [c.part for c in channels for _ in range(self._outputs_per_channel)]
        return registered(self.config.architecture).layer_class()(
            len(parts),
            options,
            scales=self.config.scales,
            autoregressive=self.config.autoregressive,
            parts=None if set(parts) == {"whole"} else tuple(parts),
            padding=self.config.padding,
            dtype=precision,
            name=name,
        )

    @property
    def _outputs_per_channel(self):
        return 1

    @property
    def _network_drive_channels(self):
        return self.state.drive_channels

    def _build_network(self):
        space = (None, None, None, None)
        features = [(*space, len(self.config.channels))] * self.config.scales
        masks = [(*space, self.network.outputs)] * self.config.scales
        self.network.build(features, masks, (None, self._network_drive_channels))
        self.built = True

    def features(self, phase):
        """(batch, x, y, z) uint8 -> (batch, x, y, z, channel), the network's geometry channels."""
        return geometry_features(phase, self.voxel_size_m, self.config.channels)

    def scene(self, phase, features) -> Scene:
        """The static inputs on all scales, padded."""
        return make_scene(phase, features, self.channel_fields, self.config.scales, self.config.padding)

    @property
    def channel_fields(self) -> tuple[str, ...]:
        """Per channel of the state, the field that it is a part of."""
        return tuple(channel.field for channel in self.state.channels)

    def step(self, scene: Scene, drive, state):
        """One time step: (batch, drive channel), (batch, x, y, z, channel) -> list over scales of states."""
        previous = state if self.config.autoregressive else None
        return self.network(scene.features, scene.masks, drive, previous)

    def conditions(self, c_rate, times_s) -> Conditions:
        """(batch, time) each -> what is known beforehand."""
        return make_conditions(c_rate, times_s, self.parameters)

    def states(self, scene: Scene, conditions: Conditions, initial):
        """The predicted states (batch, time - 1, x, y, z, channel), padded, frame 0 left out.

        Args:
            scene: static inputs.
            conditions: of all frames.
            initial: (batch, x, y, z, channel), the state of frame 0.
        """
        drive = self.state.drive(conditions)
        return rollout(
            lambda t, state: self.step(scene, drive[:, t + 1], state)[0],
            initial,
            tf.shape(drive)[1] - 1,
        )

    def call(self, inputs):
        """Whole discharges.

        Args:
            inputs: dict of phase (batch, x, y, z) uint8, c_rate_profile (batch, time) float32 in 1/h
                (element 0 is 0), times_s (batch, time) float32.

        Returns:
            dict of the fields (batch, time, x, y, z) float32 in mol/m3 and V, exactly 0 outside their
            phase, frame 0 the equilibrium state; dol (batch, time) and voltage_v (batch, time).
        """
        phase = inputs["phase"]
        conditions = self.conditions(inputs["c_rate_profile"], inputs["times_s"])
        scene = self.scene(phase, self.features(phase))
        initial = self.state.initial(scene.masks[0], conditions)
        states = tf.concat([initial[:, None], self.states(scene, conditions, initial)], axis=1)
        masks = field_masks(phase, self.channel_fields)
        fields = self.state.decode(crop_space(states, phase, axis=2), masks, conditions)
        return {**fields, **self._curve(fields, field_masks(phase, self.config.fields), conditions)}

    def _curve(self, fields, masks, conditions):
        """Degree of lithiation: mean concentration; voltage: mean potential of the solid on the foil.

        The paper takes the mean over all of the solid; on the foil it is the collector's voltage to
        0.01 mV, without the ohmic drop within the electrode.
        """
        curve = {"dol": conditions.mean_dol}
        for i, field in enumerate(self.config.fields):
            values, mask = fields[field], masks[..., i]
            if field == "concentration":
                curve["dol"] = phase_mean(values, mask) / self.parameters.c_max_mol_m3
            else:
                curve["voltage_v"] = foil_voltage(values, mask)
        return curve
