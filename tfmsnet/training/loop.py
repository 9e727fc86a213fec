"""The training loop: Keras' `fit`, but begun at any optimizer step, under any strategy, stopped by a signal.

`fit` can't begin in the middle of an epoch, and fails under MultiWorkerMirroredStrategy.  Callbacks are
Keras' and are called as `fit` calls them.
"""

import keras
import numpy as np
import tensorflow as tf

from tfmsnet.training.signals import StopRequest


class Tally:
    """Sums over an epoch, of which a checkpoint in its middle keeps what there is.

    Args:
        names: of the quantities, means over the samples.
        sums: of the quantities times samples, then the samples; from `as_list`.
    """

    def __init__(self, names: list[str], sums: list[float] | None = None):
        self.names = names
        self.clear()
        if sums:
            self.sums[:] = sums

    def clear(self) -> None:
        """Begin an epoch."""
        self.sums = np.zeros(len(self.names) + 1)

    def add(self, sums: np.ndarray) -> None:
        """Add a step's sums."""
        self.sums += sums

    def means(self) -> dict[str, float]:
        """Name -> mean over the epoch."""
        return dict(zip(self.names, map(float, self.sums[:-1] / self.sums[-1]), strict=True))

    def as_list(self) -> list[float]:
        """For `Tally(names, sums)`: JSON keeps every bit of a float."""
        return self.sums.tolist()


def fit(
    trainer,
    strategy: tf.distribute.Strategy,
    batches,
    *,
    step: int,
    epochs: int,
    steps_per_epoch: int,
    tally: Tally,
    callbacks: list[keras.callbacks.Callback],
    stop: StopRequest,
) -> int:
    """Train from an optimizer step to the end of the last epoch, or until a signal asks to stop.

    Callbacks get, after each step, `loss`, `gradient_norm`, the other means of the step, and `samples`,
    `frames` and `voxels` (frames times voxels) that it went through; after each epoch its means.

    Args:
        trainer: a compiled `RolloutTrainer`.
        strategy: that it was made under.
        batches: endless and distributed, from `step` on.
        step: optimizer steps done.
        epochs, steps_per_epoch: in all.
        tally: of the epoch that `step` lies in.
        callbacks: Keras callbacks.
        stop: set by a signal; with several workers any of them stops all of them, after the same step.

    Returns:
        Optimizer steps done.
    """
    hooks = keras.callbacks.CallbackList(callbacks, model=trainer)
    advance = _compiled(trainer, strategy)
    iterator = iter(batches)
    hooks.on_train_begin()
    try:
        while step < epochs * steps_per_epoch:
            epoch, place = divmod(step, steps_per_epoch)
            if place == 0:
                tally.clear()
            hooks.on_epoch_begin(epoch)
            for batch in range(place, steps_per_epoch):
                hooks.on_train_batch_begin(batch)
                sums = advance(iterator, tf.constant(float(stop.wanted))).numpy().astype(np.float64)
                step += 1
                *sums, frames, voxels, asked = sums
                tally.add(np.array(sums))
                hooks.on_train_batch_end(batch, _of_step(tally.names, sums, frames, voxels))
                if asked and batch + 1 < steps_per_epoch:
                    return step
            hooks.on_epoch_end(epoch, tally.means())
            if asked:
                return step
        return step
    finally:
        hooks.on_train_end()


def _of_step(names, sums, frames, voxels):
    *sums, samples = sums
    means = {name: value / samples for name, value in zip(names, sums, strict=True)}
    return {**means, "samples": samples, "frames": frames, "voxels": voxels}


def _compiled(trainer, strategy):
    """(iterator, stop) -> sums over all replicas: means * samples, samples, frames, voxels, stop."""

    def on_replica(batch, asked):
        values = trainer.optimize(batch)
        samples = tf.cast(tf.shape(batch["c_rate_profile"])[0], tf.float32)
        frames = samples * tf.cast(tf.shape(batch["c_rate_profile"])[1] - 1, tf.float32)
        voxels = frames * tf.cast(tf.reduce_prod(tf.shape(batch["phase"])[1:]), tf.float32)
        means = tf.stack(list(values.values()))
        return tf.concat([means * samples, tf.stack([samples, frames, voxels, asked])], axis=0)

    @tf.function
    def advance(iterator, asked):
        parts = strategy.run(on_replica, args=(next(iterator), asked))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)

    return advance
