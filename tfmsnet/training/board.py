"""TensorBoard: scalars of every epoch, scores by horizon, pictures of one discharge, HParams."""

import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from tfmsnet.plots.curves import OVER
from tfmsnet.plots.slices import Plane, compared_figure, sliced
from tfmsnet.plots.style import COLOURS, LINES, look, new_figure
from tfmsnet.predictors.state import foil_voltage
from tfmsnet.training.config import RunConfig
from tfmsnet.training.validation import milestones, predicted_and_true


def slices(true, predicted, mask, frames: list[int], field: str, voxel_size_m: float):
    """The middle x-z plane at some frames, a row each: true, predicted, and their difference.

    Args:
        true, predicted: (time, x, y, z).
        mask: (x, y, z) bool, where the field lives.
        frames: which are shown, each in a range of colours of its own.
        field: its name.
        voxel_size_m: edge of a voxel, m.

    Returns:
        (height, width, 3) uint8.
    """
    plane = Plane()
    lines = {
        f"frame {frame}": [sliced(true[frame], predicted[frame], mask, field, plane)] for frame in frames
    }
    return _pixels(compared_figure(lines, ("predicted",), field, plane, voxel_size_m, true="true"))


def curve(dol: np.ndarray, true_v: np.ndarray, predicted_v: np.ndarray):
    """The discharge curve, (time,) each.

    Returns:
        (height, width, 3) uint8.
    """
    with look():
        figure = new_figure(5, 3.2)
        axes = figure.subplots()
        axes.plot(dol, true_v, color=COLOURS[0], label="true")
        axes.plot(dol, predicted_v, LINES[1], color=COLOURS[1], label="predicted")
        low, high = float(true_v.min()), float(true_v.max())
        margin = 0.15 * max(high - low, 1e-3)
        axes.set(xlabel=OVER["dol"], ylabel="voltage (V)", ylim=(low - margin, high + margin))
        axes.legend()
    return _pixels(figure)


def _pixels(figure: Figure) -> np.ndarray:
    figure.set_dpi(100)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


class Board(keras.callbacks.Callback):
    """Writes tensorboard/ of a run directory.

    training/: loss, loss_scale_N, gradient_norm, learning_rate.  speed/: frames_per_s and voxels_per_s.
    validation/: vrmse, rmse (mol/m3 or V) and mean_error per field, voltage_rmse_mv, means over the frames;
    horizon/: the same after 1, 4, 12, 24 frames.  Images of one held-out discharge (of the first training
    one without a validation split).  HParams: the configuration.  Steps are the optimizer's.

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
        with self.writer.as_default(step=(epoch + 1) * self.config.training.steps_per_epoch):
            work = {tracker.name for tracker in self.trainer.work}
            for name, value in logs.items():
                if name in work:  # of a window, in the mean
                    tf.summary.scalar(f"speed/{name}_per_s", value * self.windows / self.seconds)
                    continue
                group = "validation" if name.startswith("val_") else "training"
                tf.summary.scalar(f"{group}/{name.removeprefix('val_')}", value)
            if self.validation and self.validation.latest:
                self._horizons(self.validation.latest.by_frame)
            if (epoch + 1) % self.every == 0:
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
            frames, voxel_size_m = milestones(len(truth) - 1), float(self.shown["voxel_size_m"][0])
            picture = slices(truth, guess, inside, frames, field, voxel_size_m)
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
