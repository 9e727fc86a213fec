"""Scores of one frame: identities, invariances, known spectra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tfmsnet.evaluation import metrics

values = arrays(np.float64, st.integers(2, 40), elements=st.floats(-10, 10, width=32))
masks = arrays(bool, array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=9))
RELATIVE = (metrics.mean_error_percent, metrics.nrmse, metrics.vrmse, metrics.pattern_error)


def pair(seed, size=200):
    rng = np.random.default_rng(seed)
    return rng.normal(5.0, 1.0, size), rng.normal(5.2, 1.3, size)


@given(values)
def test_a_perfect_prediction_scores_nothing(y):
    assert all(metric(y, y) == 0.0 for metric in RELATIVE)
    assert metrics.interface_error(y, y, np.ones(len(y), bool)) == 0.0


@given(st.integers(0, 1000))
def test_the_true_mean_everywhere_has_a_vrmse_of_one(seed):
    y, _ = pair(seed)
    uniform = np.full_like(y, y.mean())
    assert metrics.vrmse(y, uniform) == pytest.approx(1.0, rel=1e-12)
    assert metrics.mean_error_percent(y, uniform) == pytest.approx(0.0, abs=1e-12)


@given(st.integers(0, 1000), st.floats(-3, 3))
def test_any_uniform_field_has_a_pattern_error_of_one(seed, level):
    y, _ = pair(seed)
    assert metrics.pattern_error(y, np.full_like(y, level)) == pytest.approx(1.0, rel=1e-12)


@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_units_do_not_matter(seed, factor):
    y, y_hat = pair(seed)
    for metric in RELATIVE:
        assert metric(factor * y, factor * y_hat) == pytest.approx(metric(y, y_hat), rel=1e-9)


@given(st.integers(0, 1000), st.floats(-100, 100))
def test_vrmse_and_pattern_do_not_see_the_zero_of_the_scale(seed, shift):
    y, y_hat = pair(seed)
    for metric in (metrics.vrmse, metrics.pattern_error):
        assert metric(y + shift, y_hat + shift) == pytest.approx(metric(y, y_hat), rel=1e-9)


@given(st.integers(0, 1000))
def test_vrmse_is_pattern_and_mean_together(seed):
    y, y_hat = pair(seed)
    mean = (y_hat.mean() - y.mean()) / y.std()
    together = metrics.pattern_error(y, y_hat) ** 2 + mean**2
    assert metrics.vrmse(y, y_hat) ** 2 == pytest.approx(together, rel=1e-9)


def test_nrmse_and_mean_error_of_a_known_offset():
    y = np.array([3.0, 4.0, 5.0, 4.0])
    assert metrics.nrmse(y, 1.1 * y) == pytest.approx(0.1)
    assert metrics.mean_error_percent(y, 1.1 * y) == pytest.approx(10.0)


def test_an_error_on_a_uniform_truth_is_infinite():
    assert metrics.vrmse(np.full(4, 2.0), np.array([2.0, 2.0, 2.0, 3.0])) == np.inf


@given(masks)
def test_interface_voxels_are_those_with_a_face_on_another_phase(mask):
    expected = np.zeros_like(mask)
    padded = np.pad(mask, 1, mode="edge")  # beyond the border there is no other phase
    for axis in range(3):
        for step in (-1, 1):
            neighbour = np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
            expected |= mask & ~neighbour
    np.testing.assert_array_equal(metrics.interface(mask), expected)


def test_the_interface_error_is_that_of_its_voxels():
    y, y_hat = pair(0)
    at = np.arange(200) < 50
    expected = np.sqrt(np.mean((y_hat - y)[:50] ** 2)) / y.std()
    assert metrics.interface_error(y, y_hat, at) == pytest.approx(expected)
    assert np.isnan(metrics.interface_error(y, y_hat, np.zeros(200, bool)))


@given(masks.filter(lambda mask: mask.sum() > 1), st.integers(0, 100))
def test_band_powers_add_up_to_the_variance(mask, seed):
    values = np.random.default_rng(seed).normal(size=mask.sum())
    powers = metrics._band_powers(values, mask)  # Parseval, on even, odd and flat grids
    assert powers.sum() == pytest.approx(mask.size * np.sum((values - values.mean()) ** 2), rel=1e-9)


@given(st.floats(-5, 5))
def test_a_uniform_field_misses_every_band(level):
    mask = np.random.default_rng(0).random((20, 20, 20)) < 0.5
    y = np.random.default_rng(1).normal(size=mask.sum())
    np.testing.assert_allclose(metrics.spectral_errors(y, np.full_like(y, level), mask), 1.0, rtol=1e-9)


@pytest.mark.parametrize(("wavelength", "band"), [(32, 0), (8, 1), (2, 2)])
def test_an_error_of_one_wavelength_shows_in_its_band(wavelength, band):
    mask = np.ones((32, 4, 4), bool)
    y = np.random.default_rng(0).normal(size=mask.size)
    wave = np.broadcast_to(np.cos(2 * np.pi * np.arange(32) / wavelength)[:, None, None], mask.shape)
    errors = metrics.spectral_errors(y, y + wave.ravel(), mask)
    assert errors[band] > 0.1
    np.testing.assert_allclose(np.delete(errors, band), 0.0, atol=1e-9)


def test_a_grid_too_small_for_a_band_says_so():
    mask = np.ones((6, 6, 6), bool)
    errors = metrics.spectral_errors(np.arange(216.0), np.zeros(216), mask)
    assert np.isnan(errors[0])
    assert errors[2] == pytest.approx(1.0)
