"""KerasTuner over whole training runs: trials, chief and workers."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import keras_tuner
from keras_tuner.engine.oracle import Oracle
from keras_tuner.errors import FailedTrialError, FatalError

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import full_disk_named, write_json
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.store import load_predictor
from tfmsnet.seals import write_sealed
from tfmsnet.training.callbacks import Diverged
from tfmsnet.tuning.board import TrialBoard, show_outcome
from tfmsnet.tuning.oracles import OBJECTIVE
from tfmsnet.tuning.space import Space
from tfmsnet.tuning.trial import run_trial

EVERY_S = 2.0
DEAD_AFTER_S = 60.0


class Repeated:
    """Within the block a function is called every so often in a thread, the first time at once."""

    def __init__(self, function: Callable[[], None], every_s: float = EVERY_S):
        self.function, self.every_s = function, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True, name=f"repeated-{id(self)}")

    def __enter__(self) -> "Repeated":
        self.function()
        self._thread.start()
        return self

    def _repeat(self):
        while not self._over.wait(self.every_s):
            self.function()

    def __exit__(self, *exception) -> None:
        self._over.set()
        self._thread.join()


class Heartbeats:
    """workers/ of a search.

    Args:
        folder: workers/, which all processes see.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def beat(self, name: str) -> None:
        """Say that a process lives."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.touch()
        os.utime(path)

    def silent_s(self, name: str, observer: str) -> float:
        """Seconds since a process was last heard of; infinite when it never was.

        Measured from the observer's own beat: the clocks of two machines may differ.
        """
        try:
            return (self.folder / observer).stat().st_mtime - (self.folder / name).stat().st_mtime
        except FileNotFoundError:
            return float("inf")


PROJECT = "trials"
OUTCOME = "outcome.json"
_IDLE_S = 1.0


class Stopped(FatalError):
    """Carries an error through KerasTuner, which takes others for a trial's failure."""

    def __init__(self, cause: Exception):
        super().__init__(str(cause))
        self.cause = cause


class SurrogateTuner(keras_tuner.Tuner):
    """Runs the trials of an oracle in OUT/trials.

    Args:
        oracle: of `tfmsnet.tuning.oracles`.
        space: that it draws from.
        records: with a validation split.
        out: directory of the search.
        minutes: of training per trial at most.
        report: called with a line of text after each trial.
    """

    def __init__(
        self,
        oracle,
        space: Space,
        records: Path,
        out: Path,
        minutes: float | None = None,
        report: Callable[[str], None] = print,
    ):
        self.space, self.records, self.out, self.minutes = space, records, out, minutes
        self.report = report
        self._waiting = False
        super().__init__(oracle=oracle, directory=str(out), project_name=PROJECT)

    def run_trial(self, trial, **kwargs):
        """Train and score the point of a trial."""
        path = Path(self.get_trial_dir(trial.trial_id)) / OUTCOME
        try:
            with full_disk_named(self.out):
                return self._scored(trial, path)
        except Diverged as error:  # it would diverge again
            write_sealed(path, {"failure": f"{type(error).__name__}: {error}"})
            raise FailedTrialError(str(error)) from error
        except (RunFailed, UserError, OSError) as error:  # interrupted, a full disk: not the point's fault
            raise Stopped(error) from error
        except Exception as error:
            write_sealed(path, {"failure": f"{type(error).__name__}: {error}"})
            raise

    def _scored(self, trial, path: Path) -> dict[str, float]:
        values = trial.hyperparameters.values
        config = self.space.config(values)
        training = config.training
        point = {name: values[name] for name in self.space.describe()}
        source = values.get("tuner/trial_id")
        board = self.out / "tensorboard" / f"trial_{trial.trial_id}"
        outcome = run_trial(
            config,
            self.records,
            self.run_directory(trial.trial_id),
            epochs=values.get("tuner/epochs", training.steps // training.steps_per_epoch),
            source=self.run_directory(source) if source else None,
            minutes=self.minutes,
            title=f"trial {trial.trial_id}",
            hooks=(TrialBoard(board, trial.trial_id, point),),
        )
        show_outcome(board, outcome, training.steps_per_epoch)
        write_sealed(path, asdict(outcome))
        self.report(
            f"trial {trial.trial_id}: vRMSE {outcome.vrmse:.4f}, {outcome.parameters:,} parameters, "
            f"{outcome.seconds_per_rollout:.3f} s per rollout ({shown(point)})"
        )
        return {OBJECTIVE: outcome.vrmse}

    def run_directory(self, trial_id: str) -> Path:
        """The run directory of a trial: what `tfmsnet evaluate` and `tfmsnet predict` take."""
        return self.out / PROJECT / f"trial_{trial_id}" / "run"

    def load_model(self, trial) -> Predictor:
        """The surrogate that a trial trained."""
        return load_predictor(self.run_directory(trial.trial_id))

    def pre_create_trial(self):
        """KerasTuner asks again at once when there is nothing to do yet."""
        if self._waiting:
            time.sleep(_IDLE_S)
        self._waiting = True

    def on_trial_begin(self, trial):
        self._waiting = False

    def on_trial_end(self, trial):
        if trial.message and trial.status != "COMPLETED":
            reason = trial.message.strip().splitlines()[-1]
            self.report(f"trial {trial.trial_id}: failed ({reason})")
        super().on_trial_end(trial)

    def release(self) -> None:
        """Give the trial back that this process was asked to stop in."""
        if isinstance(self.oracle, Oracle):  # else the chief notices that this worker is gone
            self.oracle.release(self.tuner_id)

    def save(self):
        if isinstance(self.oracle, Oracle):
            self.oracle.save()
        write_json(self._get_tuner_fname(), self.get_state())


def shown(point: dict) -> str:
    """ "filters 8, growth 2"."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in point.items()
    )
