"""TensorBoard: scalars of every epoch, scores by horizon, pictures of one discharge, HParams."""

import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfmsnet.fields import FIELDS
from tfmsnet.predictors.state import foil_voltage
from tfmsnet.training.config import RunConfig
from tfmsnet.training.validation import milestones, predicted_and_true

OUTSIDE = "#d9d9d9"


@dataclass(frozen=True)
class Range:
    """The colour range of a field's pictures: of the true field over all frames, so that it never moves.

    Attributes:
        low, high: of true and predicted.
        error: the error's range is -error..error.
    """

    low: float
    high: float
    error: float

    @classmethod
    def of(cls, true: np.ndarray, phase: np.ndarray) -> "Range":
        """Of a field (time, x, y, z) over its phase (x, y, z) bool."""
        inside = true[:, phase]
        spread = float((inside - inside.mean(1, keepdims=True)).std())
        return cls(float(inside.min()), float(inside.max()), max(3 * spread, 1e-6))


def slices(true: np.ndarray, predicted: np.ndarray, phase: np.ndarray, frames: list[int], field: str, shown):
    """The middle x-z plane at some frames, a row each: true, predicted, predicted - true.

    Args:
        true, predicted: (time, x, y, z).
        phase: (x, y, z) bool, where the field lives.
        frames: which are shown.
        field: its name.
        shown: the colour `Range`.

    Returns:
        (height, width, 3) uint8.
    """
    middle = true.shape[2] // 2
    hidden = ~phase[:, middle]
    figure = Figure(figsize=(9, 0.5 + 1.15 * len(frames)), layout="constrained")
    axes = figure.subplots(len(frames), 3, squeeze=False)
    for row, frame in zip(axes, frames, strict=True):
        truth, guess = true[frame, :, middle], predicted[frame, :, middle]
        kinds = (
            ("true", truth, "viridis"),
            ("predicted", guess, "viridis"),
            ("error", guess - truth, "RdBu_r"),
        )
        for axis, (title, plane, colours) in zip(row, kinds, strict=True):
            low, high = (-shown.error, shown.error) if title == "error" else (shown.low, shown.high)
            picture = axis.imshow(np.ma.array(plane, mask=hidden), cmap=colours, vmin=low, vmax=high)
            axis.set(xticks=[], yticks=[], facecolor=OUTSIDE)
            if frame == frames[0]:
                axis.set_title(title if title != "error" else "predicted - true", fontsize=9)
            if frame == frames[-1] and title != "true":
                column = axes[:, 2] if title == "error" else axes[:, :2]
                bar = figure.colorbar(picture, ax=column.ravel().tolist(), shrink=0.8)
                bar.ax.tick_params(labelsize=7)
                bar.set_label(f"{field} / {FIELDS[field].unit}", fontsize=8)
        row[0].set_ylabel(f"frame {frame}", fontsize=8)
    return _pixels(figure)


def curve(dol: np.ndarray, true_v: np.ndarray, predicted_v: np.ndarray):
    """The discharge curve, (time,) each.

    Returns:
        (height, width, 3) uint8.
    """
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(dol, true_v, "k-", label="true")
    axis.plot(dol, predicted_v, "C3--", label="predicted")
    low, high = float(true_v.min()), float(true_v.max())
    margin = 0.15 * max(high - low, 1e-3)
    axis.set(xlabel="degree of lithiation", ylabel="voltage / V", ylim=(low - margin, high + margin))
    axis.legend(frameon=False)
    return _pixels(figure)


def _pixels(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(100)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


class Board(keras.callbacks.Callback):
    """Writes tensorboard/ of a run directory.

    training/: loss, loss_scale_N, gradient_norm, learning_rate.  speed/: frames_per_s and voxels_per_s.
    validation/: vrmse, rmse (mol/m3 or V) and mean_error per field, voltage_rmse_mv, means over the frames;
    horizon/: the same after 1, 4, 12, 24 frames.  Images of one held-out discharge (of the first training
    one without a validation split), in a colour range that stays.  HParams: the configuration.

    Args:
        trainer: compiled.
        config: of the run.
        folder: tensorboard/.
        validation: the `Validation` whose scores are shown, or None.
        shown: a data set of one discharge, the one in the pictures.
        every: epochs between two pictures.
    """

    def __init__(self, trainer, config: RunConfig, folder: Path, validation, shown, every: int):
        super().__init__()
        self.trainer, self.config, self.folder = trainer, config, folder
        self.validation, self.every = validation, every
        self.shown = next(iter(shown))
        self.predict = tf.function(lambda batch: predicted_and_true(trainer, batch)[:3])
        self.ranges = {}

    def on_train_begin(self, logs=None):
        from tensorboard.plugins.hparams import api as hparams

        self.writer = tf.summary.create_file_writer(str(self.folder))
        with self.writer.as_default():
            hparams.hparams(_flat(self.config.as_dict()), trial_id=self.folder.parent.name)

    def on_epoch_begin(self, epoch, logs=None):
        self.windows, self.begun = 0, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.windows += self.config.training.batch_size
        self.seconds = time.perf_counter() - self.begun

    def on_epoch_end(self, epoch, logs=None):
        step = epoch + 1
        with self.writer.as_default(step=step):
            work = {tracker.name for tracker in self.trainer.work}
            for name, value in logs.items():
                if name in work:  # of a window, in the mean
                    tf.summary.scalar(f"speed/{name}_per_s", value * self.windows / self.seconds)
                    continue
                group = "validation" if name.startswith("val_") else "training"
                tf.summary.scalar(f"{group}/{name.removeprefix('val_')}", value)
            if self.validation and self.validation.latest:
                self._horizons(self.validation.latest.by_frame)
            if step % self.every == 0:
                self._pictures()
        self.writer.flush()

    def _horizons(self, by_frame):
        for name, values in by_frame.items():
            unit = "_mv" if name == "voltage_error" else ""
            for frame in milestones(len(values)):
                value = values[frame - 1] * (1e3 if unit else 1)
                tf.summary.scalar(f"horizon/{name}{unit}/frame_{frame:02d}", value)

    def _pictures(self):
        predicted, true, masks = self.predict(self.shown)
        for field, mask in masks.items():
            inside = mask[0].numpy() > 0
            truth, guess = true[field][0].numpy(), predicted[field][0].numpy()
            shown = self.ranges.setdefault(field, Range.of(truth, inside))
            frames = milestones(len(truth) - 1)
            picture = slices(truth, guess, inside, frames, field, shown)
            tf.summary.image(f"{field} (true, predicted, error)", picture[None])
            if field == "potential":
                foil = [foil_voltage(values[field], mask)[0].numpy() for values in (true, predicted)]
                picture = curve(self.shown["mean_dol"][0].numpy(), *foil)
                tf.summary.image("discharge curve", picture[None])

    def on_train_end(self, logs=None):
        self.writer.close()


def _flat(content: dict) -> dict:
    """{"network": {"filters": 8}} -> {"network.filters": 8}, values that HParams takes."""
    return {
        f"{part}.{name}": value if isinstance(value, bool | int | float | str) else str(value)
        for part, values in content.items()
        for name, value in values.items()
    }
