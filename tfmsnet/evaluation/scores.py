"""All scores of one predicted discharge."""

from dataclasses import asdict, dataclass, fields
from statistics import median

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.evaluation import metrics
from tfmsnet.evaluation.candidates import Fields
from tfmsnet.evaluation.curve import (
    CurveError,
    curve_error,
    curve_error_in_time,
)
from tfmsnet.fields import FIELDS, frame_means
from tfmsnet.records.curve import DischargeCurve, discharge_curve
from tfmsnet.records.sample import Sample
from tfmsnet.references.faraday import charge_passed, dol_after

# After a rest there is nothing left to be told right: errors are relative to the frame's standard deviation,
# but to no less than this share of the largest one of the discharge.
SMALLEST_SPREAD = 0.05


@dataclass(frozen=True)
class FieldScores:
    """Errors of one field at each scored frame (all but the initial one); see `metrics`.

    Attributes:
        mean_error_percent, nrmse, vrmse, pattern_error, interface_error: (frame,) float64.
        max_error: (frame,) float64; in the field's unit, mol/m3 or V.
        spectral_error: (frame, band) float64.
    """

    mean_error_percent: np.ndarray
    nrmse: np.ndarray
    vrmse: np.ndarray
    pattern_error: np.ndarray
    max_error: np.ndarray
    interface_error: np.ndarray
    spectral_error: np.ndarray

    def summary(self) -> dict[str, float]:
        """One number a score: over the frames, and VRMSE and pattern error at the middle and last one.

        The medians leave the first scored frame out, in which hardly anything has happened yet.
        """
        last = len(self.vrmse) - 1
        row = {}
        for name in ("vrmse", "pattern_error"):
            values = getattr(self, name)
            row |= {
                f"{name}_median": median(values[1:] if last else values),
                f"{name}_middle": values[last // 2],
                f"{name}_last": values[last],
                f"{name}_worst": values.max(),
            }
        for name in ("mean_error_percent", "nrmse", "max_error"):
            row[f"{name}_worst"] = getattr(self, name).max()
        row["interface_error_median"] = median(self.interface_error)
        for band, errors in zip(metrics.BANDS, self.spectral_error.T, strict=True):
            row[f"spectral_{band}_median"] = median(errors)
        return {name: float(value) for name, value in row.items()}


@dataclass(frozen=True)
class Scores:
    """How well one predictor does on one sample.

    Attributes:
        model: the predictor's name.
        sample_id, geometry_id, c_rate, load: of the sample; the largest C-rate in 1/h, and what tables call
            its load.
        in_time: whether the curve is one over time: the load changes, or charges.
        concentration, potential: None where the predictor doesn't have the field.
        curve_error: of the discharge curve; NaN without both fields.
        lithium_balance: relative deviation of the predicted lithium uptake from the charge passed
            (Faraday), 0 when lithium is conserved; NaN without the concentration or without a current.
        true_curve, curve: the discharge curves; `curve` is None without both fields.
    """

    model: str
    sample_id: str
    geometry_id: str
    c_rate: float
    load: str
    in_time: bool
    concentration: FieldScores | None
    potential: FieldScores | None
    curve_error: CurveError
    lithium_balance: float
    true_curve: DischargeCurve
    curve: DischargeCurve | None

    def summary(self) -> dict[str, float]:
        """One number a score, flat; the keys begin with the field. The same keys for every predictor."""
        row = {}
        for field in FIELDS:
            scores = getattr(self, field) or _NOT_PREDICTED
            row |= {f"{field}_{name}": value for name, value in scores.summary().items()}
        row["curve_rmse_mv"] = self.curve_error.rmse_mv
        row["curve_max_mv"] = self.curve_error.max_mv
        row["lithium_balance"] = self.lithium_balance
        return row

    def as_dict(self) -> dict:
        """All of it as JSON knows it: lists of numbers; what isn't finite is None."""
        content = asdict(self)
        for name in ("true_curve", "curve", "curve_error"):
            value = getattr(self, name)
            content[name] = None if value is None else value._asdict()
        content["summary"] = self.summary()
        return jsonable(content)


def jsonable(value):
    """Arrays to lists, numbers that aren't finite to None, through dicts and lists."""
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def score(model: str, sample: Sample, predicted: Fields) -> Scores:
    """Score one prediction.

    Args:
        model: what to call the predictor.
        sample: the true discharge.
        predicted: of any source; only values inside each field's phase are looked at, frame 0 at no time.

    Raises:
        UserError: a field of another shape than the sample's, a sample with one frame, an image
            without active material, or no field at all.
    """
    _check(model, sample, predicted)
    both = predicted.concentration is not None and predicted.potential is not None
    in_time = not sample.is_constant_current or sample.c_rate < 0
    compare = curve_error_in_time if in_time else curve_error
    true_curve = discharge_curve(sample, sample)
    curve = discharge_curve(predicted, sample) if both else None
    return Scores(
        model=model,
        sample_id=sample.sample_id,
        geometry_id=sample.geometry_id,
        c_rate=sample.c_rate,
        load=sample.load_name,
        in_time=in_time,
        **{field: _field_scores(field, sample, predicted) for field in FIELDS},
        curve_error=compare(true_curve, curve) if both else CurveError(np.nan, np.nan),
        lithium_balance=_lithium_balance(sample, predicted),
        true_curve=true_curve,
        curve=curve,
    )


def _check(model: str, sample: Sample, predicted: Fields) -> None:
    if sample.frames < 2:
        raise UserError(f"{sample.sample_id}: one frame; expected at least two, the initial one isn't scored")
    if not sample.am_mask.any():
        raise UserError(f"{sample.sample_id}: phase: no active material (label 1), so nothing to score")
    if predicted.concentration is None and predicted.potential is None:
        raise UserError(f"{model}: predicted no field; expected concentration, potential or both")
    for field in FIELDS:
        true, values = getattr(sample, field), getattr(predicted, field)
        if values is not None and np.shape(values) != true.shape:
            raise UserError(
                f"{model}: {field} of {sample.sample_id}: expected (time, x, y, z) = {true.shape}, "
                f"found {np.shape(values)}"
            )


def _field_scores(field: str, sample: Sample, predicted: Fields) -> FieldScores | None:
    if getattr(predicted, field) is None:
        return None
    mask = FIELDS[field].mask(sample.phase)
    at_interface = metrics.interface(mask)[mask]
    smallest = SMALLEST_SPREAD * max(y[mask].std(dtype=np.float64) for y in getattr(sample, field)[1:])
    frames = [
        _frame_scores(
            y[mask].astype(np.float64), y_hat[mask].astype(np.float64), mask, at_interface, smallest
        )
        for y, y_hat in zip(getattr(sample, field)[1:], getattr(predicted, field)[1:], strict=True)
    ]
    return FieldScores(**{name: np.array([frame[name] for frame in frames]) for name in frames[0]})


def _frame_scores(
    y: np.ndarray, y_hat: np.ndarray, mask: np.ndarray, at_interface: np.ndarray, smallest: float
) -> dict:
    if not np.isfinite(y_hat).all():
        bands = np.full(len(metrics.BANDS), np.inf)
        return {f.name: bands if f.name == "spectral_error" else np.inf for f in fields(FieldScores)}
    return {
        "mean_error_percent": metrics.mean_error_percent(y, y_hat),
        "nrmse": metrics.nrmse(y, y_hat),
        "vrmse": metrics.vrmse(y, y_hat, smallest),
        "pattern_error": metrics.pattern_error(y, y_hat, smallest),
        "max_error": float(np.abs(y_hat - y).max()),
        "interface_error": metrics.interface_error(y, y_hat, at_interface, smallest),
        "spectral_error": metrics.spectral_errors(y, y_hat, mask),
    }


def _lithium_balance(sample: Sample, predicted: Fields) -> float:
    """Slope of the predicted mean lithiation against the one that the charge passed makes, minus 1."""
    if predicted.concentration is None:
        return np.nan
    start = sample.parameters.initial_dol
    expected = dol_after(charge_passed(sample.c_rate_profile, sample.times_s), sample.parameters)[1:] - start
    if not expected.any():
        return np.nan
    dol = frame_means(predicted.concentration, sample.am_mask) / sample.parameters.c_max_mol_m3
    slope = float(expected @ (dol[1:] - start) / (expected @ expected))
    return slope - 1.0 if np.isfinite(slope) else np.inf


_NOTHING = np.full(1, np.nan)
_NOT_PREDICTED = FieldScores(*[_NOTHING] * 6, spectral_error=np.full((1, len(metrics.BANDS)), np.nan))
