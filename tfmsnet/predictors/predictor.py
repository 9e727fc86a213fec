"""A predictor: phase image and load in, fields and discharge curve out.

Everything that prediction needs is one TensorFlow computation: geometry channels, masks, the frames and
the way back to physical units.  Training, `tfmsnet predict`, `tfmsnet evaluate` and the exported
SavedModel share it.
"""

from abc import abstractmethod
from collections.abc import Callable

import keras
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.features import geometry_features
from tfmsnet.networks.registry import registered
from tfmsnet.networks.separate import SeparateNetworks
from tfmsnet.predictors.config import NetworkConfig, Objective
from tfmsnet.predictors.domain import smallest_edge
from tfmsnet.predictors.kinds import kind_of
from tfmsnet.predictors.prediction import Prediction, Window
from tfmsnet.predictors.size import static_channels
from tfmsnet.predictors.state import STATES
from tfmsnet.predictors.static_inputs import StaticInputs, make_static_inputs, pad_space
from tfmsnet.predictors.trajectory import trajectory
from tfmsnet.references.reference import Conditions
from tfmsnet.references.registry import make_reference
from tfmsnet.references.registry import registered as registered_reference


def make_predictor(config: NetworkConfig, *args, **kwargs) -> "Predictor":
    """The predictor of a configuration, see `Predictor` for the arguments."""
    return kind_of(config).load()(config, *args, **kwargs)


