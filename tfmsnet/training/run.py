"""A training run: a directory that holds all of it, and that a later call continues."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import check_name, full_disk_named
from tfmsnet.memory import require_memory
from tfmsnet.predictors.domain import check_grid, training_domain
from tfmsnet.predictors.kinds import kind_of
from tfmsnet.predictors.predictor import Predictor, make_predictor
from tfmsnet.predictors.store import save_predictor
from tfmsnet.records.manifest import Manifest, open_manifest
from tfmsnet.records.verification import named_errors
from tfmsnet.training import callbacks
from tfmsnet.training.board import Board
from tfmsnet.training.checkpoints import Checkpoints
from tfmsnet.training.config import PRESETS, RunConfig, TrainingConfig
from tfmsnet.training.data import sample_names, training_batches, validation_batches
from tfmsnet.training.loop import Interrupted, Position, StopRequest, fit
from tfmsnet.training.memory import estimate
from tfmsnet.training.run_directory import (
    RandomWeights,
    TrainedWeights,
    claimed_run_directory,
    digest,
    seen_geometries,
)
from tfmsnet.training.strategies import WORKER_GONE, Team, make_strategy, worker_gone
from tfmsnet.training.trainer import Trainer
from tfmsnet.training.validation import Validation, score_names

WARM_UP = 0.03
_ESTIMATED_WITHIN = 1.25


def train(
    records: str | Path,
    run: str | Path,
    config: RunConfig | None = None,
    *,
    strategy: str = "auto",
    devices: tuple[str, ...] = (),
    title: str = "training",
    profile: bool = False,
    data_service: str | None = None,
    init: str | Path | None = None,
) -> Predictor:
    """Train a predictor on a records directory, or go on with a run that was interrupted.

    The run directory holds run.json (configuration, versions, checksum of the records' manifest),
    surrogate.json, surrogate.weights.h5, checkpoints/ (the last two), best/ (by validation score),
    tensorboard/ and log.csv.  With several workers it must be one that all of them see; the chief writes.

    Args:
        records: records directory.
        run: run directory; made, or one of the same configuration and records.
        config: what to train and how; None for the default preset.
        strategy, devices: see `make_strategy`.
        title: of the progress bar.
        profile: whether to trace a few steps for TensorBoard.
        data_service: grpc://HOST:PORT of a tf.data service that makes the batches; None to make them here.
        init: directory of a trained predictor of the same network to start from; None to start from chance.

    Returns:
        The trained predictor.

    Raises:
        UserError: records that can't be used, a directory that holds something else, a training that can't
            fit into memory.
        Diverged: the loss became infinite or NaN.
        Interrupted: by SIGINT or SIGTERM; the run was saved.
        RunFailed: a worker is gone, the disk is full, the memory is too small.
    """
    run, records, config = Path(run), Path(records), config or PRESETS["default"]
    check_name(run)
    check_name(records)
    manifest = open_manifest(records)
    for sample in (sample for split in manifest.splits for sample in manifest.samples(split)):
        check_grid(sample["grid"], config.network.scales, f"{records}: {sample['sample_id']}")
        changes = not sample.get("constant_current", True)
        if changes and kind_of(config.network).constant_current(config.network):
            raise UserError(
                f"{records}: {sample['sample_id']}: a load that changes, but a network with a time basis "
                "holds for constant current alone, unless it starts from a reference that knows each plane's "
                "history (--set reference=porous-electrode); or train in another --mode"
            )
    _check_memory(config, manifest, run)
    team = Team.of(make_strategy(strategy, devices))
    _check_replicas(config.training, team.strategy.num_replicas_in_sync)
    try:
        with named_errors(records), full_disk_named(run):
            origin = TrainedWeights(init, config.network) if init else RandomWeights()
            return _Run(team, records, run, config, manifest, data_service, origin).train(title, profile)
    except WORKER_GONE as error:
        if team.workers == 1:
            raise
        raise worker_gone(error) from error
    except tf.errors.ResourceExhaustedError as error:
        raise RunFailed(
            f"{run}: out of memory; `tfmsnet train --dry-run` estimates what fits: a smaller batch_size or "
            "filters, or gradient=adjoint"
        ) from error


def _check_memory(config: RunConfig, manifest: Manifest, run: Path) -> None:
    """Refuse what surely can't fit, where the system's memory is all there is."""
    samples = manifest.samples("train")
    if tf.config.list_physical_devices("GPU") or not samples:
        return
    grid = tuple(max(sample["grid"][axis] for sample in samples) for axis in range(3))
    frames = max(sample["frames"] for sample in samples) - 1
    require_memory(
        estimate(config, grid, frames=frames).total / _ESTIMATED_WITHIN,
        f"{run}: training",
        "`tfmsnet train --dry-run` estimates what fits: a smaller batch_size or filters, or gradient=adjoint",
    )


@dataclass(frozen=True)
class _Run:
    team: Team
    records: Path
    directory: Path
    config: RunConfig
    manifest: Manifest
    data_service: str | None
    origin: RandomWeights

    def train(self, title: str, profile: bool) -> Predictor:
        keras.utils.set_random_seed(self.config.training.seed)
        trainer = self._trainer()
        with ExitStack() as claim:
            self._claim(claim)
            checkpoints = Checkpoints(trainer, self.directory)
            position = Position(trainer, *checkpoints.restore())
            step = position.step
            self.team.check_same(
                "the last checkpoint", step, f"{self.directory} must be shared by all workers"
            )
            if step < self.config.training.steps:
                self._fit(trainer, checkpoints, position, title, profile)
            if self.team.is_chief:
                again = step >= self.config.training.steps
                save_predictor(trainer.predictor, self.directory, **self._described, again=again)
            self.team.gathered(0)  # nobody leaves before the chief has written
        return trainer.predictor

    def _trainer(self) -> Trainer:
        with self.team.strategy.scope():
            trainer = assembled(self.config, self.manifest, self.origin)
        self.team.check_same(
            "the configuration or the records' manifest",
            digest(self.records, self.config, self.origin),
            "start all with the same command",
        )
        return trainer

    def _claim(self, claim: ExitStack) -> None:
        """The chief claims the directory; its refusal reaches every worker."""
        problem = None
        parts = (self.directory, self.records, self.config, self.manifest, self.origin)
        if self.team.is_chief:
            try:
                claim.enter_context(claimed_run_directory(*parts))
            except (UserError, OSError) as error:
                problem = error
        refused = self.team.gathered(int(problem is not None))[0]
        if problem:
            raise problem
        if refused:
            raise UserError(f"{self.directory}: refused by the chief; its message says why")

    def _fit(self, trainer, checkpoints, position, title, profile) -> None:
        config = self.config.training
        saving = callbacks.Saving(trainer, self.directory, checkpoints, position, self._described)
        hooks = [callbacks.StopOnDivergence(trainer, checkpoints, self._sample_names)]
        if self.team.is_chief:
            hooks += self._of_chief(trainer, position.step, title)
            hooks += [callbacks.Profile(self.directory / "tensorboard")] if profile else []
            hooks += [saving]
        with StopRequest() as stop:
            done = fit(
                trainer,
                self.team,
                lambda step: self._batches(trainer.predictor, step),
                position,
                epochs=config.steps // config.steps_per_epoch,
                steps_per_epoch=config.steps_per_epoch,
                callbacks=hooks,
                stop=stop,
            )
            if done < config.steps:
                self._stop(saving, stop, done)

    def _stop(self, saving, stop: StopRequest, done: int) -> None:
        if self.team.is_chief:
            saving.save()
        self.team.gathered(0)
        by = stop.signal.name if stop.signal else "another worker's signal"
        raise Interrupted(
            f"{self.directory}: stopped by {by} after step {done} of {self.config.training.steps}, saved; "
            "the same command continues",
            stop.signal or 0,
        )

    def _of_chief(self, trainer, step, title) -> list[keras.callbacks.Callback]:
        config, predictor = self.config.training, trainer.predictor
        epochs = config.steps // config.steps_per_epoch
        every = max(1, epochs // 10)
        held_out = bool(self.manifest.samples("validation"))
        validation = None
        if held_out:
            whole = validation_batches(predictor, self.manifest, self.records)
            validation = Validation(trainer, whole, every)
        split = "validation" if held_out else "train"
        shown = validation_batches(predictor, self.manifest, self.records, split).take(1)
        columns = [*(tracker.name for tracker in trainer.trackers), "learning_rate"]
        columns += [f"val_{name}" for name in score_names(predictor.config.fields)]
        return [
            callbacks.LearningRate(),
            *([validation] if validation else []),
            callbacks.Progress(title, config.steps, step),
            Board(trainer, self.config, self.directory / "tensorboard", validation, shown, every),
            callbacks.Log(self.directory / "log.csv", columns, step // config.steps_per_epoch),
            callbacks.Best(trainer, self._described, self.directory),
        ]

    def _batches(self, predictor, step):
        """The stream from an optimizer step on; with several workers, this one's part of it."""
        parts = (predictor, self.config.training, self.manifest, self.records)
        if not isinstance(self.team.strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return training_batches(*parts, step=step, data_service=self.data_service)
        return self.team.strategy.distribute_datasets_from_function(
            lambda context: training_batches(
                *parts,
                step=step,
                data_service=self.data_service,
                workers=context.num_input_pipelines,
                worker=context.input_pipeline_id,
                replicas=context.num_replicas_in_sync,
            )
        )

    @property
    def _described(self) -> dict:
        """What the predictor's description holds beside the predictor."""
        validation = seen_geometries(self.manifest, "validation")
        seen = self.origin.geometries | seen_geometries(self.manifest, "train") | validation
        return {
            "statistics": self.origin.statistics(self.manifest, self.config.network),
            "domain": training_domain(self.manifest.samples("train"), self.manifest.voxel_size_m),
            "train_geometries": sorted(seen),
            "validation_geometries": sorted(validation - self.origin.geometries),
        }

    def _sample_names(self, step: int) -> list[str]:
        return sample_names(self.config.training, self.manifest, step)


def assembled(config: RunConfig, manifest: Manifest, origin: RandomWeights | None = None) -> Trainer:
    """The compiled trainer of a configuration on some records; call it in the strategy's scope."""
    origin = origin or RandomWeights()
    of_records = (manifest.parameters, origin.statistics(manifest, config.network), manifest.voxel_size_m)
    predictor = make_predictor(config.network, *of_records, config.training.precision)
    origin.give(predictor)
    trainer = Trainer(predictor, config.training)
    # Compiling makes the optimizer's variables: without them a checkpoint would lose Adam's moments.
    trainer.compile(optimizer=keras.optimizers.Adam(learning_rate(config.training)))
    return trainer


def learning_rate(config: TrainingConfig):
    """What Adam is given: a number, or a schedule over the steps of the whole run."""
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
