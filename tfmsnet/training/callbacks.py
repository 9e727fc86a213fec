"""What a run does between its epochs: save, log, show progress, stop on divergence."""

import math
from pathlib import Path

import keras
import tensorflow as tf
from tqdm import tqdm

from tfmsnet.model.store import save_weights


class Diverged(RuntimeError):
    """The loss is no longer a finite number."""


class Checkpoints(keras.callbacks.Callback):
    """Saves weights and optimizer after every epoch, keeps the last two, and restores on request."""

    def __init__(self, trainer, directory: Path):
        super().__init__()
        self.directory = directory
        self.surrogate = trainer.surrogate
        checkpoint = tf.train.Checkpoint(surrogate=trainer.surrogate, optimizer=trainer.optimizer)
        self.manager = tf.train.CheckpointManager(checkpoint, str(directory / "checkpoints"), max_to_keep=2)
        self.checkpoint = checkpoint

    def restore(self) -> bool:
        """Load the newest checkpoint; returns whether there was one."""
        latest = self.manager.latest_checkpoint
        if latest:
            self.checkpoint.restore(latest).assert_existing_objects_matched()
        return latest is not None

    def on_epoch_end(self, epoch, logs=None):
        save_weights(self.surrogate, self.directory)
        self.manager.save(checkpoint_number=epoch + 1)


class Progress(keras.callbacks.Callback):
    """One progress bar over all optimizer steps."""

    def __init__(self, title: str, steps: int, done: int):
        super().__init__()
        self.title, self.steps, self.done = title, steps, done

    def on_train_begin(self, logs=None):
        self.bar = tqdm(total=self.steps, initial=self.done, desc=self.title, unit="step", mininterval=1.0)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(1)

    def on_epoch_end(self, epoch, logs=None):
        shown = {
            name: f"{value:.3g}"
            for name, value in logs.items()
            if name in ("loss", "val_vrmse_concentration")
        }
        self.bar.set_postfix(shown)

    def on_train_end(self, logs=None):
        self.bar.close()


class StopOnDivergence(keras.callbacks.Callback):
    """Stops before a checkpoint is made of weights that aren't numbers."""

    def on_epoch_end(self, epoch, logs=None):
        loss = logs.get("loss", 0.0)
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss became {loss} in epoch {epoch + 1}; the last checkpoint is from before it: "
                "start again with a smaller learning_rate or a clip_norm"
            )


class LearningRate(keras.callbacks.Callback):
    """Adds the learning rate to the log."""

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
