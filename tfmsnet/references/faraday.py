"""Faraday's law, and with it the 0-D cell: what is known before anything is solved in space; NumPy.

Lithium is conserved, so the mean degree of lithiation follows from the charge passed alone (Faraday's
law); the open-circuit potential of that mean is the voltage of a cell without resistance.
"""

from typing import NamedTuple

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters, open_circuit_potential

SECONDS_PER_HOUR = 3600.0


class UniformFields(NamedTuple):
    """The fields of a cell without gradients: one value a frame.

    Attributes:
        concentration: (time,) float64, mol/m3; of lithium in the active material.
        potential: (time,) float64, V; of the solid against lithium metal.
    """

    concentration: np.ndarray
    potential: np.ndarray


def charge_passed(c_rate_profile: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """The integral of the C-rate over time: 1 fills the electrode from its initial state.

    Args:
        c_rate_profile: (time,) 1/h; during the interval that ends at each frame. Element 0 has no
            interval and is not looked at. Negative while charging.
        times_s: (time,) s; rising.

    Returns:
        (time,) float64, element 0 is 0.

    Raises:
        UserError: not one C-rate for each time.
    """
    profile, times_s = np.asarray(c_rate_profile, np.float64), np.asarray(times_s, np.float64)
    if profile.ndim != 1 or profile.shape != times_s.shape or not profile.size:
        raise UserError(
            f"c_rate_profile: expected one C-rate for each of the times_s, {times_s.shape}, "
            f"found {profile.shape}"
        )
    passed = np.cumsum(profile[1:] * np.diff(times_s)) / SECONDS_PER_HOUR
    return np.concatenate([[0.0], passed])


def dol_after(charge, parameters: Parameters):
    """Faraday's law, x0 + (1 - x0) q: mean degree of lithiation after a charge.

    Args:
        charge: as `charge_passed` returns it; any type with arithmetic operators (NumPy, TensorFlow).
    """
    return parameters.initial_dol + (1.0 - parameters.initial_dol) * charge


def mean_dol(c_rate_profile: np.ndarray, times_s: np.ndarray, parameters: Parameters) -> np.ndarray:
    """The mean degree of lithiation of the active material at each frame, from the charge passed.

    Args:
        c_rate_profile, times_s: as for `charge_passed`.

    Returns:
        (time,) float64; element 0 is the initial degree of lithiation.
    """
    return dol_after(charge_passed(c_rate_profile, times_s), parameters)


def uniform_fields(c_rate_profile: np.ndarray, times_s: np.ndarray, parameters: Parameters) -> UniformFields:
    """What both fields are at each frame in a cell without gradients and without resistance."""
    dol = mean_dol(c_rate_profile, times_s, parameters)
    return UniformFields(dol * parameters.c_max_mol_m3, open_circuit_potential(dol, parameters))
