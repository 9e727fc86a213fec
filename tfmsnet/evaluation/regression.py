"""Linear regression on local descriptors: the baseline that a network has to beat."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from scipy import ndimage

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.errors import UserError
from tfmsnet.evaluation.candidates import Fields
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample
from tfmsnet.references.faraday import mean_dol, uniform_fields

SMOOTHING_VOXELS = (2.0, 4.0, 8.0)
# Lengths are divided by this, so that all descriptors are about 1.
LENGTH_SCALE_M = 5e-6
DESCRIPTORS = (
    "distance inside AM",
    "its square",
    "distance inside solid",
    "distance to CBD",
    "relative depth",
    "its square",
    *(f"{phase} smoothed {sigma:g}" for sigma in SMOOTHING_VOXELS for phase in ("AM", "CBD")),
    "intercept",
)


def descriptors(phase: np.ndarray, voxel_size_m: float) -> np.ndarray:
    """The descriptors of every voxel.

    Distances run to the nearest voxel of the other phases, the image's border being none. The smoothed
    electrolyte isn't there: with AM, CBD and the intercept it would be linearly dependent, so a
    regression on all three phases is this one.

    Args:
        phase: (x, y, z) uint8, labels 0 electrolyte, 1 AM, 2 CBD.
        voxel_size_m: edge of a voxel, m.

    Returns:
        (descriptor, x, y, z) float32 in the order of `DESCRIPTORS`; relative depth is 0 at the collector
        and 1 at the separator.
    """
    length = voxel_size_m / LENGTH_SCALE_M
    in_am = length * _distance(phase == AM)
    in_solid = length * _distance(phase != ELECTROLYTE)
    to_cbd = length * _distance(phase != CBD)
    planes = phase.shape[2]
    depth = np.broadcast_to(((np.arange(planes) + 0.5) / planes).astype(np.float32), phase.shape)
    smoothed = [
        ndimage.gaussian_filter((phase == label).astype(np.float32), sigma)
        for sigma in SMOOTHING_VOXELS
        for label in (AM, CBD)
    ]
    ones = np.ones(phase.shape, np.float32)
    return np.stack([in_am, in_am**2, in_solid, to_cbd, depth, depth**2, *smoothed, ones])


def _distance(inside: np.ndarray) -> np.ndarray:
    if inside.all():  # nothing to be distant from: farther than any voxel of the image
        return np.full(inside.shape, np.linalg.norm(inside.shape), np.float32)
    return ndimage.distance_transform_edt(inside).astype(np.float32)


# Frames of different samples are the same frame when their mean DOL agrees to this; the paper's frames
# are 0.015 apart whatever the C-rate.
DOL_STEP = 0.005
# Directions in which the descriptors vary less than this (relative, squared) are left out: an image
# without CBD makes some of them constant.
_SINGULAR = 1e-10


class _Normal:
    """The normal equations of one field at one C-rate and one mean DOL, summed over voxels."""

    def __init__(self) -> None:
        size = len(DESCRIPTORS)
        self.gram, self.moment = np.zeros((size, size)), np.zeros(size)
        self.dol, self.samples = 0.0, 0

    def add(self, gram: np.ndarray, moment: np.ndarray, dol: float) -> None:
        self.gram += gram
        self.moment += moment
        self.samples += 1
        self.dol += (dol - self.dol) / self.samples


class LinearRegression:
    """Per field, C-rate and frame, the deviation from the 0-D cell regressed on `descriptors`.

    Every voxel of every training sample counts.  Only the normal equations are kept, in float64, so
    fitting is one pass over the samples, one in memory at a time.  Frames are told apart by their mean
    degree of lithiation, known from the charge passed; between fitted frames the coefficients are
    interpolated, beyond them held.

    At a C-rate that wasn't fitted, the deviation is taken to be C (a + b C) . descriptors: to first order
    gradients follow the current, b is the first correction.  a and b come from all fitted C-rates at
    once, each weighted so that the *relative* deviation counts; with a single C-rate, b is 0.  Under a
    varying load each frame goes by its own C-rate: the regression has no memory.
    """

    name = "linear regression"

    def __init__(self) -> None:
        # field -> C-rate -> frame's key -> normal equations
        self._normal = {field: defaultdict(lambda: defaultdict(_Normal)) for field in FIELDS}

    @property
    def c_rates(self) -> list[float]:
        """The C-rates seen in fitting, 1/h."""
        return sorted(next(iter(self._normal.values())))

    def fit(self, samples: Iterable[Sample]) -> "LinearRegression":
        """Take samples in; may be called again with more.

        Raises:
            UserError: no samples.
        """
        for sample in samples:
            self._add(sample)
        if not self.c_rates:
            raise UserError("linear regression: no training samples; expected at least one")
        return self

    def _add(self, sample: Sample) -> None:
        described = descriptors(sample.phase, sample.voxel_size_m)
        known = uniform_fields(sample.c_rate_profile, sample.times_s, sample.parameters)
        dols = mean_dol(sample.c_rate_profile, sample.times_s, sample.parameters)
        for field in FIELDS:
            mask, values = FIELDS[field].mask(sample.phase), getattr(sample, field)
            inside = described[:, mask].astype(np.float64)
            gram = inside @ inside.T
            for frame in range(1, sample.frames):
                deviation = values[frame][mask].astype(np.float64) - getattr(known, field)[frame]
                normal = self._normal[field][_key(sample.c_rate_profile[frame])][_frame_key(dols[frame])]
                normal.add(gram, inside @ deviation, dols[frame])

    def __call__(self, sample: Sample) -> Fields:
        """The 0-D cell plus the regressed deviation.

        Raises:
            UserError: not fitted yet.
        """
        if not self.c_rates:
            raise UserError("linear regression: not fitted; call fit(samples) first")
        described = descriptors(sample.phase, sample.voxel_size_m)
        return Fields(**{field: self._predict(field, sample, described) for field in FIELDS})

    def _predict(self, field: str, sample: Sample, described: np.ndarray) -> np.ndarray:
        mask = FIELDS[field].mask(sample.phase)
        known = getattr(uniform_fields(sample.c_rate_profile, sample.times_s, sample.parameters), field)
        dols = mean_dol(sample.c_rate_profile, sample.times_s, sample.parameters)
        inside = described[:, mask]
        predicted = np.zeros((sample.frames, *sample.grid), np.float32)
        tables = {rate: self._table(field, rate) for rate in map(_key, np.unique(sample.c_rate_profile[1:]))}
        for frame in range(sample.frames):
            values = known[frame]
            if frame:
                values = values + _at(tables[_key(sample.c_rate_profile[frame])], dols[frame]) @ inside
            predicted[frame][mask] = values
        return predicted

    def _table(self, field: str, c_rate: float) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients over mean DOL: (knot,), (knot, descriptor)."""
        by_rate = self._normal[field]
        if c_rate in by_rate:
            knots = by_rate[c_rate].values()
            rows = [(normal.dol, _solve(normal.gram, normal.moment)) for normal in knots]
        else:
            rows = [
                _pooled({rate: frames[key] for rate, frames in by_rate.items() if key in frames}, c_rate)
                for key in {key for rate, frames in by_rate.items() if rate for key in frames}
            ]
        rows.sort(key=lambda row: row[0])
        return np.array([dol for dol, _ in rows]), np.array([coefficients for _, coefficients in rows])


