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


def window_lengths(config: TrainingConfig, frames: int) -> list[int]:
    """Per stage of the curriculum the frames of a window, at most all that discharges of `frames` offer."""
    return [min(length or frames - 1, frames - 1) for _, length in config.horizon]


def horizon_at(config: TrainingConfig, frames: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """Index in the stream -> frames of its window, as the curriculum has it."""
    steps = [round(end * config.steps) for end, _ in config.horizon]
    lengths = window_lengths(config, frames)

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
    replicas: int = 1,
) -> tf.data.Dataset:
    """The endless stream of training batches from an optimizer step on.

    No window is longer than the shortest discharge, so that all of a stage fit into one batch.

    Args:
        step: optimizer steps done.
        workers, worker: processes that share each global batch, and which of them this stream is for.
        replicas: devices that share it; a batch of the stream is one replica's part.
    """
    frames = min(sample["frames"] for sample in manifest.samples("train"))
    lengths = window_lengths(config, frames)
    source = pipeline.stream(
        manifest, directory, "train", seed=config.seed, position=step * config.batch_size
    )
    stages = [
        *([pipeline.sharded(workers, worker)] if workers > 1 else []),
        pipeline.parsed(),
        pipeline.mapped(described(surrogate)),
        pipeline.windows(horizon_at(config, frames), config.seed),
        *([pipeline.symmetries(config.seed)] if config.symmetries else []),
        pipeline.mapped(trimmed),
        *([pipeline.mapped(of_length(lengths[0]))] if len(lengths) == 1 else []),
        pipeline.batched(config.batch_size // replicas),
        pipeline.prefetched(),
    ]
    return pipeline.deterministic(pipeline.composed(source, stages))


def sample_names(config: TrainingConfig, manifest: Manifest, directory: str | Path, step: int) -> list[str]:
    """The sample_ids of the training batch that an optimizer step (counted from 0) takes."""
    position = step * config.batch_size
    source = pipeline.stream(manifest, directory, "train", seed=config.seed, position=position)
    elements = pipeline.parsed()(source.take(config.batch_size))
    return [element["sample_id"].decode() for element in elements.as_numpy_iterator()]


def validation_batches(
    surrogate: Surrogate, manifest: Manifest, directory: str | Path, split: str = "validation"
) -> tf.data.Dataset:
    """All discharges of a split, whole, once, one to a batch."""
    samples = len(manifest.samples(split))
    source = pipeline.stream(manifest, directory, split, seed=0).take(samples)
    stages = [
        pipeline.parsed(),
        pipeline.mapped(described(surrogate)),
        pipeline.mapped(trimmed),
        pipeline.batched(1),
        lambda dataset: dataset.apply(tf.data.experimental.assert_cardinality(samples)),
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


def of_length(window: int) -> Callable[[dict], dict]:
    """Tell TensorFlow the frames of all windows: a tape over a rollout has to know them beforehand."""

    def stage(element):
        return {
            name: tf.ensure_shape(value, [window + 1, *value.shape[1:]])
            if name in pipeline.IN_TIME
            else value
            for name, value in element.items()
        }

    return stage


def trimmed(element: dict) -> dict:
    """Keep what the trainer takes."""
    return {name: element[name] for name in TRAINED_ON}
