"""The fields of a discharge: one table of what each is called, means, and where it lives.

Masks, units, the channels of the network's state, figures and FORMAT.md follow from it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfmsnet.electrode.image import AM, CBD, PHASE_NAMES
from tfmsnet.materials.parameters import Parameters


@dataclass(frozen=True)
class Field:
    """A quantity with a value at every voxel of some phases, and exactly 0 elsewhere.

    Attributes:
        name: of datasets, configuration values and signatures.
        symbol: short name in tables.
        unit: of its values.
        meaning: one phrase.
        labels: the phases that it lives in.
        parts: the parts of its deviation from a reference that a network's state has, each a channel: its
            "pattern" (zero mean over the phase) and its "level" (uniform there).  Without a level the mean
            is the reference's.
        amount: cell parameters -> the value that deviations are relative to, in `unit`.
        shown_unit, shown_factor: unit of figures and tables, and what values are multiplied by for it.
        error_unit, error_factor: likewise of differences.
    """

    name: str
    symbol: str
    unit: str
    meaning: str
    labels: tuple[int, ...]
    parts: tuple[str, ...]
    amount: Callable[[Parameters], float]
    shown_unit: str
    shown_factor: float
    error_unit: str
    error_factor: float

    def mask(self, phase: Any) -> Any:
        """Where the field lives: labels of any shape (NumPy or TensorFlow) -> bool of that shape."""
        first, *others = self.labels
        found = phase == first
        for label in others:
            found = found | (phase == label)
        return found

    @property
    def shown_without_mean(self) -> bool:
        """Whether pictures leave its mean out, beside which what varies would not be seen."""
        return self.error_unit != self.shown_unit

    @property
    def phases(self) -> str:
        """The names of its phases, for people."""
        return " and ".join(PHASE_NAMES[label] for label in self.labels)


FIELDS = {
    field.name: field
    for field in (
        Field(
            name="concentration",
            symbol="c",
            unit="mol/m3",
            meaning="lithium in the active material",
            labels=(AM,),
            # Its mean is Faraday's, whatever the network: lithium is conserved.
            parts=("pattern",),
            amount=lambda parameters: parameters.c_max_mol_m3,
            shown_unit="mol/L",
            shown_factor=1e-3,
            error_unit="mol/L",
            error_factor=1e-3,
        ),
        Field(
            name="potential",
            symbol="phi",
            unit="V",
            meaning="electric potential of the solid against lithium metal",
            labels=(AM, CBD),
            # The level is the overpotential of the whole cell, the pattern the ohmic drop in the solid, which
            # is hundreds of times smaller and would be lost beside it.
            parts=("pattern", "level"),
            amount=lambda parameters: 1.0,
            shown_unit="V",
            shown_factor=1.0,
            error_unit="mV",
            error_factor=1e3,
        ),
    )
}

# What `tfmsnet.records.statistics.FieldStatistics` holds of a field, which gives the state its units.
STATISTICS = ("minimum", "maximum", "mean", "std", "level_rms", "pattern_rms")


def frame_means(values: Iterable[np.ndarray], mask: np.ndarray) -> np.ndarray:
    """The mean of a field over its phase at each frame.

    Args:
        values: (time, x, y, z).
        mask: (x, y, z) bool, what is averaged over.

    Returns:
        (time,) float64.
    """
    return np.array([frame[mask].mean(dtype=np.float64) for frame in values])
