"""Transport in a concentrated binary electrolyte, as functions of its concentration in mol/m3."""

import numpy as np

from tfmsnet.halfcell.properties import values
from tfmsnet.materials.parameters import SALT_UNIT_MOL_M3, Parameters


def conductivity(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Ionic conductivity, S/m."""
    return values(parameters.salt_conductivity, salt, SALT_UNIT_MOL_M3)


def diffusivity(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Diffusivity of the salt, m2/s."""
    return values(parameters.salt_diffusivity, salt, SALT_UNIT_MOL_M3)


def transference(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Share of the current that lithium ions carry, t+."""
    return values(parameters.transference_number, salt, SALT_UNIT_MOL_M3)


def diffusion_voltage(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """(2 R T / F) (1 - t+) (1 + d ln f / d ln c), V: what the current gains per unit of ln c (Eq. 1.2)."""
    factor = values(parameters.thermodynamic_factor, salt, SALT_UNIT_MOL_M3)
    return 2 * parameters.thermal_voltage_v * (1 - transference(salt, parameters)) * factor
