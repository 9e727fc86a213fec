"""What can be scored: a call from a sample to the fields of its discharge; and what needs no training."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample
from tfmsnet.references.faraday import uniform_fields


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


class ZeroDimensional:
    """The 0-D cell: each field uniform over its phase, from the charge passed alone.

    It meets the paper's error of the mean concentration exactly, with a VRMSE of 1.
    """

    name = "0-D cell"

    def __call__(self, sample: Sample) -> Fields:
        """The uniform fields of Faraday's mean and its open-circuit potential."""
        means = uniform_fields(sample.c_rate_profile, sample.times_s, sample.parameters)
        return Fields(
            **{
                field: getattr(means, field)[:, None, None, None].astype(np.float32)
                * FIELDS[field].mask(sample.phase).astype(np.float32)
                for field in FIELDS
            }
        )


class Persistence:
    """Each frame is the *true* previous one.

    It sees what a surrogate doesn't have, the simulator's frames, so it is no rival in use; it tells how
    much a network trained to take one step gains by copying its input.
    """

    name = "persistence (true frames)"

    def __call__(self, sample: Sample) -> Fields:
        """The true frames, one late."""
        return Fields(**{field: _one_late(getattr(sample, field)) for field in FIELDS})


def _one_late(frames: np.ndarray) -> np.ndarray:
    return np.concatenate([frames[:1], frames[:-1]])
