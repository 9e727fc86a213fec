"""KerasTuner's oracles over a `Space`: only points that fit, files whole or absent, dead workers noticed.

KerasTuner knows spaces that are products of their dimensions.  Which points fit a budget isn't one, so the
draw of a random point (`_random_values`, which all oracles share) is replaced, and what the Gaussian process
proposes is moved to the nearest point that fits.
"""

import random
from collections.abc import Callable
from pathlib import Path

import keras_tuner
from keras_tuner import oracles
from keras_tuner.engine.trial import TrialStatus
from threadpoolctl import threadpool_limits

from tfmsnet.seals import read_sealed, write_sealed
from tfmsnet.tuning.space import Space

OBJECTIVE = "vrmse"
TRIES = 2
# So many failed trials one after the other end the search: then it isn't the point that is at fault.
GIVE_UP_AFTER = 10
KILLED = "its process was killed or stopped answering"


class _OverSpace:
    """What the three oracles have in common; comes before KerasTuner's class."""

    def __init__(self, space: Space, seed: int, **kwargs):
        self.space = space
        self._cut_off = []
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "min"),
            hyperparameters=hyperparameters(space),
            allow_new_entries=False,
            seed=seed + 1,  # KerasTuner takes 0 for none
            max_retries_per_trial=TRIES - 1,
            max_consecutive_failed_trials=10**9,  # it would raise while it holds its lock: see `failing`
            **kwargs,
        )

    @property
    def failing(self) -> bool:
        """Whether the last trials all failed."""
        last = self.end_order[-GIVE_UP_AFTER:]
        return len(last) == GIVE_UP_AFTER and all(
            self.trials[trial_id].status == TrialStatus.FAILED for trial_id in last
        )

    def _random_values(self):
        rng = random.Random(self._seed_state)
        self._seed_state += 1
        points = self.space.points
        if not self.space.ranges:
            points = [point for point in points if not self._duplicate(point)]
        return self.space.draw(rng, points) if points else None

    def populate_space(self, trial_id):
        if self.failing:
            return {"status": TrialStatus.STOPPED}
        return super().populate_space(trial_id)

    @keras_tuner.synchronized
    def create_trial(self, tuner_id):
        """As KerasTuner's, but nobody leaves while a trial is under way: it may have to be taken over."""
        trial = super().create_trial(tuner_id)
        if trial.status == TrialStatus.STOPPED and self.ongoing_trials:
            trial.status = TrialStatus.IDLE
            self.tuner_ids.add(tuner_id)
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial):
        """As KerasTuner's; what comes late of a worker given up is passed over."""
        if trial.trial_id not in {ongoing.trial_id for ongoing in self.ongoing_trials.values()}:
            return
        # They come back from a worker in single precision.
        trial.hyperparameters = self.trials[trial.trial_id].hyperparameters
        super().end_trial(trial)

    @keras_tuner.synchronized
    def release(self, tuner_id: str) -> None:
        """A process was asked to stop: its trial goes on later, and this counts as no failure."""
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial:
            self._retry_queue.append(trial.trial_id)
        self.save()

    @keras_tuner.synchronized
    def bury(self, is_dead: Callable[[str], bool]) -> list[str]:
        """Take the trials of dead workers from them: tried once more, then marked failed.

        Returns:
            The ids of the trials.
        """
        dead = [tuner_id for tuner_id in sorted(self.tuner_ids) if is_dead(tuner_id)]
        buried = []
        for tuner_id in dead:
            self.tuner_ids.discard(tuner_id)
            trial = self.ongoing_trials.get(tuner_id)
            if trial:
                trial.status, trial.message = TrialStatus.INVALID, KILLED
                self.end_trial(trial)
                buried.append(trial.trial_id)
        return buried

    def save(self):
        write_sealed(self._get_oracle_fname(), self.get_state())

    def _save_trial(self, trial):
        write_sealed(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def set_state(self, state):
        super().set_state(state)
        self._cut_off = list(self.ongoing_trials.values())

    def reload(self):
        """As KerasTuner's; the trials that a killed process had begun count as tried.

        Raises:
            UserError: a file of the search isn't as it was written.
        """
        for path in (Path(self._get_oracle_fname()), *Path(self._project_dir).glob("trial_*/trial.json")):
            if path.exists():
                read_sealed(path, "the state of a search", "an older version wrote it: choose another --out")
        super().reload()
        for trial_id in set(self.trials) - set(self.start_order):
            del self.trials[trial_id]  # killed between its file and the oracle's
        for trial in self._cut_off:
            self._run_times[trial.trial_id] += 1
            if self._run_times[trial.trial_id] >= TRIES:
                self._retry_queue.remove(trial.trial_id)
                self.end_order.append(trial.trial_id)
                trial.status, trial.message = TrialStatus.FAILED, KILLED
                self._save_trial(trial)


class Hyperband(_OverSpace, oracles.HyperbandOracle):
    """Many points for a short time, the best of them for longer (Li et al. 2018)."""

    def _random_values(self):
        """As the others', but a space that is used up begins again: rounds not full promote nothing."""
        values = super()._random_values()
        if values is None:
            values = self.space.draw(random.Random(self._seed_state), self.space.points)
        return values


class RandomSearch(_OverSpace, oracles.RandomSearchOracle):
    """Points at random."""


class BayesianOptimization(_OverSpace, oracles.BayesianOptimizationOracle):
    """Random points at first, then where a Gaussian process expects something better."""

    def populate_space(self, trial_id):
        with threadpool_limits(1):  # matrices of some rows: threads would only wait for each other
            answer = super().populate_space(trial_id)
        if answer["status"] != TrialStatus.RUNNING:
            return answer
        values = self.space.nearest(answer["values"])
        if self._duplicate(values):
            values = self._random_values()
        if values is None:
            return {"status": TrialStatus.STOPPED}
        return {"status": TrialStatus.RUNNING, "values": values}


def hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """The space as KerasTuner knows it."""
    result = keras_tuner.HyperParameters()
    for dimension in space.dimensions:
        result.Choice(dimension.name, list(dimension.values))
    for dimension in space.ranges:
        sampling = "log" if dimension.logarithmic else "linear"
        result.Float(dimension.name, dimension.low, dimension.high, sampling=sampling)
    return result


def make_oracle(kind: str, space: Space, *, epochs: int, factor: int, trials: int, seed: int):
    """One of `TUNERS`.

    Args:
        kind: its name.
        space: what may be tried.
        epochs: of the longest trial; Hyperband alone makes shorter ones.
        factor: by which Hyperband thins out its trials and lengthens them.
        trials: at most; of the other two.
        seed: of the draws.
    """
    if kind == "hyperband":
        return Hyperband(space, seed, max_epochs=epochs, factor=factor)
    if kind == "random":
        return RandomSearch(space, seed, max_trials=trials)
    first = max(3, min(3 * len(space.describe()), trials // 2))
    return BayesianOptimization(space, seed, max_trials=trials, num_initial_points=first)


TUNERS = ("hyperband", "bayesian", "random")
