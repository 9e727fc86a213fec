"""KerasTuner's oracles on points with a score that needs no training; killed, dead and failing workers."""

import json

import keras_tuner
import pytest

from tfmsnet.records import open_manifest
from tfmsnet.seals import read_sealed, write_sealed
from tfmsnet.training.memory import parameters
from tfmsnet.tuning.dimension import parse
from tfmsnet.tuning.oracles import GIVE_UP_AFTER, TUNERS, make_oracle
from tfmsnet.tuning.space import Budget, Space

SPACE = ("filters=2,4,8,16", "growth=1,2,4", "learning_rate=1e-4..1e-2")


@pytest.fixture
def make(judged, base, tmp_path):
    def make(kind, *texts, trials=12, **budget):
        dimensions = [parse(text) for text in texts or SPACE]
        space = Space.of(base, dimensions, open_manifest(judged), Budget(**budget))
        oracle = make_oracle(kind, space, epochs=9, factor=3, trials=trials, seed=0)
        oracle._set_project_dir(str(tmp_path), "trials")
        oracle.verbose = 0
        return oracle

    return make


def finish(oracle, trial, score=None):
    """End a trial with a score, or as one that crashed."""
    trial = keras_tuner.engine.trial.Trial.from_state(json.loads(json.dumps(trial.get_state())))
    if score is None:
        trial.status, trial.message = "INVALID", "it crashed"
    else:
        oracle.update_trial(trial.trial_id, {"vrmse": score})
        trial.status = "COMPLETED"
    oracle.end_trial(trial)


def run(oracle, score):
    """All trials of a search in one process."""
    trials = []
    while (trial := oracle.create_trial("tuner0")).status != "STOPPED":
        trials.append(trial)
        assert len(trials) < 300
        finish(oracle, trial, score(trial.hyperparameters.values))
    return trials


@pytest.mark.parametrize("kind", TUNERS)
def test_every_trial_fits_the_budget(make, kind):
    oracle = make(kind, parameters=1100, trials=5 if kind == "bayesian" else 12)
    trials = run(oracle, lambda values: abs(values["filters"] - 4) + values["growth"])
    assert len(trials) >= 5
    sizes = {parameters(oracle.space.config(trial.hyperparameters.values)) for trial in trials}
    assert max(sizes) <= 1100


def test_hyperband_promotes_the_best_to_more_epochs(make):
    trials = run(make("hyperband"), lambda values: values["learning_rate"])
    promoted = [t.hyperparameters.values for t in trials if "tuner/trial_id" in t.hyperparameters.values]
    assert promoted
    assert {v["tuner/initial_epoch"] for v in promoted} == {1, 3}
    assert max(v["tuner/epochs"] for v in promoted) == 9


@pytest.mark.parametrize("kind", ["bayesian", "random"])
def test_a_small_space_is_tried_once_and_then_over(make, kind):
    trials = run(make(kind, "filters=2,4,8", trials=50), lambda values: values["filters"])
    assert sorted(trial.hyperparameters.values["filters"] for trial in trials) == [2, 4, 8]


def test_hyperband_trains_the_best_of_a_small_space_to_the_end(make):
    trials = run(make("hyperband", "filters=2,4"), lambda values: values["filters"])
    longest = [t.hyperparameters.values for t in trials if t.hyperparameters.values["tuner/epochs"] == 9]
    assert 2 in {values["filters"] for values in longest}
    assert any("tuner/trial_id" in values for values in longest)


def test_a_trial_that_crashes_is_tried_twice_then_failed_and_the_search_goes_on(make):
    oracle = make("random")
    scores = iter([0.5, None, None, *[0.7] * 20])
    trials = run(oracle, lambda values: next(scores))
    assert [trial.trial_id for trial in trials[:4]] == ["00", "01", "01", "02"]
    assert oracle.trials["01"].status == "FAILED"
    assert sum(trial.status == "COMPLETED" for trial in oracle.trials.values()) == 11


def test_a_search_in_which_nothing_works_ends(make):
    oracle = make("random", trials=100)
    run(oracle, lambda values: None)
    assert oracle.failing
    assert len(oracle.trials) == GIVE_UP_AFTER


def test_a_dead_worker_s_trial_goes_to_another_and_fails_when_that_dies_too(make):
    oracle = make("random", trials=2)
    lost = oracle.create_trial("worker-a")
    assert oracle.bury(lambda worker: worker == "worker-a") == [lost.trial_id]
    again = oracle.create_trial("worker-b")
    assert again.trial_id == lost.trial_id
    finish(oracle, lost, 0.1)  # the first one was only slow: its result belongs to the same trial
    oracle.create_trial("worker-c")
    other = oracle.create_trial("worker-d")
    assert other.status == "IDLE"  # nobody leaves while a trial may have to be taken over
    assert oracle.bury(lambda worker: worker == "worker-c") == ["1"]
    assert oracle.create_trial("worker-d").trial_id == "1"
    oracle.bury(lambda worker: worker == "worker-d")
    assert oracle.trials["1"].status == "FAILED"
    assert "stopped answering" in oracle.trials["1"].message
    assert oracle.create_trial("worker-e").status == "STOPPED"


def test_a_killed_process_counts_as_a_try_and_one_that_was_stopped_does_not(make):
    oracle = make("random")
    for _ in range(3):
        trial = oracle.create_trial("tuner0")
        oracle.release("tuner0")
        oracle = make("random")
        oracle.reload()
    assert oracle.create_trial("tuner0").trial_id == trial.trial_id == "00"
    for status in ("RUNNING", "FAILED"):
        oracle = make("random")
        oracle.reload()
        assert oracle.trials["00"].status == status
        oracle.create_trial("tuner0")
    assert oracle.create_trial("tuner0").trial_id == "01"


def test_a_search_goes_on_with_the_points_that_it_would_have_had(make, tmp_path):
    def values(trials):
        return [trial.hyperparameters.values for trial in trials]

    whole = run(make("random"), lambda values: values["learning_rate"])
    for path in sorted(tmp_path.rglob("*.json")):
        path.unlink()
    oracle = make("random")
    first = [oracle.create_trial("tuner0") for _ in range(1)]
    finish(oracle, first[0], 0.1)
    again = make("random")
    again.reload()
    assert values(first + run(again, lambda values: 0.1)) == values(whole)


def test_what_a_kill_left_between_two_files_is_dropped(make, tmp_path):
    oracle = make("random")
    oracle.save()
    oracle.create_trial("tuner0")
    path = tmp_path / "trials" / "oracle.json"
    write_sealed(path, read_sealed(path, "a search") | {"start_order": [], "ongoing_trials": {}})
    oracle = make("random")
    oracle.reload()
    assert oracle.create_trial("tuner0").trial_id == "00"
