"""A training run: a directory that holds all of it, and that a later call continues."""

import platform
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tfmsnet
from tfmsnet.errors import UserError
from tfmsnet.files import read_json, write_json
from tfmsnet.model.store import save_description, save_weights
from tfmsnet.model.surrogate import Surrogate, check_grid
from tfmsnet.records.manifest import FILE as MANIFEST
from tfmsnet.records.manifest import Manifest, open_manifest
from tfmsnet.records.shard import sha256
from tfmsnet.records.verification import named_errors
from tfmsnet.training import callbacks
from tfmsnet.training.config import RunConfig, TrainingConfig
from tfmsnet.training.data import training_batches, validation_batches
from tfmsnet.training.strategies import make_strategy
from tfmsnet.training.trainer import RolloutTrainer

WARM_UP = 0.03


def train(
    records: str | Path,
    run: str | Path,
    config: RunConfig,
    *,
    strategy: str = "auto",
    title: str = "training",
    data_service: str | None = None,
) -> Surrogate:
    """Train a surrogate on a records directory, or go on with a run that was interrupted.

    The run directory holds run.json (configuration, versions, checksum of the records' manifest),
    surrogate.json, surrogate.weights.h5, checkpoints/, tensorboard/ and log.csv.

    Args:
        records: records directory.
        run: run directory; made, or one of the same configuration and records.
        config: what to train and how.
        strategy: see `make_strategy`.
        title: of the progress bar.
        data_service: grpc://HOST:PORT of a tf.data service that makes the batches; None to make them here.

    Returns:
        The trained surrogate.

    Raises:
        UserError: records that can't be used, a directory that holds something else.
        Diverged: the loss became infinite or NaN.
    """
    manifest = open_manifest(records)
    for sample in (sample for split in manifest.splits for sample in manifest.samples(split)):
        check_grid(sample["grid"], config.network.scales, f"{records}: {sample['sample_id']}")
    run = Path(run)
    keras.utils.set_random_seed(config.training.seed)
    chosen = make_strategy(strategy)
    _check_replicas(config.training, chosen.num_replicas_in_sync)
    with chosen.scope():
        surrogate = Surrogate(
            config.network,
            manifest.parameters,
            manifest.statistics,
            manifest.voxel_size_m,
            config.training.precision,
        )
        trainer = RolloutTrainer(surrogate, config.training)
        optimizer = keras.optimizers.Adam(_learning_rate(config.training))
        trainer.compile(optimizer=optimizer)
    _claim(run, Path(records), config, manifest)
    save_description(surrogate, manifest.statistics, run)
    checkpoints = callbacks.Checkpoints(trainer, run)
    checkpoints.restore()
    step = int(optimizer.iterations.numpy())
    if step < config.training.steps:
        batches = training_batches(
            surrogate, config.training, manifest, records, step=step, data_service=data_service
        )
        with named_errors(records):
            _fit(trainer, config.training, manifest, Path(records), run, checkpoints, step, title, batches)
    save_weights(surrogate, run)
    return surrogate


def _fit(
    trainer,
    config: TrainingConfig,
    manifest: Manifest,
    records: Path,
    run: Path,
    checkpoints,
    step: int,
    title: str,
    batches: tf.data.Dataset,
):
    epochs, initial_epoch = config.steps // config.steps_per_epoch, step // config.steps_per_epoch
    validation = []
    if manifest.samples("validation"):
        whole = validation_batches(trainer.surrogate, manifest, records)
        validation = [callbacks.Validation(trainer, whole, every=max(1, epochs // 10))]
    trainer.fit(
        batches,
        initial_epoch=initial_epoch,
        epochs=epochs,
        steps_per_epoch=config.steps_per_epoch,
        shuffle=False,  # the stream shuffles
        verbose=0,
        callbacks=[
            callbacks.StopOnDivergence(),
            callbacks.LearningRate(),
            *validation,
            callbacks.Progress(title, config.steps, step),
            keras.callbacks.TensorBoard(str(run / "tensorboard"), write_graph=False),
            callbacks.Log(trainer, run / "log.csv", initial_epoch),
            checkpoints,
        ],
    )


def _learning_rate(config: TrainingConfig):
    if config.schedule == "constant":
        return config.learning_rate
    warm_up = max(1, round(WARM_UP * config.steps))
    return keras.optimizers.schedules.CosineDecay(
        config.learning_rate * 0.01,
        max(1, config.steps - warm_up),
        alpha=0.01,
        warmup_target=config.learning_rate,
        warmup_steps=warm_up,
    )


def _check_replicas(config: TrainingConfig, replicas: int) -> None:
    if config.batch_size % replicas:
        raise UserError(
            f"batch_size: expected a multiple of the {replicas} devices, found {config.batch_size}; "
            "choose another batch_size or --strategy one"
        )


def _claim(run: Path, records: Path, config: RunConfig, manifest: Manifest) -> None:
    """Make the run directory, or check that it holds this very run."""
    content = {"config": asdict(config), "manifest_sha256": sha256(records / MANIFEST)}
    path = run / "run.json"
    if path.is_file():
        found = read_json(path, "a training run")
        for key, value in content.items():
            if found.get(key) != _as_json(value):
                raise UserError(
                    f"{run}: holds another run ({key} differs); choose another --out, or remove it"
                )
        return
    if run.exists() and (
        not run.is_dir() or any(not path.name.endswith(".partial") for path in run.iterdir())
    ):
        raise UserError(
            f"{run}: expected a new or empty directory, or a run to continue; choose another --out"
        )
    run.mkdir(parents=True, exist_ok=True)
    seen = {sample["geometry_id"] for s in ("train", "validation") for sample in manifest.samples(s)}
    content["train_geometries"] = sorted(seen)
    write_json(path, {**content, "records": str(records.resolve()), "versions": _versions()})


def _as_json(value):
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, tuple | list) else value


def _versions() -> dict[str, str]:
    return {
        "tfmsnet": tfmsnet.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
