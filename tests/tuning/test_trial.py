"""A trial is the beginning of a run, and goes on as if it had never stopped."""

import csv
import time
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.training.validation import discharge_scores
from tfmsnet.tuning import trial as trials
from tfmsnet.tuning.trial import run_trial


@pytest.fixture(scope="module")
def basis(base):
    """The smallest network there is."""
    return base.in_mode("basis").with_values({"scales": 1, "channels": ["am"]}, "test")


@pytest.fixture(scope="module")
def whole(judged, basis, tmp_path_factory):
    """A trial that nothing interrupted: its run directory and outcome."""
    run = tmp_path_factory.mktemp("whole") / "run"
    return run, run_trial(basis, judged, run, epochs=3)


def losses(run):
    with open(run / "log.csv", newline="") as file:
        return [(int(row["epoch"]), float(row["loss"])) for row in csv.DictReader(file)]


def test_a_promoted_trial_continues_weights_optimizer_and_stream(judged, basis, whole, tmp_path, recwarn):
    """Bit for bit what an uninterrupted trial does: with Adam's moments lost, the scores would differ."""
    run, uninterrupted = whole
    first = run_trial(basis, judged, tmp_path / "first", epochs=2)
    second = run_trial(basis, judged, tmp_path / "second", epochs=3, source=tmp_path / "first")
    assert (first.steps, second.steps, uninterrupted.steps) == (2, 3, 3)
    assert losses(tmp_path / "second") == losses(run)
    assert second.scores == uninterrupted.scores != first.scores
    assert not [w for w in recwarn if "Skipping variable loading" in str(w.message)]


def test_a_trial_is_judged_by_the_error_of_its_rollouts(whole):
    _, outcome = whole
    assert np.isfinite(outcome.vrmse)
    assert outcome.vrmse == pytest.approx(outcome.scores["vrmse_concentration"], rel=1e-12)


def test_time_that_is_over_ends_a_trial_whose_rollouts_are_scored_and_timed(
    judged, basis, tmp_path, monkeypatch
):
    def slow(trainer, batch):
        with tf.control_dependencies([tf.py_function(lambda: time.sleep(1.0), [], [])]):
            return {name: tf.identity(value) for name, value in discharge_scores(trainer, batch).items()}

    monkeypatch.setattr(trials, "discharge_scores", slow)
    training = replace(basis.training, steps=10_000, steps_per_epoch=5_000)
    outcome = run_trial(replace(basis, training=training), judged, tmp_path / "run", epochs=2, minutes=1e-6)
    assert outcome.out_of_time
    assert outcome.steps < 100
    assert np.isfinite(outcome.vrmse)
    assert 0 < outcome.seconds_per_rollout < 1.0  # the rollout's, not the scores'
