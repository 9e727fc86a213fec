"""A trial is the beginning of a run, and goes on as if it had never stopped."""

import csv
from dataclasses import replace

import numpy as np

from tfmsnet.tuning.trial import run_trial


def losses(run):
    with open(run / "log.csv", newline="") as file:
        return [(int(row["epoch"]), float(row["loss"])) for row in csv.DictReader(file)]


def test_a_promoted_trial_continues_weights_optimizer_and_stream(judged, base, tmp_path, recwarn):
    """Bit for bit what an uninterrupted trial does: with Adam's moments lost, the scores would differ."""
    whole = run_trial(base, judged, tmp_path / "whole", epochs=3)
    first = run_trial(base, judged, tmp_path / "first", epochs=2)
    second = run_trial(base, judged, tmp_path / "second", epochs=3, source=tmp_path / "first")
    assert (first.steps, second.steps, whole.steps) == (2, 3, 3)
    assert losses(tmp_path / "second") == losses(tmp_path / "whole")
    assert second.scores == whole.scores != first.scores
    assert not [w for w in recwarn if "Skipping variable loading" in str(w.message)]
    assert np.isfinite(whole.vrmse)
    assert whole.vrmse == whole.scores["vrmse_concentration"]
    assert whole.seconds_per_rollout > 0


def test_time_that_is_over_ends_a_trial_which_is_scored_as_it_stands(judged, base, tmp_path):
    config = replace(base, training=replace(base.training, steps=10_000, steps_per_epoch=5_000))
    outcome = run_trial(config, judged, tmp_path / "run", epochs=2, minutes=1e-6)
    assert outcome.out_of_time
    assert outcome.steps < 100
    assert np.isfinite(outcome.vrmse)
