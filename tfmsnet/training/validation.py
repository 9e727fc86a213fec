"""Scores of whole discharges during a run, by frame, in the units that a physicist reads."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from tfmsnet.predictors.objective import vrmse
from tfmsnet.predictors.state import foil_voltage, phase_mean

# Of a number of frames, those at which scores and pictures are shown.
MILESTONES = (1, 4, 12, 24)


def milestones(frames: int) -> list[int]:
    """Frames after the first, at most `frames`, at which curves are logged; the last is always one."""
    return sorted({frame for frame in MILESTONES if frame < frames} | {frames})


def predicted_and_true(trainer, batch):
    """Both in physical units, of the rollout from the first frame on its own predictions.

    Returns:
        Two dicts field -> (batch, time, x, y, z), padded, frame 0 the true one in both; a dict of the
        masks (batch, x, y, z); a dict of the vRMSE (batch, time - 1).
    """
    predictor = trainer.predictor
    static, conditions, true = trainer.window(batch)
    states = predictor.states(static, conditions, true[:, 0])
    owners, fields = predictor.channel_fields, predictor.config.fields
    masks = {field: static.masks[0][..., owners.index(field)] for field in fields}
    # The deviation, not the field: float32 would lose it in the field's mean.
    deviations = [predictor.state.deviation(values, conditions) for values in (states, true[:, 1:])]
    known = predictor.state.known(conditions)
    scores = {
        field: vrmse(*(part[field] for part in deviations), masks[field], known[field][:, 1:])
        for field in fields
    }
    predicted = tf.concat([true[:, :1], states], axis=1)
    decoded = [predictor.state.decode(values, static.masks[0], conditions) for values in (predicted, true)]
    return *decoded, masks, scores


def discharge_scores(trainer, batch):
    """Scores of one discharge (a batch of one) by frame, the initial one left out.

    Returns:
        dict name -> (time - 1,): for each field vrmse, rmse (mol/m3 or V) and mean_error (relative error
        of the mean over its phase), and voltage_error (V, signed) where the potential is a field.
    """
    predicted, true, masks, of_field = predicted_and_true(trainer, batch)
    scores = {}
    for field, mask in masks.items():
        error = (predicted[field] - true[field])[:, 1:]
        mean = phase_mean(true[field][:, 1:], mask)
        scores[f"vrmse_{field}"] = of_field[field][0]
        scores[f"rmse_{field}"] = tf.sqrt(phase_mean(error**2, mask))[0]
        scores[f"mean_error_{field}"] = (tf.abs(phase_mean(error, mask)) / tf.abs(mean))[0]
        if field == "potential":
            scores["voltage_error"] = foil_voltage(error, mask)[0]
    return scores


def overall_vrmse(scores: dict[str, float]) -> float | None:
    """One number to choose by: the geometric mean of the fields' vRMSE; None without any.

    Geometric, since the potential's vRMSE is many times the concentration's.

    Args:
        scores: named as `score_names`; others aren't looked at.
    """
    values = [value for name, value in scores.items() if name.startswith("vrmse_")]
    return float(np.exp(np.mean(np.log(values)))) if values else None


def score_names(fields: tuple[str, ...]) -> list[str]:
    """The columns that validation adds to the log."""
    names = [f"{kind}_{field}" for kind in ("vrmse", "rmse", "mean_error") for field in fields]
    return [*names, *(["voltage_rmse_mv"] if "potential" in fields else [])]


@dataclass(frozen=True)
class Means:
    """Means over discharges, by frame.

    Attributes:
        by_frame: name -> (time - 1,), over the frames that every discharge has; voltage_error is the root
            of the mean square.
    """

    by_frame: dict[str, np.ndarray]

    @classmethod
    def of(cls, discharges: list[dict[str, np.ndarray]]) -> "Means":
        """The mean of what `discharge_scores` gives for each."""
        by_frame = {}
        for name in discharges[0]:
            frames = min(len(scores[name]) for scores in discharges)
            values = np.stack([scores[name][:frames] for scores in discharges]).astype(np.float64)
            by_frame[name] = np.sqrt((values**2).mean(0)) if name == "voltage_error" else values.mean(0)
        return cls(by_frame)

    def summary(self) -> dict[str, float]:
        """Means over the frames, named as `score_names`."""
        values = {name: float(v.mean()) for name, v in self.by_frame.items() if name != "voltage_error"}
        if "voltage_error" in self.by_frame:
            values["voltage_rmse_mv"] = 1e3 * float(np.sqrt((self.by_frame["voltage_error"] ** 2).mean()))
        return values


class Validation(keras.callbacks.Callback):
    """Scores whole discharges every so many epochs, outside the strategy: a replica may get none of them.

    Adds val_<score> to the log of the epochs that it scores.

    Attributes:
        latest: the `Means` of the epoch that just ended; None where it wasn't scored.
    """

    def __init__(self, trainer, batches: tf.data.Dataset, every: int):
        super().__init__()
        self.batches, self.every = batches, every
        self.scores = tf.function(lambda batch: discharge_scores(trainer, batch), reduce_retracing=True)
        self.latest = None

    def on_epoch_end(self, epoch, logs=None):
        self.latest = None
        if (epoch + 1) % self.every == 0:
            discharges = [
                {name: value.numpy() for name, value in self.scores(batch).items()} for batch in self.batches
            ]
            self.latest = Means.of(discharges)
            logs.update({f"val_{name}": value for name, value in self.latest.summary().items()})
