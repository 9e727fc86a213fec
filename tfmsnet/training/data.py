"""The training stream: records -> windows of discharges with what is known of them."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from tfmsnet.model.surrogate import Surrogate
from tfmsnet.records import pipeline
from tfmsnet.records.manifest import Manifest
from tfmsnet.training.config import TrainingConfig


def described(surrogate: Surrogate) -> Callable[[dict], dict]:
    """Add geometry channels and the 0-D cell's conditions to a whole discharge."""

    def stage(element):
        batch_of_one = (element["c_rate_profile"][None], element["times_s"][None])
        conditions = surrogate.conditions(*batch_of_one)
        return {
            **element,
            "features": surrogate.features(element["phase"][None])[0],
            "mean_dol": conditions.mean_dol[0],
            "c_rate_scale": conditions.c_rate_scale[0],
        }

    return stage


def horizon_at(config: TrainingConfig, frames: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """Index in the stream -> frames of its window, as the curriculum has it."""
    steps = [round(end * config.steps) for end, _ in config.horizon]
    lengths = [length or frames - 1 for _, length in config.horizon]

    def length(index):
        step = index // config.batch_size
        stage = tf.reduce_sum(tf.cast(step >= tf.constant(steps[:-1], tf.int64), tf.int32))
        return tf.constant(lengths)[stage]

    return length


def training_batches(
    surrogate: Surrogate,
    config: TrainingConfig,
    manifest: Manifest,
    directory: str | Path,
    *,
    step: int = 0,
    workers: int = 1,
    worker: int = 0,
) -> tf.data.Dataset:
    """The endless stream of training batches from an optimizer step on.

    Batches hold `batch_size / workers` elements; together the workers' batches are the global batch.
    """
    frames = max(sample["frames"] for sample in manifest.samples("train"))
    source = pipeline.stream(
        manifest, directory, "train", seed=config.seed, position=step * config.batch_size
    )
    stages = [
        pipeline.sharded(workers, worker),
        pipeline.parsed(),
        pipeline.mapped(described(surrogate)),
        pipeline.windows(horizon_at(config, frames), config.seed),
        *([pipeline.symmetries(config.seed)] if config.symmetries else []),
        pipeline.mapped(trimmed),
        pipeline.batched(config.batch_size // workers),
        pipeline.prefetched(),
    ]
    return pipeline.deterministic(pipeline.composed(source, stages))


def validation_batches(
    surrogate: Surrogate, manifest: Manifest, directory: str | Path, split: str = "validation"
) -> tf.data.Dataset:
    """All discharges of a split, whole, once."""
    source = pipeline.stream(manifest, directory, split, seed=0).take(len(manifest.samples(split)))
    stages = [
        pipeline.parsed(),
        pipeline.mapped(described(surrogate)),
        pipeline.mapped(trimmed),
        pipeline.batched(1),
        pipeline.prefetched(),
    ]
    return pipeline.deterministic(pipeline.composed(source, stages))


TRAINED_ON = (
    "phase",
    "features",
    "concentration",
    "potential",
    "c_rate_profile",
    "mean_dol",
    "c_rate_scale",
    "index",
)


def trimmed(element: dict) -> dict:
    """Keep what the trainer takes."""
    return {name: element[name] for name in TRAINED_ON}
