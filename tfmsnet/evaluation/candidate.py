"""What can be scored: a call from a sample to the fields of its discharge."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfmsnet.records.sample import Sample


@dataclass(frozen=True)
class Fields:
    """The fields of one discharge, laid out as in `Sample`.

    Attributes:
        concentration: (time, x, y, z) float32, mol/m3, 0 outside the active material; None when the
            predictor has none.
        potential: (time, x, y, z) float32, V, 0 outside active material and CBD; None when the
            predictor has none.
    """

    concentration: np.ndarray | None
    potential: np.ndarray | None


class Candidate(Protocol):
    """A model or a baseline.

    It may look at the phase image, voxel size, C-rate profile, times and parameters of the sample, and
    not at its fields (only `Persistence` does, and says so).  Frame 0 of its answer is never scored.
    """

    def __call__(self, sample: Sample) -> Fields: ...
