"""Scores of whole discharges."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.evaluation import Fields, ZeroDimensional, score
from tfmsnet.evaluation.scores import SMALLEST_SPREAD
from tfmsnet.fields import FIELDS


def test_the_truth_scores_nothing(make_sample, truth):
    sample = make_sample()
    summary = score("truth", sample, truth(sample)).summary()
    long_band = {f"{field}_spectral_long_median" for field in FIELDS}  # wider than this grid
    for name, value in summary.items():
        assert np.isnan(value) if name in long_band else abs(value) < 1e-6, name


def test_the_0_d_cell_is_a_vrmse_of_one_and_conserves_lithium(make_sample):
    sample = make_sample(c_rate=2.0)
    scores = score("0-D", sample, ZeroDimensional()(sample))
    np.testing.assert_allclose(scores.concentration.vrmse, 1.0, rtol=1e-4)
    np.testing.assert_allclose(scores.concentration.mean_error_percent, 0.0, atol=1e-4)
    np.testing.assert_allclose(scores.potential.pattern_error, 1.0, rtol=1e-3)
    assert abs(scores.lithium_balance) < 1e-5
    assert scores.curve_error.rmse_mv == pytest.approx(
        40.0, abs=1.5
    )  # 20 mV per C-rate, less 1e-3 V of depth


@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_what_lies_outside_the_phase_does_not_count(make_sample, noisy, seed):
    sample = make_sample(frames=4, seed=seed)
    predicted = noisy(100.0, 1e-3)(sample)
    rubbish = np.random.default_rng(seed).normal(scale=1e6, size=sample.concentration.shape).astype("f4")
    dirty = Fields(
        np.where(sample.am_mask, predicted.concentration, rubbish),
        np.where(sample.solid_mask, predicted.potential, np.nan),
    )
    clean = score("m", sample, predicted)
    np.testing.assert_equal(score("m", sample, dirty).as_dict(), clean.as_dict())


def test_the_initial_frame_does_not_count(make_sample, noisy):
    sample = make_sample(frames=5)
    predicted = noisy(100.0, 1e-3)(sample)
    other = Fields(predicted.concentration.copy(), predicted.potential.copy())
    other.concentration[0] += 1e4
    other.potential[0] += 1.0
    assert score("m", sample, other).summary() == pytest.approx(
        score("m", sample, predicted).summary(), nan_ok=True
    )
    assert len(score("m", sample, other).concentration.vrmse) == 4


@settings(max_examples=10)
@given(factor=st.floats(0.1, 3.0))
def test_lithium_balance_is_the_slope_of_the_uptake(make_sample, factor):
    sample = make_sample()
    start = sample.parameters.initial_dol * sample.parameters.c_max_mol_m3
    stretched = np.where(sample.am_mask, start + factor * (sample.concentration - start), 0.0)
    scores = score("m", sample, Fields(stretched.astype("f4"), sample.potential))
    assert scores.lithium_balance == pytest.approx(factor - 1.0, abs=1e-4)


def test_lithium_balance_without_a_current_is_unknown(make_sample, truth):
    sample = make_sample(frames=3, profile=np.zeros(3))
    assert np.isnan(score("m", sample, truth(sample)).lithium_balance)


def test_a_predictor_of_one_field_is_scored_on_it(make_sample):
    sample = make_sample(frames=4)
    scores = score("m", sample, Fields(sample.concentration, None))
    assert scores.potential is None
    assert scores.curve is None
    summary = scores.summary()
    assert summary["concentration_vrmse_last"] == 0.0
    assert np.isnan([summary["potential_vrmse_last"], summary["curve_rmse_mv"]]).all()
    both = score("m", sample, Fields(sample.concentration, sample.potential)).summary()
    assert list(summary) == list(both)


def test_a_diverged_prediction_is_infinitely_wrong(make_sample):
    sample = make_sample(frames=4)
    concentration = sample.concentration.copy()
    concentration[2:] = np.nan
    scores = score("m", sample, Fields(concentration, sample.potential))
    np.testing.assert_array_equal(scores.concentration.vrmse, [0.0, np.inf, np.inf])
    assert scores.lithium_balance == np.inf
    assert scores.curve_error == (np.inf, np.inf)


def test_as_dict_is_strict_json(make_sample):
    sample = make_sample(frames=4)
    content = score("m", sample, Fields(sample.concentration, None)).as_dict()
    read = json.loads(json.dumps(content, allow_nan=False))
    assert read["sample_id"] == sample.sample_id
    assert read["potential"] is None
    assert len(read["concentration"]["spectral_error"]) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s, f: (s, replace(f, potential=f.potential[1:])),
            r"potential of geometry0_1C: expected .*found",
        ),
        (lambda s, f: (s, Fields(None, None)), "predicted no field"),
        (lambda s, f: (replace(s, times_s=s.times_s[:1]), f), "one frame"),
        (lambda s, f: (replace(s, phase=np.zeros_like(s.phase)), f), "no active material"),
    ],
)
def test_what_can_not_be_scored_is_told(make_sample, truth, change, message):
    sample = make_sample(frames=3)
    with pytest.raises(UserError, match=message):
        score("m", *change(sample, truth(sample)))


def test_after_a_rest_errors_are_relative_to_what_there_was(make_sample, noisy):
    """A field that has nearly relaxed has hardly any spread to be wrong by."""
    sample = make_sample(frames=5)
    relaxed = sample.concentration.copy()
    mean = relaxed[4][sample.am_mask].mean()
    relaxed[4][sample.am_mask] = mean + 1e-3 * (relaxed[4][sample.am_mask] - mean)
    sample = replace(sample, concentration=relaxed)
    spreads = [frame[sample.am_mask].std() for frame in relaxed[1:]]
    wrong = Fields(relaxed + np.float32(30.0) * sample.am_mask, sample.potential)
    found = score("m", sample, wrong).concentration.vrmse
    assert found[-1] == pytest.approx(30.0 / (SMALLEST_SPREAD * max(spreads)), rel=0.01)
    np.testing.assert_allclose(found[:-1], 30.0 / np.array(spreads[:-1]), rtol=0.01)