def _key(c_rate: float) -> float:
    return round(float(c_rate), 6)


def _frame_key(dol: float) -> int:
    return round(float(dol) / DOL_STEP)


def _solve(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    # Scaled to a unit diagonal, so that what counts as singular doesn't depend on units.
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0.0] = 1.0
    solution, *_ = np.linalg.lstsq(gram / np.outer(scale, scale), moment / scale, rcond=_SINGULAR)
    return solution / scale


def _pooled(normals: Mapping[float, _Normal], c_rate: float) -> tuple[float, np.ndarray]:
    """Mean DOL and coefficients at a C-rate that wasn't fitted, from those that were.

    With x the descriptors, the sum over rates C of |d / C - (a + b C) . x|^2 is least where
    sum_C [[1, C], [C, C^2]] (x) G_C [a, b] = sum_C [1, C] (x) m_C / C: the sums of each C-rate are enough.
    """
    rates = [rate for rate in normals if rate]
    order = 1 if len(rates) == 1 else 2
    powers = {rate: np.array([1.0, rate])[:order] for rate in rates}
    gram = sum(np.kron(np.outer(powers[rate], powers[rate]), normals[rate].gram) for rate in rates)
    moment = sum(np.kron(powers[rate], normals[rate].moment / rate) for rate in rates)
    solution = _solve(gram, moment).reshape(order, -1)
    coefficients = c_rate * np.array([1.0, c_rate])[:order] @ solution
    return float(np.mean([normals[rate].dol for rate in rates])), coefficients


def _at(table: tuple[np.ndarray, np.ndarray], dol: float) -> np.ndarray:
    """The coefficients at a mean DOL: interpolated between knots, held beyond them."""
    knots, coefficients = table
    upper = int(np.clip(np.searchsorted(knots, dol), 1, max(1, len(knots) - 1)))
    if len(knots) == 1:
        return coefficients[0]
    weight = np.clip((dol - knots[upper - 1]) / (knots[upper] - knots[upper - 1]), 0.0, 1.0)
    return (1.0 - weight) * coefficients[upper - 1] + weight * coefficients[upper]
