"""Normalisation statistics of the training split, in one pass, in float64."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from tfmsnet.records.sample import Sample
from tfmsnet.reference import uniform_fields


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


class _Moments:
    """Mean and variance, merged batch by batch (Chan et al. 1983, doi:10.2307/2683386)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.minimum, self.maximum = np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        count, mean = values.size, float(values.mean(dtype=np.float64))
        shift, total = mean - self.mean, self.count + count
        squares = float(np.square(values - mean, dtype=np.float64).sum())
        self.squares += squares + shift**2 * self.count * count / total
        self.mean += shift * count / total
        self.count = total
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))

    @property
    def std(self) -> float:
        return (self.squares / self.count) ** 0.5

    @property
    def rms(self) -> float:
        return (self.squares / self.count + self.mean**2) ** 0.5


class StatisticsAccumulator:
    """Collects the statistics sample by sample: `add` each, then `result()`."""

    def __init__(self) -> None:
        self._values = {"concentration": _Moments(), "potential": _Moments()}
        self._levels = {"concentration": _Moments(), "potential": _Moments()}
        self._patterns = {"concentration": _Moments(), "potential": _Moments()}

    def add(self, sample: Sample) -> None:
        """Take a sample of the training split in."""
        reference = uniform_fields(sample.c_rate_profile, sample.times_s, sample.parameters)
        units = {"concentration": sample.parameters.c_max_mol_m3, "potential": 1.0}
        masks = {"concentration": sample.am_mask, "potential": sample.solid_mask}
        for field, mask in masks.items():
            values, known = getattr(sample, field), getattr(reference, field)
            for frame in range(sample.frames):
                inside = values[frame][mask].astype(np.float64)
                self._values[field].add(inside)
                if frame:
                    deviation = (inside - known[frame]) / (units[field] * abs(sample.c_rate))
                    level = deviation.mean()
                    self._levels[field].add(np.array([level]))
                    self._patterns[field].add(deviation - level)

    def result(self) -> dict[str, dict[str, float]]:
        """field -> the attributes of `FieldStatistics`, as the manifest keeps them."""
        return {
            field: asdict(
                FieldStatistics(
                    values.minimum,
                    values.maximum,
                    values.mean,
                    values.std,
                    self._levels[field].rms,
                    self._patterns[field].rms,
                )
            )
            for field, values in self._values.items()
        }


def statistics(samples: Iterable[Sample]) -> dict[str, dict[str, float]]:
    """The statistics of an iterable of samples, in one pass; see `FieldStatistics`."""
    accumulator = StatisticsAccumulator()
    for sample in samples:
        accumulator.add(sample)
    return accumulator.result()
