"""Trials in TensorBoard: curves, and the HParams page over all of them."""

from pathlib import Path

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from tfmsnet.tuning.space import Point, Space
from tfmsnet.tuning.trial import Outcome

# What the HParams page shows beside the values.
METRICS = {
    "vrmse": "vRMSE of held-out rollouts",
    "parameters": "parameters",
    "seconds_per_rollout": "seconds per rollout",
}


def describe_space(space: Space, folder: Path) -> None:
    """Tell the HParams page what is searched; once for a search."""
    domains = [hparams.HParam(d.name, hparams.Discrete(list(d.values))) for d in space.dimensions]
    domains += [hparams.HParam(d.name, hparams.RealInterval(d.low, d.high)) for d in space.ranges]
    metrics = [hparams.Metric(name, display_name=shown) for name, shown in METRICS.items()]
    with tf.summary.create_file_writer(str(folder)).as_default():
        hparams.hparams_config(hparams=domains, metrics=metrics)


class TrialBoard(keras.callbacks.Callback):
    """Loss and gradient norm of every epoch of a trial.

    Args:
        folder: of the trial.
        trial_id: its name on the HParams page.
        values: of the point.
    """

    def __init__(self, folder: Path, trial_id: str, values: Point):
        super().__init__()
        self.folder, self.trial_id, self.values = folder, trial_id, values

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(str(self.folder))
        with self.writer.as_default():
            hparams.hparams(self.values, trial_id=self.trial_id)

    def on_epoch_end(self, epoch, logs=None):
        with self.writer.as_default(step=epoch + 1):
            for name in ("loss", "gradient_norm", "learning_rate"):
                tf.summary.scalar(f"training/{name}", logs[name])
        self.writer.flush()

    def on_train_end(self, logs=None):
        self.writer.close()


def show_outcome(folder: Path, outcome: Outcome, steps_per_epoch: int) -> None:
    """The trial's numbers, for the HParams page."""
    with tf.summary.create_file_writer(str(folder)).as_default(step=outcome.steps // steps_per_epoch):
        for name in METRICS:
            tf.summary.scalar(name, getattr(outcome, name))
        for name, value in outcome.scores.items():
            tf.summary.scalar(f"validation/{name}", value)
