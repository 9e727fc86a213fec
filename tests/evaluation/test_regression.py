"""The linear regression recovers what is linear, and extends it to other C-rates, lengths and loads."""

from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.evaluation import LinearRegression, score
from tfmsnet.evaluation.regression import DESCRIPTORS, descriptors
from tfmsnet.references.faraday import uniform_fields

RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(2, len(DESCRIPTORS)))
SECOND = 0.1 * RNG.normal(size=(2, len(DESCRIPTORS)))


def linear_sample(make_sample, c_rate, seed, second=SECOND, **kwargs):
    """Deviations (a + b C) C (1 + dol) . descriptors: 100 mol/m3 and 1 mV large."""
    sample = make_sample(c_rate=c_rate, seed=seed, **kwargs)
    described = descriptors(sample.phase, sample.voxel_size_m)
    known = uniform_fields(sample.c_rate_profile, sample.times_s, sample.parameters)
    rate, grow = (v[:, None, None, None] for v in (sample.c_rate_profile, 1.0 + sample.dol))
    fields = {}
    for i, (name, mask, unit) in enumerate(
        (("concentration", sample.am_mask, 100.0), ("potential", sample.solid_mask, 1e-3))
    ):
        shapes = [np.tensordot(coefficients[i], described, 1) for coefficients in (FIRST, second)]
        deviation = unit * grow * rate * (shapes[0] + rate * shapes[1])
        fields[name] = ((getattr(known, name)[:, None, None, None] + deviation) * mask).astype(np.float32)
    return replace(sample, **fields)


def worst(regression, sample):
    scores = score("regression", sample, regression(sample))
    return max(scores.concentration.vrmse.max(), scores.potential.pattern_error.max())


def every_other(sample):
    """The sample with half of its frames."""
    names = ("concentration", "potential", "times_s", "dol", "voltage_v", "c_rate_profile")
    return replace(sample, **{name: getattr(sample, name)[::2] for name in names})


def test_a_linear_deviation_is_recovered_on_an_unseen_electrode(make_sample):
    regression = LinearRegression().fit(linear_sample(make_sample, 1.0, seed) for seed in range(3))
    # The potential is stored in float32: 2e-7 V of 1 mV.
    assert worst(regression, linear_sample(make_sample, 1.0, 9)) < 2e-3


def test_unseen_c_rates_follow_from_two_seen_ones(make_sample):
    train = [linear_sample(make_sample, rate, seed) for seed in range(3) for rate in (0.5, 2.0)]
    regression = LinearRegression().fit(train)
    assert regression.c_rates == [0.5, 2.0]
    for rate in (1.0, 3.0):
        assert worst(regression, linear_sample(make_sample, rate, 9)) < 5e-3


def test_one_c_rate_extends_in_proportion(make_sample):
    nothing = np.zeros_like(SECOND)
    regression = LinearRegression().fit(linear_sample(make_sample, 1.0, s, nothing) for s in range(3))
    assert worst(regression, linear_sample(make_sample, 0.5, 9, nothing)) < 5e-3


def test_frames_go_by_lithiation_not_by_number(make_sample):
    regression = LinearRegression().fit(linear_sample(make_sample, 1.0, seed) for seed in range(3))
    short = linear_sample(make_sample, 1.0, 9, frames=7)
    assert worst(regression, short) < 2e-3
    assert worst(regression, every_other(short)) < 2e-3
    train = [
        thin(linear_sample(make_sample, 1.0, s)) for s in range(3) for thin in (every_other, lambda s: s)
    ]
    assert worst(LinearRegression().fit(train), short) < 2e-3


def test_each_frame_of_a_varying_load_goes_by_its_own_c_rate(make_sample):
    train = [linear_sample(make_sample, rate, seed) for seed in range(3) for rate in (1.0, 2.0)]
    profile = np.array([0.0, 1.0, 1.0, 2.0, 1.5, 0.0, 1.0])
    varying = linear_sample(make_sample, 1.0, 9, frames=7, profile=profile)
    predicted = LinearRegression().fit(train)(varying)
    mask = varying.am_mask
    error = (predicted.concentration - varying.concentration)[:, mask].std(axis=1)
    assert (error < 0.02 * varying.concentration[3, mask].std()).all()
    assert np.ptp(predicted.concentration[5, mask]) == 0.0  # no current, no gradient: no memory


def test_an_image_without_cbd_is_no_trouble(make_sample):
    def without(sample):
        phase = np.where(sample.phase == 2, 0, sample.phase).astype(np.uint8)
        return replace(sample, phase=phase, potential=sample.potential * (phase != 0))

    regression = LinearRegression().fit(without(make_sample(seed=seed)) for seed in range(2))
    predicted = regression(without(make_sample(seed=5)))
    assert np.isfinite(predicted.concentration).all()
    assert np.isfinite(predicted.potential).all()


def test_fitting_in_parts_is_fitting_at_once(make_sample):
    samples = [make_sample(seed=seed) for seed in range(3)]
    at_once, in_parts = LinearRegression().fit(samples), LinearRegression().fit(samples[:1]).fit(samples[1:])
    unseen = make_sample(seed=7)
    np.testing.assert_allclose(in_parts(unseen).concentration, at_once(unseen).concentration, rtol=1e-6)


def test_it_does_not_look_at_the_answer_and_keeps_to_the_phases(make_sample):
    regression = LinearRegression().fit([make_sample()])
    unseen = make_sample(seed=3)
    blind = replace(unseen, concentration=None, potential=None, dol=None, voltage_v=None)
    predicted = regression(blind)
    assert not predicted.concentration[:, ~unseen.am_mask].any()
    assert not predicted.potential[:, ~unseen.solid_mask].any()
    np.testing.assert_allclose(predicted.concentration[0], unseen.concentration[0], rtol=1e-6)


def test_it_beats_the_0_d_cell_on_simulated_electrodes(samples):
    held_out = samples[-1].geometry_id
    regression = LinearRegression().fit(s for s in samples if s.geometry_id != held_out)
    scores = score("regression", samples[-1], regression(samples[-1]))
    assert scores.concentration.vrmse[-1] < 0.8


def test_no_samples_and_no_fit_are_told(make_sample):
    with pytest.raises(UserError, match="no training samples"):
        LinearRegression().fit([])
    with pytest.raises(UserError, match="not fitted"):
        LinearRegression()(make_sample())
