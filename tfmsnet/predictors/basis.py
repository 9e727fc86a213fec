"""All frames in one pass: fields of coefficients times functions of time.

    y(x, t) = sum_k a_k(x) b_k(t)

A network, MSNet or U-Net, makes the coefficients a_k from the image and the C-rate, a small dense one the
functions b_k from what is known of each frame's time.  It is the branch and trunk of a DeepONet (Lu et al.
2021, doi:10.1038/s42256-021-00302-5).  A whole discharge costs about what one frame of
the other networks costs, in training and in prediction; in exchange it holds for constant current alone.
"""

import keras
import tensorflow as tf
from keras import ops

from tfmsnet.predictors.kinds import BASIS_WIDTH, TIME_FEATURES
from tfmsnet.predictors.objective import frame_losses
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.scene import Scene
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
        conditions.c_rate / 3.0,
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

    Input (batch, time, feature), output (batch, time, function).

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
        functions: (batch, time, function).
        channels: of the state.

    Returns:
        (batch, time, x, y, z, channel).
    """
    count = functions.shape[-1]
    shape = ops.shape(coefficients)
    flat = ops.reshape(coefficients, (shape[0], -1, count))
    frames = ops.matmul(functions, ops.transpose(flat, (0, 2, 1)))
    return ops.reshape(frames, (shape[0], -1, *shape[1:4], channels))


class Basis(Predictor):
    """A predictor without steps: see the module's text."""

    def _make_network(self, precision):
        self.basis = TimeBasis(self.config.basis, dtype="float32", name="time_basis")
        self.basis.build((None, None, TIME_FEATURES))
        return super()._make_network(precision)

    def frames(self, scene: Scene, conditions: Conditions):
        """All frames but the first, a list over scales of (batch, time - 1, x, y, z, channel)."""
        masks = [tf.repeat(mask, self.config.basis, axis=-1) for mask in scene.masks]
        c_rate = conditions.c_rate_scale[:, None] / 3.0
        coefficients = self.network(scene.features, masks, c_rate)
        functions = self.basis(time_features(conditions, self.parameters)[:, 1:])
        channels = len(self.state.channels)
        return [combine(part, functions, channels) for part in coefficients]

    def walk(self, scene, conditions):
        states = self.states(scene, conditions, None)
        return lambda frame, state: states[:, frame - 1]

    def states(self, scene, conditions, initial):
        """As `Predictor.states`; the initial state isn't looked at."""
        return self.frames(scene, conditions)[0]

    def loss_and_gradients(self, scene, conditions, true, index, objective):
        variables = [variable.value for variable in self.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = self.frames(scene, conditions)
            losses = frame_losses(outputs, true[:, 1:], scene.masks, objective.loss)
            per_scale = tf.reduce_sum(tf.reduce_mean(losses, axis=1), axis=0)
            loss = tf.reduce_sum(per_scale)
        return loss, per_scale, tape.gradient(loss, variables)
