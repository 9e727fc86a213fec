"""The training stream: records -> windows of discharges with what is known of them."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.records import pipeline
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.order import Order
from tfmsnet.records.pipeline import served
from tfmsnet.records.reference import ENTRIES, PLANES, REFERENCE, STATIC
from tfmsnet.references.reference import Conditions
from tfmsnet.references.uniform import Uniform
from tfmsnet.training.config import TrainingConfig


def described(predictor: Predictor, stored: bool = False) -> pipeline.Step:
    """Add geometry channels and the reference's conditions; needs the times of the whole discharge.

    Args:
        predictor: whose they are.
        stored: whether the element has them from the records; only what takes no time is computed then.
    """
    reference = Uniform(predictor.parameters) if stored else predictor.reference

    def stage(element):
        phase, voxel = element["phase"][None], element["voxel_size_m"][None]
        load = element["c_rate_profile"][None], element["times_s"][None]
        conditions = reference.conditions(phase, voxel, *load, element["calendering_percent"][None])
        start, size = tf.unstack(element["window"])
        fields = {**conditions.fields, PLANES: conditions.planes}
        known = {f"{REFERENCE}{name}": values[0, start : start + size] for name, values in fields.items()}
        known[f"{REFERENCE}{STATIC}"] = conditions.static[0]
        return {
            **(known | element),  # what the records hold goes before
            "features": predictor.features(phase, voxel)[0],
            "mean_dol": conditions.mean_dol[0],
            "c_rate_scale": conditions.c_rate_scale[0],
        }

    return stage


def conditions_of(batch: dict) -> Conditions:
    """The conditions in a batch of `described` elements."""
    return Conditions(
        batch["c_rate_profile"],
        batch["mean_dol"],
        batch["c_rate_scale"],
        {name: batch[f"{REFERENCE}{name}"] for name in FIELDS},
        batch[f"{REFERENCE}{PLANES}"],
        batch[f"{REFERENCE}{STATIC}"],
    )


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
    predictor: Predictor,
    config: TrainingConfig,
    manifest: Manifest,
    directory: str | Path,
    *,
    step: int = 0,
    workers: int = 1,
    worker: int = 0,
    replicas: int | None = None,
    data_service: str | None = None,
) -> tf.data.Dataset:
    """The endless stream of training batches from an optimizer step on.

    A batch holds discharges of one grid.  No window is longer than the shortest discharge, so that all of
    a stage fit into one batch.

    Args:
        predictor: to be trained; says which channels and conditions.
        config: of the training.
        manifest: of `directory`.
        directory: of the records.
        step: optimizer steps that are done.
        workers: processes that share each step's batch; the step is the same for any number of them.
        worker: which of them this is.
        replicas: devices of all workers that share it, one for each worker by default; a batch of the
            stream is one replica's part.
        data_service: grpc://HOST:PORT of a tf.data service that makes the batches, see `pipeline.served`.

    Raises:
        UserError: an empty split; workers that don't divide the batch; no such service.
    """
    if config.batch_size % workers:
        raise UserError(
            f"batch_size: expected a multiple of the {workers} workers, found {config.batch_size}"
        )
    # Windows of a batch are equally long; a batch of one takes what each discharge has.
    of_samples = [sample["frames"] for sample in manifest.samples("train")]
    frames = max(of_samples) if config.batch_size == 1 else min(of_samples)
    lengths = window_lengths(config, frames)
    source = pipeline.stream(
        manifest,
        directory,
        "train",
        seed=config.seed,
        position=step * config.batch_size,
        batch_size=config.batch_size,
        workers=workers,
    )
    stored = manifest.holds(predictor.config.reference)
    steps = [
        described(predictor, stored),
        pipeline.cut,
        *([pipeline.symmetries(config.seed)] if config.symmetries else []),
        trimmed,
        *([of_length(lengths[0])] if len(lengths) == 1 and lengths[0] < min(of_samples) else []),
    ]
    parallel = pipeline.parallel_calls(manifest, "train")
    stages = [
        *([pipeline.sharded(workers, worker)] if workers > 1 else []),
        pipeline.loaded(
            manifest,
            *steps,
            window=pipeline.windows(horizon_at(config, frames), config.seed),
            reference=stored,
            parallel=parallel,
        ),
        pipeline.batched(config.batch_size // (replicas or workers)),
        *([served(data_service)] if data_service else []),
        pipeline.prefetched(parallel),
    ]
    return pipeline.deterministic(pipeline.composed(source, stages))


def sample_names(config: TrainingConfig, manifest: Manifest, step: int) -> list[str]:
    """The sample_ids of the training batch that an optimizer step (counted from 0) takes."""
    samples = manifest.samples("train")
    order = Order.of([tuple(sample["grid"]) for sample in samples], config.batch_size, config.seed)
    places = tf.range(step * config.batch_size, (step + 1) * config.batch_size, dtype=tf.int64)
    return [samples[int(order.record_at(place))]["sample_id"] for place in places]


def validation_batches(
    predictor: Predictor, manifest: Manifest, directory: str | Path, split: str = "validation"
) -> tf.data.Dataset:
    """All discharges of a split, whole, once, one to a batch."""
    samples = len(manifest.samples(split))
    source = pipeline.stream(manifest, directory, split, seed=0).take(samples)
    stored = manifest.holds(predictor.config.reference)
    stages = [
        pipeline.loaded(manifest, described(predictor, stored), trimmed, reference=stored, parallel=1),
        pipeline.batched(1),
        lambda dataset: dataset.apply(tf.data.experimental.assert_cardinality(samples)),
        pipeline.prefetched(1),
    ]
    return pipeline.deterministic(pipeline.composed(source, stages))


TRAINED_ON = (
    "phase",
    "voxel_size_m",
    "features",
    *FIELDS,
    *(f"{REFERENCE}{name}" for name in ENTRIES),
    "c_rate_profile",
    "mean_dol",
    "c_rate_scale",
    "index",
)


def of_length(window: int) -> pipeline.Step:
    """Tell TensorFlow the frames of all windows: a tape over a rollout has to know them beforehand."""

    def stage(element):
        return {
            name: tf.ensure_shape(value, [window + 1, *value.shape[1:]]) if name in pipeline.FRAMES else value
            for name, value in element.items()
        }

    return stage


def trimmed(element: dict) -> dict:
    """Keep what the trainer takes."""
    return {name: element[name] for name in TRAINED_ON}
