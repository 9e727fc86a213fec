"""The discharge curve that fields make."""

from typing import Any, NamedTuple

import numpy as np

from tfmsnet.fields import frame_means
from tfmsnet.records.sample import Sample


class DischargeCurve(NamedTuple):
    """A discharge curve.

    Attributes:
        dol: (time,) float64; mean degree of lithiation of the active material.
        voltage_v: (time,) float64, V.
        times_s: (time,) float64, s; None where only voltage over degree of lithiation is asked for.
    """

    dol: np.ndarray
    voltage_v: np.ndarray
    times_s: np.ndarray | None = None


def discharge_curve(fields: Any, sample: Sample) -> DischargeCurve:
    """The discharge curve of predicted fields, as the paper takes it (its section 5).

    The degree of lithiation is the mean concentration over the active material, the voltage the mean
    potential over active material and CBD.

    Args:
        fields: an object with both, (time, x, y, z); the sample itself stands for the true ones.
        sample: gives the phase image and the maximum concentration.
    """
    dol = frame_means(fields.concentration, sample.am_mask) / sample.parameters.c_max_mol_m3
    return DischargeCurve(dol, frame_means(fields.potential, sample.solid_mask), sample.times_s)
