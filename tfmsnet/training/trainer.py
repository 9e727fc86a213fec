"""The Keras model that trains a surrogate: a custom train_step over rollouts, under any strategy."""

import keras
import tensorflow as tf

from tfmsnet.predictors.adjoint import adjoint_gradient, tape_gradient
from tfmsnet.predictors.scene import pad_space
from tfmsnet.predictors.state import Conditions
from tfmsnet.predictors.surrogate import Surrogate
from tfmsnet.training.config import TrainingConfig
from tfmsnet.training.objective import frame_losses

GRADIENTS = {"adjoint": adjoint_gradient, "tape": tape_gradient}


class RolloutTrainer(keras.Model):
    """Trains a `Surrogate` on windows of discharges.

    A batch is a dict, as `tfmsnet.training.data` makes it: phase, features, concentration and potential
    (batch, frames + 1, x, y, z), c_rate_profile and mean_dol (batch, frames + 1), c_rate_scale and
    index (batch,).  The first frame of the window is the state that the rollout starts from.

    Gradients are those of the mean over the global batch, whatever the number of replicas, and are clipped
    after they have been summed over the replicas, so that any number of them takes the same step.
    """

    def __init__(self, surrogate: Surrogate, config: TrainingConfig, **kwargs):
        super().__init__(**kwargs)
        self.surrogate = surrogate
        self.config = config
        self.gradient = GRADIENTS[config.gradient]
        scales = surrogate.config.scales
        self.trackers = [
            keras.metrics.Mean(name=name)
            for name in ("loss", *(f"loss_scale_{n}" for n in range(scales)), "gradient_norm")
        ]
        self.built = True

    @property
    def metrics(self):
        return self.trackers

    def compile(self, optimizer, jit_compile=False, **kwargs):
        """As Keras' compile; the optimizer's variables are made at once, and XLA (slow on CPUs) is off."""
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        self.optimizer.build(self.surrogate.trainable_variables)

    def call(self, inputs):
        """Whole discharges; see `Surrogate.call`."""
        return self.surrogate(inputs)

    def window(self, batch):
        """Scene, conditions and true states (batch, frames + 1, x, y, z, channel) of a batch."""
        scene = self.surrogate.scene(batch["phase"], batch["features"])
        conditions = Conditions(batch["c_rate_profile"], batch["mean_dol"], batch["c_rate_scale"])
        divisor = 2 ** (self.surrogate.config.scales - 1)
        fields = {f: pad_space(batch[f], divisor, axis=2) for f in self.surrogate.config.fields}
        return scene, conditions, self.surrogate.state.encode(fields, scene.masks[0], conditions)

    def train_step(self, batch):
        """One optimizer step, for `fit`: the running means of what `optimize` returns."""
        samples = tf.cast(tf.shape(batch["index"])[0], tf.float32)
        for tracker, value in zip(self.trackers, self.optimize(batch).values(), strict=True):
            tracker.update_state(value, sample_weight=samples)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def optimize(self, batch):
        """One optimizer step on a replica's share of the global batch.

        Returns:
            Name -> scalar: loss and loss per scale, means over the replica's samples, and the gradient's
            global norm before clipping, the same on all replicas.
        """
        samples = tf.cast(tf.shape(batch["index"])[0], tf.float32)
        loss, record, gradients = self.loss_and_gradients(batch)
        norm = self._apply(gradients, self.surrogate.trainable_variables, samples)
        values = [loss / samples, *tf.unstack(record / samples), norm]
        return {tracker.name: value for tracker, value in zip(self.trackers, values, strict=True)}

    def loss_and_gradients(self, batch):
        """Loss (summed over the replica's samples, mean over the frames), loss per scale, gradients."""
        scene, conditions, true = self.window(batch)
        drive = self.surrogate.state.drive(conditions)
        frames = tf.shape(drive)[1] - 1 if self.config.gradient == "adjoint" else drive.shape[1] - 1
        return self.gradient(
            self.loss_step(scene, drive, true, batch["index"]),
            self._noisy(true[:, 0], scene.masks[0], batch["index"]),
            frames,
            self.surrogate.trainable_variables,
            records=self.surrogate.config.scales,
        )

    def loss_step(self, scene, drive, true, index):
        """The step that the gradient is taken of: `(t, state) -> (state, loss, loss per scale)`.

        Losses are summed over the replica's samples.
        """

        def step(t, state):
            kept = state * self._kept(t, index)
            outputs = self.surrogate.step(scene, drive[:, t + 1], kept)
            losses = frame_losses(outputs, true[:, t + 1], scene.masks, self.config.loss)
            per_scale = tf.reduce_sum(losses, axis=0)
            return outputs[0], tf.reduce_sum(per_scale), per_scale

        return step

    def _apply(self, gradients, variables, samples):
        """Mean over the global batch, clip, step.  Returns the global norm before clipping."""
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        if replicas > 1:
            samples, *gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, [samples, *gradients])
        gradients = [gradient / samples for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        factor = 1.0
        if self.config.clip_norm:
            factor = tf.minimum(1.0, self.config.clip_norm / tf.maximum(norm, 1e-12))
        # The optimizer sums over the replicas once more.
        scaled = [gradient * factor / replicas for gradient in gradients]
        self.optimizer.apply(scaled, variables)
        return norm

    def _kept(self, t, index):
        """(batch, 1, 1, 1, 1): 0 where the previous state is hidden, drawn per sample and step."""
        if not self.config.state_dropout or not self.surrogate.config.autoregressive:
            return 1.0
        draw = self._draw(tf.random.stateless_uniform, index, [], 1 + t)
        return tf.cast(draw >= self.config.state_dropout, tf.float32)[:, None, None, None, None]

    def _noisy(self, initial, mask, index):
        if not self.config.noise or not self.surrogate.config.autoregressive:
            return initial
        noise = self._draw(tf.random.stateless_normal, index, tf.shape(initial)[1:], 0)
        return initial + self.config.noise * tf.reshape(noise, tf.shape(initial)) * mask

    def _draw(self, distribution, index, shape, stream):
        """Random numbers per sample, a function of the run's seed and the place in the stream alone."""
        salt = tf.cast(self.config.seed + 7919 * (1 + stream), tf.int64)
        return tf.map_fn(
            lambda i: distribution(shape, tf.stack([salt, i])), index, fn_output_signature=tf.float32
        )


class BasisTrainer(RolloutTrainer):
    """Trains a `BasisSurrogate`: one pass makes all frames, so nothing is rolled out."""

    def loss_and_gradients(self, batch):
        scene, conditions, true = self.window(batch)
        variables = [variable.value for variable in self.surrogate.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = self.surrogate.frames(scene, conditions)
            losses = frame_losses(outputs, true[:, 1:], scene.masks, self.config.loss)
            per_scale = tf.reduce_sum(tf.reduce_mean(losses, axis=1), axis=0)
            loss = tf.reduce_sum(per_scale)
        return loss, per_scale, tape.gradient(loss, variables)


def make_trainer(surrogate: Surrogate, config: TrainingConfig) -> RolloutTrainer:
    """The trainer that a surrogate needs."""
    return (BasisTrainer if surrogate.config.basis else RolloutTrainer)(surrogate, config)
