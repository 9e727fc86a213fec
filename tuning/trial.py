"""One trial: a training run like any other, up to some epoch, then scored on the held-out discharges."""

import math
import shutil
import time
import timeit
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.store import save_predictor
from tfmsnet.records.manifest import Manifest, open_manifest
from tfmsnet.training import callbacks
from tfmsnet.training.checkpoints import Checkpoints
from tfmsnet.training.config import RunConfig
from tfmsnet.training.data import conditions_of, sample_names, training_batches, validation_batches
from tfmsnet.training.loop import Interrupted, Position, StopRequest, fit
from tfmsnet.training.memory import parameters
from tfmsnet.training.run import assembled
from tfmsnet.training.run_directory import claimed_run_directory, seen_geometries
from tfmsnet.training.strategies import Team
from tfmsnet.training.trainer import Trainer
from tfmsnet.training.validation import Means, discharge_scores, overall_vrmse

# Rollouts whose time is taken.
TIMED = 3


@dataclass(frozen=True)
class Outcome:
    """What a trial came to.

    Attributes:
        vrmse: of rollouts over whole validation discharges, mean over frames and discharges; over the fields
            see `overall_vrmse`.
        scores: of each field, and voltage_rmse_mv; see `tfmsnet.training.validation.score_names`.
        parameters: of the network.
        seconds_per_rollout: of one validation discharge, geometry channels in, states out, on this machine.
        steps: optimizer steps, those of the trial that it goes on from included.
        minutes: of training.
        out_of_time: whether the time budget ended it.
    """

    vrmse: float
    scores: dict[str, float]
    parameters: int
    seconds_per_rollout: float
    steps: int
    minutes: float
    out_of_time: bool


class _Deadline:
    """Asks the training loop to stop when the time is over, or when a signal came."""

    def __init__(self, stop: StopRequest, minutes: float | None):
        self.stop = stop
        self.begun = time.monotonic()
        self.end = self.begun + 60 * minutes if minutes else math.inf

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.end

    @property
    def wanted(self) -> bool:
        return self.stop.wanted or self.over


def run_trial(
    config: RunConfig,
    records: Path,
    run: Path,
    *,
    epochs: int,
    source: Path | None = None,
    minutes: float | None = None,
    title: str = "trial",
    hooks: tuple[keras.callbacks.Callback, ...] = (),
) -> Outcome:
    """Train up to an epoch and score.

    The learning rate and the curriculum are those of the configuration's whole run, so that a trial is the
    beginning of that run, and one that goes on from another continues it as if it had never stopped.

    Args:
        config: of the whole run.
        records: with a validation split.
        run: the trial's run directory; one that was cut off is continued.
        epochs: at whose end to stop, counted from the beginning of the run.
        source: run directory of the trial to go on from.
        minutes: of training at most.
        title: of the progress bar.
        hooks: further callbacks.

    Raises:
        Diverged: the loss became infinite or NaN.
        Interrupted: by SIGINT or SIGTERM; the trial was saved.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.training.seed)
    manifest = open_manifest(records)
    trainer = assembled(config, manifest)
    with claimed_run_directory(run, records, config, manifest), StopRequest() as stop:
        _go_on_from(source, run)
        deadline = _Deadline(stop, minutes)
        steps = _train(trainer, config, manifest, records, run, epochs, deadline, title, hooks)
        trained_s = time.monotonic() - deadline.begun
    if stop.signal:
        raise Interrupted(
            f"{run}: stopped by {stop.signal.name}, saved; the same command continues", stop.signal
        )
    save_predictor(trainer.predictor, run, **_described(trainer, manifest))
    batches = validation_batches(trainer.predictor, manifest, records)
    scores = _scored(trainer, batches)
    return Outcome(
        vrmse=overall_vrmse(scores),
        scores=scores,
        parameters=parameters(config),
        seconds_per_rollout=_rollout_seconds(trainer.predictor, next(iter(batches))),
        steps=steps,
        minutes=trained_s / 60,
        out_of_time=steps < epochs * config.training.steps_per_epoch,
    )


def _described(trainer: Trainer, manifest: Manifest) -> dict:
    """What `save_predictor` wants to know beside the predictor."""
    return {
        "statistics": manifest.statistics_of(trainer.predictor.config.reference),
        "train_geometries": sorted(seen_geometries(manifest, "train", "validation")),
        "validation_geometries": sorted(seen_geometries(manifest, "validation")),
    }


def _go_on_from(source: Path | None, run: Path) -> None:
    folder = run / "checkpoints"
    if source is None or folder.exists():
        return
    partial = run / "checkpoints.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source / "checkpoints", partial)
    partial.rename(folder)
    if (source / "log.csv").is_file():
        shutil.copyfile(source / "log.csv", run / "log.csv")


def _train(
    trainer: Trainer,
    config: RunConfig,
    manifest: Manifest,
    records: Path,
    run: Path,
    epochs: int,
    deadline: _Deadline,
    title: str,
    hooks: tuple[keras.callbacks.Callback, ...],
) -> int:
    training = config.training
    checkpoints = Checkpoints(trainer, run)
    position = Position(trainer, *checkpoints.restore())
    names, step = [tracker.name for tracker in trainer.trackers], position.step
    last = epochs * training.steps_per_epoch
    if step >= last or deadline.wanted:
        return step
    saving = callbacks.Saving(trainer, run, checkpoints, position, _described(trainer, manifest))
    log = callbacks.Log(run / "log.csv", [*names, "learning_rate"], step // training.steps_per_epoch)
    done = fit(
        trainer,
        Team.of(tf.distribute.get_strategy()),
        lambda step: training_batches(trainer.predictor, training, manifest, records, step=step),
        position,
        epochs=epochs,
        steps_per_epoch=training.steps_per_epoch,
        callbacks=[
            callbacks.StopOnDivergence(trainer, checkpoints, lambda at: sample_names(training, manifest, at)),
            callbacks.LearningRate(),
            callbacks.Progress(title, last, step),
            *hooks,
            log,
            saving,
        ],
        stop=deadline,
    )
    if done < last:
        saving.save()
    return done


def _scored(trainer: Trainer, batches: tf.data.Dataset) -> dict[str, float]:
    """Means over all discharges."""
    score = tf.function(lambda batch: discharge_scores(trainer, batch), reduce_retracing=True)
    return Means.of(
        [{name: value.numpy() for name, value in score(batch).items()} for batch in batches]
    ).summary()


def _rollout_seconds(predictor: Predictor, batch: dict[str, tf.Tensor]) -> float:
    """Seconds of a rollout once it is compiled, the fastest of some."""
    conditions = predictor.padded(conditions_of(batch))

    @tf.function
    def rolled_out():
        static = predictor.static_inputs(batch["phase"], batch["features"], conditions)
        return predictor.states(static, conditions, predictor.state.initial(static.masks[0], conditions))

    rolled_out()
    return min(timeit.repeat(lambda: rolled_out().numpy(), number=1, repeat=TIMED))
