"""The Keras model that trains a predictor: a custom train_step, under any strategy."""

import keras
import tensorflow as tf

from tfmsnet.predictors.domain import smallest_edge
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.static_inputs import pad_space
from tfmsnet.training.config import TrainingConfig
from tfmsnet.training.data import conditions_of


class Trainer(keras.Model):
    """Trains a `Predictor` on windows of discharges; `fit` takes what `tfmsnet.training.data` makes.

    A batch is a dict: phase, features, the fields (batch, frames + 1, x, y, z), what `conditions_of` reads,
    and index (batch,).  The first frame of the window is the state that the predictor starts from.

    Gradients are those of the mean over the global batch, whatever the number of replicas, and are clipped
    after they have been summed over the replicas, so that any number of them takes the same step.

    Where there is a GPU, making one turns TensorFlow's layout optimizer off, for the whole process.
    """

    def __init__(self, predictor: Predictor, config: TrainingConfig, **kwargs):
        super().__init__(**kwargs)
        _keep_layouts()
        self.predictor = predictor
        self.config = config
        scales = [f"loss_scale_{n}" for n in range(predictor.config.scales)]
        self.trackers = [keras.metrics.Mean(name=name) for name in ("loss", *scales, "gradient_norm")]
        # Frames, and voxels in them, of a window: what a step went through.
        self.work = [keras.metrics.Mean(name=name) for name in ("frames", "voxels")]
        self.built = True

    @property
    def metrics(self):
        return [*self.trackers, *self.work]

    def compile(self, optimizer, jit_compile=False, **kwargs):
        """As Keras' compile; the optimizer's variables are made at once, and XLA (slow on CPUs) is off."""
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        self.optimizer.build(self.predictor.trainable_variables)

    def call(self, inputs):
        """Whole discharges; see `Predictor.call`."""
        return self.predictor(inputs)

    def window(self, batch):
        """Static inputs, conditions and true states (batch, frames + 1, x, y, z, channel) of a batch."""
        conditions = self.predictor.padded(conditions_of(batch))
        static = self.predictor.static_inputs(batch["phase"], batch["features"], conditions)
        divisor = smallest_edge(len(static.masks))
        fields = {f: pad_space(batch[f], divisor, axis=2) for f in self.predictor.config.fields}
        return static, conditions, self.predictor.state.encode(fields, static.masks[0], conditions)

    def train_step(self, batch):
        """One optimizer step on a replica's share of the global batch.

        Returns:
            Name -> mean so far in the epoch, over samples: loss, loss per scale, the gradient's global norm
            before clipping (the same on all replicas), frames and voxels of a window.
        """
        samples = tf.cast(tf.shape(batch["index"])[0], tf.float32)
        static, conditions, true = self.window(batch)
        loss, record, gradients = self.predictor.loss_and_gradients(
            static, conditions, true, batch["index"], self.config.objective
        )
        norm = self._apply(gradients, self.predictor.trainable_variables, samples)
        frames = tf.cast(tf.shape(batch["c_rate_profile"])[1] - 1, tf.float32)
        voxels = frames * tf.cast(tf.reduce_prod(tf.shape(batch["phase"])[1:]), tf.float32)
        values = [loss / samples, *tf.unstack(record / samples), norm, frames, voxels]
        for tracker, value in zip(self.metrics, values, strict=True):
            tracker.update_state(value, sample_weight=samples)
        return {tracker.name: tracker.result() for tracker in self.metrics}

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


def _keep_layouts() -> None:
    """Turn the layout optimizer off where it works: on GPUs, for which it turns convolutions' axes.

    The first step of a network of one pass ended the process with a segmentation fault otherwise (TensorFlow
    2.20 on an H100), and that of the paper's was given back with "layout failed" each time it was traced; as
    fast without it.
    """
    if tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"layout_optimizer": False})