class Predictor(keras.Model):
    """A network with the meaning of its inputs and outputs, and a way to make all frames with it.

    Subclasses say how frames follow from image and load (`walk`) and how weights are found
    (`loss_and_gradients`).

    Args:
        config: of the network.
        parameters: `halfcell.Parameters` of the cell that it was trained on.
        statistics: of the training split, as the manifest has them.
        voxel_size_m: edge of the voxels that it was trained on, m; None where they differed, and it is told
            each image's.
        precision: "float32", or "mixed_bfloat16" for the convolutions (weights, states and losses stay
            float32).
    """

    def __init__(
        self, config: NetworkConfig, parameters, statistics, voxel_size_m, precision="float32", **kwargs
    ):
        super().__init__(**kwargs)
        self.config, self.kind = config, kind_of(config)
        self.parameters = parameters
        self.voxel_size_m = voxel_size_m
        self.reference = make_reference(config.reference, parameters)
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
        parts = [c.part for c in channels for _ in range(self.kind.outputs(self.config))]
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

    def _build_network(self):
        space = (None, None, None, None)
        features = [(*space, static_channels(self.config))] * self.config.scales
        masks = [(*space, self.network.outputs)] * self.config.scales
        self.network.build(
            features, masks, (None, self.kind.operating_point or self.state.operating_point_channels)
        )
        self.built = True

    def features(self, phase, voxel_size_m):
        """Image (batch, x, y, z) and edges (batch,), m -> geometry channels (batch, x, y, z, channel)."""
        return geometry_features(phase, voxel_size_m, self.config.channels)

    def static_inputs(self, phase, features, conditions: Conditions) -> StaticInputs:
        """Geometry channels and what the reference knows of each voxel, on all scales, padded."""
        if conditions.static.shape[-1]:
            features = tf.concat([features, conditions.static], axis=-1)
        return make_static_inputs(
            phase, features, self.channel_fields, self.config.scales, self.config.padding
        )

    @property
    def constant_current(self) -> bool:
        """Whether it answers constant current alone."""
        return self.kind.constant_current(self.config)

    @property
    def channel_fields(self) -> tuple[str, ...]:
        """Per channel of the state, the field that it is a part of."""
        return tuple(channel.field for channel in self.state.channels)

    def conditions(
        self, phase, voxel_size_m, c_rate, times_s, calendering_percent=float("nan")
    ) -> Conditions:
        """The reference's answer, padded as the static inputs are; arguments as `Reference.conditions`'."""
        calendering = tf.broadcast_to(tf.cast(calendering_percent, tf.float32), tf.shape(phase)[:1])
        return self.padded(self.reference.conditions(phase, voxel_size_m, c_rate, times_s, calendering))

    def voxels(self, phase, voxel_size_m=None):
        """(batch,) float32, m: those that are given, else those that it was trained on.

        Raises:
            UserError: none are given, and it was trained on several.
        """
        if voxel_size_m is None:
            voxel_size_m = self.voxel_size_m
        if voxel_size_m is None:
            raise UserError("voxel_size_m: the model was trained on voxels of several sizes; say the image's")
        return tf.broadcast_to(tf.cast(voxel_size_m, tf.float32), tf.shape(phase)[:1])

    def padded(self, conditions: Conditions) -> Conditions:
        """Conditions whose reference fields, where they have voxels, are as large as the static inputs."""
        multiple = smallest_edge(self.config.scales)
        fields = {
            name: values if values.shape[2:] == (1, 1, 1) else pad_space(values, multiple, axis=2)
            for name, values in conditions.fields.items()
        }
        numbers = registered_reference(self.config.reference)
        # Records don't say how many numbers they hold.
        static = tf.ensure_shape(conditions.static, [None] * 4 + [numbers.voxel_numbers])
        planes = tf.ensure_shape(conditions.planes, [None] * 3 + [numbers.plane_numbers])
        if numbers.plane_numbers:
            rest = -tf.shape(planes)[2] % multiple
            planes = tf.pad(planes, [[0, 0], [0, 0], [0, rest], [0, 0]], "SYMMETRIC")
        return conditions._replace(fields=fields, planes=planes, static=static)

    @abstractmethod
    def walk(
        self, static: StaticInputs, conditions: Conditions
    ) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """`(frame, state) -> state`: the state of a frame from 1 on from that of the frame before it.

        States are (batch, x, y, z, channel), padded; `frame` is an int32 scalar.
        """

    @abstractmethod
    def loss_and_gradients(
        self,
        static: StaticInputs,
        conditions: Conditions,
        true: tf.Tensor,
        index: tf.Tensor,
        objective: Objective,
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """The loss of a window of discharges and its gradients by the trainable variables.

        Args:
            static: static inputs.
            conditions: of the window's frames.
            true: (batch, frames + 1, x, y, z, channel), the states; the first is where the window begins.
            index: (batch,) int64, place of each window in the training stream, that random numbers follow.
            objective: what is made small.

        Returns:
            Loss and loss per scale (scale,), summed over the batch, mean over the frames; gradients.
        """

    def states(self, static: StaticInputs, conditions: Conditions, initial):
        """The predicted states (batch, time - 1, x, y, z, channel), padded, frame 0 left out.

        Args:
            static: static inputs.
            conditions: of all frames.
            initial: (batch, x, y, z, channel), the state of frame 0.
        """
        advance = self.walk(static, conditions)
        return trajectory(lambda t, state: advance(t + 1, state), initial, tf.shape(conditions.c_rate)[1] - 1)

    def call(self, inputs):
        """Whole discharges.

        Args:
            inputs: dict of phase (batch, x, y, z) uint8, c_rate_profile (batch, time) float32 in 1/h
                (element 0 is 0), times_s (batch, time) float32; with a model of several sizes of voxels
                voxel_size_m (batch,) float32, m; what is known of calendering_percent (batch,) float32.

        Returns:
            dict of the fields (batch, time, x, y, z) float32 in mol/m3 and V, exactly 0 outside their
            phase, frame 0 the equilibrium state; dol (batch, time) and, with the potential, voltage_v
            (batch, time).
        """
        phase = inputs["phase"]
        voxel_size_m = self.voxels(phase, inputs.get("voxel_size_m"))
        calendering = inputs.get("calendering_percent", float("nan"))
        load = inputs["c_rate_profile"], inputs["times_s"]
        prediction = Prediction(self, phase, voxel_size_m, *load, calendering)
        return prediction.run(Window.of_all(phase))[0]
