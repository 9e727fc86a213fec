"""Predictions that need no training: what every score is read against."""

import numpy as np

from tfmsnet.evaluation.candidate import Fields
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample
from tfmsnet.references.faraday import uniform_fields


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
