"""A trainer and a batch of made-up discharges, for benchmarks: their cost doesn't depend on the data."""

from dataclasses import fields
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.records.statistics import FieldStatistics
from tfmsnet.training.config import RunConfig
from tfmsnet.training.data import described, of_length, trimmed
from tfmsnet.training.trainer import Trainer

_OF_FIELD = {field.name: 1.0 for field in fields(FieldStatistics)} | {"minimum": 0.0}
STATISTICS = {field: _OF_FIELD for field in ("concentration", "potential")}


def resident_peak() -> int:
    """The most memory that this process has had, bytes; since 5 was written to /proc/self/clear_refs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def trainer_and_batch(config: RunConfig, grid, frames: int) -> tuple[Trainer, dict]:
    """A compiled trainer (Adam, 1e-4) and one batch of whole discharges of `frames` frames after the first.

    The labels and fields are noise; the batch is made by the stages of the training stream.
    """
    keras.utils.set_random_seed(0)
    surrogate = make_predictor(config.network, Parameters(), STATISTICS, 5e-7, config.training.precision)
    trainer = Trainer(surrogate, config.training)
    trainer.compile(optimizer=keras.optimizers.Adam(1e-4))
    rng = np.random.default_rng(0)
    profile, times = equal_charge_frames(1.0, frames + 1)
    element = {
        "phase": rng.integers(0, 3, grid).astype(np.uint8),
        "concentration": rng.random((frames + 1, *grid), np.float32),
        "potential": rng.random((frames + 1, *grid), np.float32),
        "c_rate_profile": profile.astype(np.float32),
        "times_s": times.astype(np.float32),
        "voxel_size_m": np.float32(5e-7),
        "calendering_percent": np.float32(0),
        "window": np.array([0, frames + 1], np.int32),
        "index": np.int64(0),
    }
    data = tf.data.Dataset.from_tensors(element).map(described(surrogate)).map(trimmed)
    data = data.map(of_length(frames))
    return trainer, next(iter(data.repeat(config.training.batch_size).batch(config.training.batch_size)))
