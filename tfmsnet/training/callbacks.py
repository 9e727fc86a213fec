"""What a run does after its steps and epochs: save, log, show progress, stop on divergence."""

import csv
import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import keras
import tensorflow as tf

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import replacing
from tfmsnet.predictors.store import save_predictor
from tfmsnet.progress import progress_bar
from tfmsnet.seals import read_sealed, write_sealed
from tfmsnet.training.checkpoints import Checkpoints
from tfmsnet.training.loop import Position
from tfmsnet.training.validation import overall_vrmse

_SCORE = {"vrmse": float, "epoch": int}  # of an older version, without a checksum


class Diverged(RunFailed):
    """The loss is no longer a finite number."""


class Saving(keras.callbacks.Callback):
    """After every epoch a checkpoint and the predictor.

    Args:
        trainer: compiled.
        run: the run directory.
        checkpoints: of the run.
        position: of the training.
        described: what `save_predictor` wants to know beside the predictor.
    """

    def __init__(self, trainer, run: Path, checkpoints: Checkpoints, position: Position, described: dict):
        super().__init__()
        self.run, self.checkpoints, self.position, self.described = run, checkpoints, position, described
        self.predictor = trainer.predictor

    def save(self) -> None:
        """Make a checkpoint, also in the middle of an epoch."""
        self.checkpoints.save(self.position.step, self.position.sums)

    def on_epoch_end(self, epoch, logs=None):
        self.save()
        save_predictor(self.predictor, self.run, **self.described)


class Best(keras.callbacks.Callback):
    """best/: the predictor with the lowest validation vRMSE so far (see `overall_vrmse`), and score.json."""

    def __init__(self, trainer, described: dict, run: Path):
        super().__init__()
        self.predictor, self.described = trainer.predictor, described
        self.folder = run / "best"
        self.path = self.folder / "score.json"

    def on_epoch_end(self, epoch, logs=None):
        score = overall_vrmse({name.removeprefix("val_"): value for name, value in logs.items()})
        if score is None or not math.isfinite(score):
            return
        if self._before() <= score:
            return
        save_predictor(self.predictor, self.folder, **self.described)
        write_sealed(self.path, {"vrmse": score, "epoch": epoch})

    def _before(self) -> float:
        """The score of what is there; infinite where that isn't known, or no longer."""
        try:
            return float(read_sealed(self.path, "the best score", older=_SCORE)["vrmse"])
        except UserError:
            return math.inf


class Progress(keras.callbacks.Callback):
    """One progress bar over all optimizer steps."""

    def __init__(self, title: str, steps: int, done: int):
        super().__init__()
        self.title, self.steps, self.done = title, steps, done

    def on_train_begin(self, logs=None):
        self.bar = ExitStack()
        self.advance = self.bar.enter_context(progress_bar(self.title, self.done / self.steps))

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        self.advance(self.done / self.steps)

    def on_epoch_end(self, epoch, logs=None):
        self.advance(self.done / self.steps, f"step {self.done}, loss {logs['loss']:.3g}")

    def on_train_end(self, logs=None):
        self.bar.close()


class StopOnDivergence(keras.callbacks.Callback):
    """Stops after the step whose loss or gradient isn't a number, before anything is saved.

    Args:
        trainer: compiled.
        checkpoints: of the run.
        samples: optimizer step (from 0) -> sample_ids of its batch.
    """

    def __init__(self, trainer, checkpoints: Checkpoints, samples: Callable[[int], list[str]]):
        super().__init__()
        self.optimizer, self.checkpoints, self.samples = trainer.optimizer, checkpoints, samples

    def on_train_batch_end(self, batch, logs=None):
        for name in ("loss", "gradient_norm"):
            if not math.isfinite(logs[name]):
                step = int(self.optimizer.iterations.numpy())
                kept = self.checkpoints.paths()
                last = f"the last good checkpoint is {kept[-1]}" if kept else "there is no checkpoint yet"
                raise Diverged(
                    f"the {name} became {logs[name]} in step {step}, on {', '.join(self.samples(step - 1))}; "
                    f"{last}: train into another --out with a smaller learning_rate or a clip_norm"
                )


class LearningRate(keras.callbacks.Callback):
    """Adds the learning rate to the log."""

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))


class Profile(keras.callbacks.Callback):
    """Traces a few steps into the run's TensorBoard directory.

    Args:
        folder: of TensorBoard's files.
        first, steps: the steps that are traced, counted from where this process began.
    """

    def __init__(self, folder: Path, first: int = 2, steps: int = 5):
        super().__init__()
        self.folder, self.first, self.last = folder, first, first + steps
        self.seen, self.tracing = 0, False

    def on_train_batch_begin(self, batch, logs=None):
        if self.seen == self.first:
            tf.profiler.experimental.start(str(self.folder))
            self.tracing = True

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.last:
            self.on_train_end()

    def on_train_end(self, logs=None):
        if self.tracing:
            tf.profiler.experimental.stop()
            self.tracing = False


class Log(keras.callbacks.Callback):
    """log.csv: one row per epoch, whole at any time; scores are empty where an epoch wasn't validated.

    Args:
        path: of the file.
        columns: names of the logged values.
        epochs: rows from this epoch on, of a run that was cut off, are dropped: they are done again.
    """

    def __init__(self, path: Path, columns: list[str], epochs: int):
        super().__init__()
        self.path, self.columns = path, ["epoch", *columns]
        self.rows = [row for row in self._read() if int(row["epoch"]) < epochs]

    def _read(self) -> list[dict]:
        if not self.path.is_file():
            return []
        with open(self.path, newline="", encoding="utf-8", errors="replace") as file:
            return [row for row in csv.DictReader(file) if (row.get("epoch") or "").isdigit()]

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch, **{name: float(value) for name, value in logs.items()}})
        with replacing(self.path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.rows)
