"""Discharge curves from fields, and their differences."""

import numpy as np
import pytest

from tfmsnet.evaluation.curve import curve_error, curve_error_in_time
from tfmsnet.records.curve import DischargeCurve, discharge_curve

DOL = np.linspace(0.45925, 0.82, 25)
TRUE = DischargeCurve(DOL, 5.0 - 1.5 * DOL)


def test_the_curve_is_the_mean_over_each_phase(make_sample):
    sample = make_sample()
    curve = discharge_curve(sample, sample)
    np.testing.assert_allclose(curve.dol, sample.dol, rtol=1e-6)
    np.testing.assert_allclose(curve.voltage_v, sample.voltage_v, rtol=1e-6)


def test_the_simulator_s_voltage_is_the_mean_of_the_potential(sample):
    curve = discharge_curve(sample, sample)
    np.testing.assert_allclose(curve.dol, sample.dol, atol=5e-5)
    np.testing.assert_allclose(curve.voltage_v, sample.voltage_v, atol=3e-4)


def test_the_same_curve_has_no_error():
    assert curve_error(TRUE, TRUE) == (0.0, 0.0)


def test_an_offset_in_voltage_is_the_error():
    rmse, worst = curve_error(TRUE, DischargeCurve(DOL, TRUE.voltage_v + 3e-3))
    assert rmse == pytest.approx(3.0)
    assert worst == pytest.approx(3.0)


def test_an_error_in_lithiation_counts_by_the_slope():
    rmse, _ = curve_error(TRUE, DischargeCurve(DOL + 0.002, TRUE.voltage_v))
    assert rmse == pytest.approx(1.5 * 0.002 * 1e3, rel=0.05)


def test_other_points_on_the_same_curve_are_no_error():
    dol = np.linspace(0.45, 0.85, 60)
    assert curve_error(TRUE, DischargeCurve(dol, 5.0 - 1.5 * dol)).max_mv == pytest.approx(0.0, abs=1e-9)


def test_the_initial_frame_and_the_first_drop_are_not_compared():
    voltage = TRUE.voltage_v.copy()
    voltage[0] += 1.0
    assert curve_error(TRUE, DischargeCurve(DOL, voltage)) == (0.0, 0.0)


def test_lithiation_that_goes_back_and_forth_is_put_in_order():
    order = np.r_[0, 2, 1, 4, 3, 5:25]
    assert curve_error(TRUE, DischargeCurve(DOL[order], TRUE.voltage_v[order])).max_mv == pytest.approx(
        0.0, abs=1e-9
    )


def test_under_a_load_that_changes_frames_are_compared():
    dol = np.array([0.46, 0.6, 0.7, 0.6, 0.46])
    true = DischargeCurve(
        dol, np.array([4.0, 3.9, 3.8, 3.95, 4.05]), np.arange(5.0)
    )  # two voltages at one lithiation
    assert curve_error_in_time(true, true) == (0.0, 0.0)
    above = true._replace(voltage_v=true.voltage_v + 1e-3)
    assert curve_error_in_time(true, above).rmse_mv == pytest.approx(1.0)
    lost = true._replace(voltage_v=np.full(5, np.nan))
    assert curve_error_in_time(true, lost) == (np.inf, np.inf)


def test_how_close_frames_stand_does_not_matter():
    """An error over the second half of the time, frames ten times as close there."""
    times = np.r_[np.arange(0.0, 10.0, 1.0), np.arange(10.0, 20.01, 0.1)]
    true = DischargeCurve(np.full(len(times), 0.5), np.full(len(times), 4.0), times)
    off = true._replace(voltage_v=np.where(times > 9.95, 4.002, 4.0))
    assert curve_error_in_time(true, off).rmse_mv == pytest.approx(2.0 * 0.5**0.5, rel=0.05)


def test_a_charge_is_compared_too():
    back = DischargeCurve(DOL[::-1], TRUE.voltage_v[::-1])
    assert curve_error(back, DischargeCurve(back.dol, back.voltage_v - 2e-3)).rmse_mv == pytest.approx(2.0)


def test_nothing_to_compare_and_nothing_finite():
    early = DischargeCurve(np.array([0.459, 0.460]), np.array([4.2, 4.1]))
    assert np.isnan(curve_error(early, early)).all()
    assert curve_error(TRUE, DischargeCurve(DOL, np.full(25, np.nan))) == (np.inf, np.inf)
