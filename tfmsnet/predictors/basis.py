"""All frames in one pass: fields of coefficients times functions of time.

    y(x, t) = sum_k a_k(x) b_k(t)

A network, MSNet or U-Net, makes the coefficients a_k from the image and the C-rate, a small dense one the
functions b_k from what is known of each frame's time.  It is the branch and trunk of a DeepONet (Lu et al.
2021, doi:10.1038/s42256-021-00302-5).  A whole discharge costs about what one frame of
the other networks costs, in training and in prediction.  On the 0-D cell the functions follow from the charge
passed, and hold for constant current alone.  On a reference that knows each plane's history they are those
of the plane, b_k(z, t), made from its numbers there, and hold under any load.
"""

import keras
import tensorflow as tf

from tfmsnet.predictors.kinds import BASIS_WIDTH, time_numbers
from tfmsnet.predictors.objective import frame_losses
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.state import UNIT_C_RATE
from tfmsnet.predictors.static_inputs import StaticInputs
from tfmsnet.references.materials import Materials
from tfmsnet.references.reference import Conditions

# Step of the difference that the open-circuit potential's slope is taken from, degree of lithiation.
_SLOPE_STEP = 0.01


def time_features(conditions: Conditions, parameters) -> tf.Tensor:
    """What is known of each frame's time: how far the discharge is, and how the material then behaves.

    Gradients in a particle grow as 1 / D(x), the current's spread over the electrode follows dE/dx, and
    both rise from nothing as the square root of time.

    Args:
        conditions: of the frames.
        parameters: `halfcell.Parameters` of the cell.

    Returns:
        (batch, time, feature) float32, each about 0..1: C-rate, charge, its square root and square,
        ln(D(x_0) / D(x)), -dE/dx.
    """
    dol, start = conditions.mean_dol, parameters.initial_dol
    charge = (dol - start) / (1.0 - start)
    materials = Materials(parameters)
    at_start = materials.solid_diffusivity(tf.constant(start, tf.float32))
    slower = tf.math.log(at_start / materials.solid_diffusivity(dol))
    below, above = (materials.open_circuit(dol + step)[0] for step in (-_SLOPE_STEP, _SLOPE_STEP))
    features = [
        conditions.c_rate / UNIT_C_RATE,
        charge,
        tf.sqrt(tf.abs(charge)),
        charge**2,
        slower / 2.0,
        (below - above) / (2.0 * _SLOPE_STEP) / 2.0,
    ]
    return tf.stack(features, axis=-1)


@keras.saving.register_keras_serializable(package="tfmsnet")
class TimeBasis(keras.layers.Layer):
    """Functions of time: a dense network with two hidden layers.

    Input (batch, time, plane, feature), output (batch, time, plane, function).

    Args:
        functions: how many.
        width: of the hidden layers.
    """

    def __init__(self, functions, width=BASIS_WIDTH, **kwargs):
        super().__init__(**kwargs)
        self.functions = functions
        self.width = width

    def build(self, input_shape):
        self.layers = [
            keras.layers.Dense(self.width, activation="silu", dtype=self.dtype_policy, name="hidden_0"),
            keras.layers.Dense(self.width, activation="silu", dtype=self.dtype_policy, name="hidden_1"),
            keras.layers.Dense(self.functions, dtype=self.dtype_policy, name="functions"),
        ]
        shape = tuple(input_shape)
        for layer in self.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, inputs):
        hidden = inputs
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.functions)

    def get_config(self):
        return {**super().get_config(), "functions": self.functions, "width": self.width}


def combine(coefficients, functions, channels):
    """sum_k a_k b_k.

    Args:
        coefficients: (batch, x, y, z, channel * function).
        functions: (batch, time, plane, function); one plane stands for all.
        channels: of the state.

    Returns:
        (batch, time, x, y, z, channel).
    """
    count = functions.shape[-1]
    batch, x, y, z, _ = tf.unstack(tf.shape(coefficients))
    if functions.shape[2] == 1:
        flat = tf.reshape(coefficients, [batch, -1, count])
        frames = tf.matmul(functions[:, :, 0], flat, transpose_b=True)
        return tf.reshape(frames, [batch, -1, x, y, z, channels])
    parts = tf.reshape(coefficients, [batch, x, y, z, channels, count])
    return tf.einsum("bxyzck,btzk->btxyzc", parts, functions)


def coarse_planes(functions, planes):
    """The means over equal groups of planes: (batch, time, plane, function), `planes` of them."""
    if functions.shape[2] == 1:
        return functions
    batch, time, _, count = tf.unstack(tf.shape(functions))
    grouped = tf.reshape(functions, [batch, time, planes, -1, count])
    return tf.ensure_shape(tf.reduce_mean(grouped, axis=3), [None, None, None, functions.shape[-1]])


class Basis(Predictor):
    """A predictor without steps: see the module's text."""

    def _make_network(self, precision):
        self.basis = TimeBasis(self.config.basis, dtype="float32", name="time_basis")
        self.basis.build((None, None, None, time_numbers(self.config)))
        return super()._make_network(precision)

    def frames(self, static: StaticInputs, conditions: Conditions):
        """All frames but the first, a list over scales of (batch, time - 1, x, y, z, channel)."""
        masks = [tf.repeat(mask, self.config.basis, axis=-1) for mask in static.masks]
        c_rate = conditions.c_rate_scale[:, None] / UNIT_C_RATE
        coefficients = self.network(static.features, masks, c_rate)
        functions = self.basis(self._known(conditions)[:, 1:])
        channels = len(self.state.channels)
        return [combine(part, coarse_planes(functions, tf.shape(part)[3]), channels) for part in coefficients]

    def _known(self, conditions: Conditions):
        """(batch, time, plane, feature), what functions of time are made from."""
        features = time_features(conditions, self.parameters)[:, :, None]
        planes = conditions.planes
        if not planes.shape[-1]:
            return features
        everywhere = tf.repeat(features, tf.shape(planes)[2], axis=2)
        return tf.concat([everywhere, planes], axis=-1)

    def walk(self, static, conditions):
        states = self.states(static, conditions, None)
        return lambda frame, state: states[:, frame - 1]

    def states(self, static, conditions, initial):
        """As `Predictor.states`; the initial state isn't looked at."""
        return self.frames(static, conditions)[0]

    def loss_and_gradients(self, static, conditions, true, index, objective):
        variables = [variable.value for variable in self.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = self.frames(static, conditions)
            losses = frame_losses(outputs, true[:, 1:], static.masks, objective.loss)
            per_scale = tf.reduce_sum(tf.reduce_mean(losses, axis=1), axis=0)
            loss = tf.reduce_sum(per_scale)
        return loss, per_scale, tape.gradient(loss, variables)
