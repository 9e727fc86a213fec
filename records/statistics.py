"""Normalisation statistics of the training split, in one pass, in float64."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample
from tfmsnet.references.faraday import uniform_fields


@dataclass(frozen=True)
class FieldStatistics:
    """Of one field over its own phase and all frames of the training split.

    Attributes:
        minimum, maximum, mean, std: in the field's unit (mol/m3 or V).
        level_rms, pattern_rms: root mean square, over frames 1 and later, of the deviation from the 0-D
            cell divided by the discharge's C-rate (to first order the deviation follows the current), in
            two parts: its mean over the phase (the level), and what is left around that mean (the
            pattern).  In degree of lithiation for the concentration, in V for the potential.
    """

    minimum: float
    maximum: float
    mean: float
    std: float
    level_rms: float
    pattern_rms: float


KINDS = ("values", "levels", "patterns", "reference_levels", "reference_patterns")


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of numbers, and their range; of no numbers by default."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")

    @classmethod
    def of(cls, values: np.ndarray) -> "Moments":
        """Of an array of float64; two passes over it."""
        if not values.size:
            return cls()
        mean = float(values.mean())
        squares = float(np.square(values - mean).sum())
        return cls(values.size, mean, squares, float(values.min()), float(values.max()))

    def __add__(self, other: "Moments") -> "Moments":
        """Of both together (Chan et al. 1983, doi:10.2307/2683386)."""
        count = self.count + other.count
        if not count:
            return self
        shift = other.mean - self.mean
        return Moments(
            count,
            self.mean + shift * other.count / count,
            self.squares + other.squares + shift**2 * self.count * other.count / count,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )

    @property
    def std(self) -> float:
        return (self.squares / self.count) ** 0.5

    @property
    def rms(self) -> float:
        return (self.squares / self.count + self.mean**2) ** 0.5


def sample_moments(
    sample: Sample, reference: dict[str, np.ndarray] | None = None
) -> dict[str, dict[str, Moments]]:
    """Field -> moments of its `values` within its phase, and of the `levels` and `patterns` per C.

    Args:
        sample: what the moments are of.
        reference: another reference's fields, see `StoredReference.of`, for the moments of the deviation
            from it.
    """
    uniform = uniform_fields(sample.c_rate_profile, sample.times_s, sample.parameters)
    moments = {}
    for name, field in FIELDS.items():
        mask, scale = field.mask(sample.phase), field.amount(sample.parameters) * abs(sample.c_rate)
        found = dict.fromkeys(KINDS, Moments())
        for frame, array in enumerate(getattr(sample, name)):
            inside = array[mask].astype(np.float64)
            found["values"] += Moments.of(inside)
            known = {"": getattr(uniform, name)[frame]}
            if reference is not None:
                known["reference_"] = reference[name][frame][mask]
            for kind, values in known.items() if frame else ():
                deviation = (inside - values) / scale
                level = deviation.mean()
                found[f"{kind}levels"] += Moments.of(np.array([level]))
                found[f"{kind}patterns"] += Moments.of(deviation - level)
        moments[name] = found
    return moments


def merged(samples: Iterable[dict[str, dict[str, Moments]]]) -> dict[str, dict[str, Moments]]:
    """Moments of many samples together.  The order decides the last digits: keep it."""
    total = {field: dict.fromkeys(KINDS, Moments()) for field in FIELDS}
    for moments in samples:
        for field, kinds in total.items():
            for kind in kinds:
                kinds[kind] += moments[field][kind]
    return total


def summary(moments: dict[str, dict[str, Moments]], reference: str = "") -> dict[str, dict[str, float]]:
    """field -> the attributes of `FieldStatistics`, as the manifest keeps them.

    Args:
        moments: of the training split.
        reference: "reference_" for deviations from the reference that the moments were taken with.
    """
    return {
        field: asdict(
            FieldStatistics(
                kinds["values"].minimum,
                kinds["values"].maximum,
                kinds["values"].mean,
                kinds["values"].std,
                kinds[f"{reference}levels"].rms,
                kinds[f"{reference}patterns"].rms,
            )
        )
        for field, kinds in moments.items()
    }


def statistics(samples: Iterable[Sample]) -> dict[str, dict[str, float]]:
    """The statistics of an iterable of samples, in one pass; see `FieldStatistics`."""
    return summary(merged(sample_moments(sample) for sample in samples))
