"""What a run does between its epochs: save, log, show progress, stop on divergence."""

import csv
import math
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import replacing
from tfmsnet.model.store import save_weights


class Diverged(RunFailed):
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
        """Load the newest checkpoint that can be read; returns whether there was one.

        Raises:
            UserError: there are checkpoints, but none can be read.
        """
        for path in reversed(self.manager.checkpoints):
            try:
                self.checkpoint.restore(path).assert_existing_objects_matched()
                return True
            except (tf.errors.OpError, RuntimeError, LookupError, ValueError, AssertionError):
                continue  # what TensorFlow raises depends on where the file was cut
        if self.manager.checkpoints:
            raise UserError(
                f"{self.manager.latest_checkpoint}: not readable as a checkpoint, nor is one before it; "
                "remove the run and train again"
            )
        return False

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
        shown = {name: f"{value:.3g}" for name, value in logs.items() if name == "loss"}
        self.bar.set_postfix(shown)

    def on_train_end(self, logs=None):
        self.bar.close()


class StopOnDivergence(keras.callbacks.Callback):
    """Stops before a checkpoint is made of weights that aren't numbers."""

    def on_epoch_end(self, epoch, logs=None):
        for name in ("loss", "gradient_norm"):
            if not math.isfinite(logs.get(name, 0.0)):
                raise Diverged(
                    f"the {name} became {logs[name]} in epoch {epoch + 1}; the last checkpoint is from "
                    "before it: start again with a smaller learning_rate or a clip_norm"
                )


class Validation(keras.callbacks.Callback):
    """Scores whole discharges every so many epochs, outside the strategy: a replica may get none of them.

    Adds val_<score> to the log of the epochs that it scores.
    """

    def __init__(self, trainer, batches: tf.data.Dataset, every: int):
        super().__init__()
        self.names = [f"val_{tracker.name}" for tracker in trainer.score_trackers]
        self.batches, self.every = batches, every
        self.scores = tf.function(trainer.scores, reduce_retracing=True)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            values = np.mean([self.scores(batch).numpy()[0] for batch in self.batches], axis=0)
            logs.update(zip(self.names, map(float, values), strict=True))


class LearningRate(keras.callbacks.Callback):
    """Adds the learning rate to the log."""

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))


class Log(keras.callbacks.Callback):
    """log.csv: one row per epoch, whole at any time; scores are empty where an epoch wasn't validated.

    Args:
        trainer: its metrics are the columns.
        path: of the file.
        initial_epoch: rows from it on, of a run that was cut off, are dropped: the epochs are done again.
    """

    def __init__(self, trainer, path: Path, initial_epoch: int):
        super().__init__()
        self.path = path
        trained = [tracker.name for tracker in trainer.trackers]
        scores = [f"val_{tracker.name}" for tracker in trainer.score_trackers]
        self.columns = ["epoch", *trained, "learning_rate", *scores]
        self.rows = [row for row in self._read() if int(row["epoch"]) < initial_epoch]

    def _read(self) -> list[dict]:
        if not self.path.is_file():
            return []
        with open(self.path, newline="", encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if (row.get("epoch") or "").isdigit()]

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch, **{name: float(value) for name, value in logs.items()}})
        with replacing(self.path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.rows)
