"""Frame after frame: the paper's autoregressive predictor, and what it is trained by."""

import tensorflow as tf

from tfmsnet.predictors.config import Objective
from tfmsnet.predictors.objective import frame_losses
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.static_inputs import StaticInputs
from tfmsnet.predictors.trajectory import adjoint_gradient, tape_gradient

GRADIENTS = {"adjoint": adjoint_gradient, "tape": tape_gradient}


class Rollout(Predictor):
    """Each frame from the one before, on its own predictions: the network is one time step.

    Trained in windows of several frames (autoregressive) or of one (classic).
    """

    def step(self, static: StaticInputs, operating_point, state):
        """One time step: (batch, number), (batch, x, y, z, channel) -> list over scales of states."""
        return self.network(static.features, static.masks, operating_point, state)

    def walk(self, static, conditions):
        operating_point = self.state.operating_point(conditions)
        return lambda frame, state: self.step(static, operating_point[:, frame], state)[0]

    def loss_and_gradients(self, static, conditions, true, index, objective):
        operating_point = self.state.operating_point(conditions)
        frames = (
            tf.shape(operating_point)[1] - 1
            if objective.gradient == "adjoint"
            else operating_point.shape[1] - 1
        )
        return GRADIENTS[objective.gradient](
            self.loss_step(static, operating_point, true, index, objective),
            _noisy(true[:, 0], static.masks[0], index, objective),
            frames,
            self.trainable_variables,
            records=len(static.masks),
        )

    def loss_step(self, static: StaticInputs, operating_point, true, index, objective: Objective):
        """The step that the gradient is taken of: `(t, state) -> (state, loss, loss per scale)`.

        Losses are summed over the batch.
        """

        def step(t, state):
            outputs = self.step(static, operating_point[:, t + 1], state * _kept(t, index, objective))
            losses = frame_losses(outputs, true[:, t + 1], static.masks, objective.loss)
            per_scale = tf.reduce_sum(losses, axis=0)
            return outputs[0], tf.reduce_sum(per_scale), per_scale

        return step


def _kept(t, index, objective: Objective):
    """(batch, 1, 1, 1, 1): 0 where the previous state is hidden, drawn per sample and step."""
    if not objective.state_dropout:
        return 1.0
    draw = _draw(tf.random.stateless_uniform, index, [], objective.seed, 1 + t)
    return tf.cast(draw >= objective.state_dropout, tf.float32)[:, None, None, None, None]


def _noisy(initial, mask, index, objective: Objective):
    if not objective.noise:
        return initial
    noise = _draw(tf.random.stateless_normal, index, tf.shape(initial)[1:], objective.seed, 0)
    return initial + objective.noise * tf.reshape(noise, tf.shape(initial)) * mask


def _draw(distribution, index, shape, seed, stream):
    """Random numbers per sample, a function of the run's seed and the place in the stream alone."""
    salt = tf.cast(seed + 7919 * (1 + stream), tf.int64)
    return tf.map_fn(
        lambda i: distribution(shape, tf.stack([salt, i])), index, fn_output_signature=tf.float32
    )
