"""Currents through reacting interfaces."""

from typing import NamedTuple

import numpy as np

from tfmsnet.halfcell.equilibrium import open_circuit_potential, open_circuit_slope
from tfmsnet.halfcell.parameters import FARADAY_C_MOL, Parameters

# Beyond this |eta F / RT| the exponentials are continued by their tangent, so that no iterate overflows.
_LARGEST_EXPONENT = 30.0


class Reaction(NamedTuple):
    """Butler-Volmer current at the faces of the active material, and its slopes.

    Attributes:
        current: (faces,) A/m2, positive from solid to electrolyte (lithium leaves the AM).
        per_volt: its derivative by phi_s - phi_l, S/m2.
        per_concentration: its derivative by c_s at the surface, A m/mol.
    """

    current: np.ndarray
    per_volt: np.ndarray
    per_concentration: np.ndarray


def butler_volmer(
    potential_step: np.ndarray, surface: np.ndarray, salt: np.ndarray, parameters: Parameters
) -> Reaction:
    """Eq. 8 of the paper, with its derivatives.

    Args:
        potential_step: phi_s - phi_l, V.
        surface: lithium concentration of the AM at its surface, mol/m3, inside (0, c_max).
        salt: concentration of the electrolyte, mol/m3.
    """
    c_max = parameters.c_max_mol_m3
    alpha_a, alpha_c = parameters.anodic_transfer_coefficient, parameters.cathodic_transfer_coefficient
    dol = surface / c_max
    vacancies = c_max - surface
    rate = FARADAY_C_MOL * parameters.reaction_rate_m2p5_s_mol0p5
    exchange = rate * salt**alpha_a * (surface * vacancies) ** alpha_c
    overpotential = (potential_step - open_circuit_potential(dol, parameters)) / parameters.thermal_voltage_v
    anodic, anodic_slope = _exponential(alpha_a * overpotential)
    cathodic, cathodic_slope = _exponential(-alpha_c * overpotential)
    current = exchange * (anodic - cathodic)
    per_volt = exchange * (alpha_a * anodic_slope + alpha_c * cathodic_slope) / parameters.thermal_voltage_v
    exchange_change = alpha_c * (1 / surface - 1 / vacancies)
    per_concentration = current * exchange_change - per_volt * open_circuit_slope(dol, parameters) / c_max
    return Reaction(current, per_volt, per_concentration)


def _exponential(exponent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """exp and its derivative, straight beyond the largest exponent."""
    slope = np.exp(np.minimum(exponent, _LARGEST_EXPONENT))
    return slope * (1 + np.maximum(exponent - _LARGEST_EXPONENT, 0)), slope


def lithium_metal_overpotential(current: np.ndarray, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Overpotential of lithium metal that drives `current` (A/m2, positive when it dissolves), and d/d current.

    The reaction's (2 R T / F) asinh(i / 2 i0) and the drop in the SEI (last equation of the paper's section 2), V.
    """
    twice = 2 * parameters.lithium_exchange_current_a_m2
    voltage = 2 * parameters.thermal_voltage_v
    sei = parameters.sei_resistance_ohm_m2
    return voltage * np.arcsinh(current / twice) + sei * current, voltage / np.hypot(current, twice) + sei
