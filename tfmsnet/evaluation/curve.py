"""How far one discharge curve is from another."""

from typing import NamedTuple

import numpy as np

from tfmsnet.records.curve import DischargeCurve

# Curves are compared between these degrees of lithiation. Below, the voltage leaves the rest state within
# the first frame; the paper's discharges end at 0.82.
COMPARED_DOL = (0.47, 0.82)
_ROUNDING = 5e-4


class CurveError(NamedTuple):
    """How far a discharge curve is from the true one, mV; NaN without a frame to compare."""

    rmse_mv: float
    max_mv: float


def curve_error(true: DischargeCurve, predicted: DischargeCurve) -> CurveError:
    """Compare two curves of constant current at the true degrees of lithiation within `COMPARED_DOL`.

    The initial frame is left out of both.  The predicted voltage is interpolated to the true degree of
    lithiation, so an error in either shows.
    """
    dol, voltage = true.dol[1:], true.voltage_v[1:]
    low, high = COMPARED_DOL
    compared = (dol > low - _ROUNDING) & (dol < high + _ROUNDING)
    if not compared.any():
        return CurveError(np.nan, np.nan)
    error = 1e3 * (_voltage_at(dol, predicted) - voltage)[compared]
    return _summarised(error, np.ones(len(error)))


def curve_error_in_time(true: DischargeCurve, predicted: DischargeCurve) -> CurveError:
    """Compare two curves under any load, frame by frame, each for the time that it stands for.

    Under a load that changes voltage is no function of the degree of lithiation.  The initial frame is left
    out; the others count by half of the intervals beside them, so that it doesn't matter how close frames
    stand.
    """
    intervals = np.diff(true.times_s)
    weights = 0.5 * (intervals + np.append(intervals[1:], 0.0))
    return _summarised(1e3 * (predicted.voltage_v - true.voltage_v)[1:], weights)


def _summarised(error_mv: np.ndarray, weights: np.ndarray) -> CurveError:
    if not np.isfinite(error_mv).all():
        return CurveError(np.inf, np.inf)
    mean = np.average(error_mv**2, weights=weights)
    return CurveError(float(np.sqrt(mean)), float(np.abs(error_mv).max()))


def _voltage_at(dol: np.ndarray, curve: DischargeCurve) -> np.ndarray:
    # A poor prediction's degree of lithiation may go back and forth; interpolation needs it in order.
    if not (np.isfinite(curve.dol).all() and np.isfinite(curve.voltage_v).all()):
        return np.full_like(dol, np.nan)
    order = np.argsort(curve.dol[1:], kind="stable")
    return np.interp(dol, curve.dol[1:][order], curve.voltage_v[1:][order])
