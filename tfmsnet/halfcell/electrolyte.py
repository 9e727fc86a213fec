"""Transport in a concentrated binary electrolyte, as functions of its concentration in mol/m3."""

import numpy as np

from tfmsnet.halfcell.parameters import Parameters

_REFERENCE_MOL_M3 = 1000.0


def _polynomial(coefficients: tuple[float, ...], salt: np.ndarray) -> np.ndarray:
    y = salt / _REFERENCE_MOL_M3
    value = np.full_like(y, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value *= y
        value += coefficient
    return value


def conductivity(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Ionic conductivity, S/m."""
    return _polynomial(parameters.salt_conductivity, salt)


def diffusivity(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Diffusivity of the salt, m2/s."""
    return _polynomial(parameters.salt_diffusivity, salt)


def transference(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Share of the current that lithium ions carry, t+."""
    return _polynomial(parameters.transference_number, salt)


def diffusion_voltage(salt: np.ndarray, parameters: Parameters) -> np.ndarray:
    """(2 R T / F) (1 - t+) (1 + d ln f / d ln c), V: what the current gains per unit of ln c (Eq. 1.2)."""
    factor = _polynomial(parameters.thermodynamic_factor, salt)
    return 2 * parameters.thermal_voltage_v * (1 - transference(salt, parameters)) * factor
