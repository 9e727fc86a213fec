"""Reactions: insertion of lithium into the active material (AM), dissolution of lithium metal."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from tfmsnet.halfcell.threads import blocks, kernel, share
from tfmsnet.materials.compiled import value_and_slope_at, value_at
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters

# Beyond this |eta F / RT| the exponentials are continued by their tangent, so that no iterate overflows.
_LARGEST_EXPONENT = 30.0
# The surface's DOL is sought this far inside 0 to 1.
_EDGE = 1e-13
_ITERATIONS = 200  # a handful but for volts of overpotential; each halves the excess or the bracket
# Share of the current below which Newton's last step needs no further look: its error is the square of it.
_LINEAR = 1e-4
# Gauss-Legendre nodes and weights on 0 to 1: exact for the diffusivity's polynomial above its floor.
_NODES = tuple(float(node) for node in (1 + np.polynomial.legendre.leggauss(3)[0]) / 2)
_WEIGHTS = tuple(float(weight) for weight in np.polynomial.legendre.leggauss(3)[1] / 2)


class Reaction(NamedTuple):
    """Current through the surface of the AM, and how it changes.

    Attributes:
        current: (faces,) A/m2, positive from solid to electrolyte (lithium leaves the AM).
        per_volt: its derivative by phi_s - phi_l, S/m2, above 0.
        per_dol: its derivative by the DOL in the centre of the cell, A/m2.
        surface_dol: DOL at the surface.
    """

    current: np.ndarray
    per_volt: np.ndarray
    per_dol: np.ndarray
    surface_dol: np.ndarray


class Insertion:
    """Butler-Volmer kinetics (Eq. 8 of the paper) in series with diffusion between cell centre and surface.

    Lithium that reacts at a face has to pass the rest of the cell, where the diffusivity may fall to nearly
    nothing as the surface fills up.  With the current j and the surface's DOL x_s from
        j = j_BV(phi_s - phi_l, x_s, c_l),   j depth = -F c_max (integral of D_s from cell to surface),
    no current can push the surface beyond 0 or 1.

    Args:
        depth_m: (faces,) from the cell's centre to the surface.
        parameters: materials.
    """

    def __init__(self, depth_m: np.ndarray, parameters: Parameters) -> None:
        self._limit = FARADAY_C_MOL * parameters.c_max_mol_m3 / depth_m
        self._diffusivity = parameters.solid_diffusivity.flat
        self._open_circuit = parameters.open_circuit_v.flat
        self._alphas = (parameters.anodic_transfer_coefficient, parameters.cathodic_transfer_coefficient)
        self._thermal_v = parameters.thermal_voltage_v
        self._floor = parameters.solid_diffusivity_floor_m2_s
        alpha_a, alpha_c = self._alphas
        self._salt_power = alpha_a
        self._rate = (
            FARADAY_C_MOL * parameters.reaction_rate_m2p5_s_mol0p5 * parameters.c_max_mol_m3 ** (2 * alpha_c)
        )

    def react(
        self, potential_step: np.ndarray, cell_dol: np.ndarray, salt: np.ndarray, guess: np.ndarray
    ) -> Reaction:
        """Current at each face.

        Args:
            potential_step: (faces,) phi_s - phi_l, V.
            cell_dol: (faces,) DOL in the centre of the AM cell.
            salt: (faces,) concentration of the electrolyte, mol/m3.
            guess: (faces,) of the current, A/m2.

        Returns:
            The reaction; NaN currents where no surface DOL was found.
        """
        result = Reaction(*(np.empty_like(potential_step) for _ in Reaction._fields))
        _react(
            blocks(len(potential_step)),
            potential_step,
            np.clip(cell_dol, 10 * _EDGE, 1 - 10 * _EDGE),
            self._rate * salt**self._salt_power,
            guess,
            self._limit,
            self._diffusivity,
            self._floor,
            self._open_circuit,
            self._alphas,
            self._thermal_v,
            *result,
        )
        return result

    def limit(self, cell_dol: np.ndarray, filling: bool) -> np.ndarray:
        """Largest current density that diffusion to a full (from an empty) surface carries, A/m2, above 0."""
        return _limits(cell_dol, 1.0 if filling else 0.0, self._limit, self._diffusivity, self._floor)


@njit(cache=True)
def _limits(cell_dol, surface_dol, limit, diffusivity, floor):
    currents = np.empty_like(cell_dol)
    for face in range(cell_dol.size):
        currents[face] = limit[face] * abs(_integral(cell_dol[face], surface_dol, diffusivity, floor))
    return currents


@kernel
def _react(
    team, bounds, potential_step, cell_dol, rate, guess, limit, diffusivity, floor, open_circuit, alphas,
    thermal_v, current, per_volt, per_dol, surface_dol,
):  # fmt: skip
    for block in range(*share(team, bounds.size - 1)):
        for face in range(bounds[block], bounds[block + 1]):
            step, cell, bound = potential_step[face], cell_dol[face], limit[face]
            cell_diffusivity = _diffusivity(cell, diffusivity, floor)
            low, high = _EDGE, 1 - _EDGE
            # By the diffusivity halfway, once there is a guess of where that is.
            dol = cell - guess[face] / (bound * cell_diffusivity)
            halfway = min(max(0.5 * (cell + dol), low), high)
            dol = cell - guess[face] / (bound * _diffusivity(halfway, diffusivity, floor))
            flow, by_volt, by_dol, by_flux = 0.0, 0.0, 0.0, 0.0
            solved, last = False, np.inf
            for _ in range(_ITERATIONS):
                dol = dol if low < dol < high else 0.5 * (low + high)
                flow, by_volt, by_dol = _butler_volmer(step, dol, rate[face], open_circuit, alphas, thermal_v)
                passed = bound * _integral(cell, dol, diffusivity, floor)
                by_flux = bound * _diffusivity(dol, diffusivity, floor)
                excess = flow + passed
                if abs(excess) <= _LINEAR * (abs(flow) + abs(passed)) + 1e-15:
                    change = excess / max(by_dol + by_flux, 0.5 * by_flux)
                    dol, flow, solved = dol - change, flow - by_dol * change, True
                    break
                if excess > 0:
                    high = dol
                else:
                    low = dol
                if high - low < 1e-15:
                    # The edge: what diffusion carries.
                    flow, solved = -passed, True
                    break
                # Newton's step while it pays: far up an exponential it would creep.
                newton = dol - excess / max(by_dol + by_flux, 0.5 * by_flux)
                dol = newton if abs(excess) <= 0.5 * last else 0.5 * (low + high)
                last = abs(excess)
            # On a plateau of the open-circuit potential by_dol may be slightly negative.
            series = max(by_dol + by_flux, 0.5 * by_flux)
            current[face] = flow if solved else np.nan
            per_volt[face] = by_volt * by_flux / series
            per_dol[face] = by_dol * bound * cell_diffusivity / series
            surface_dol[face] = dol


@njit(cache=True)
def _butler_volmer(step, dol, rate, open_circuit, alphas, thermal_v):
    """Current density and its derivatives by the potential step and by the surface's DOL."""
    equilibrium, slope = value_and_slope_at(open_circuit, dol)
    alpha_a, alpha_c = alphas
    room = dol * (1 - dol)
    exchange = rate * (math.sqrt(room) if alpha_c == 0.5 else room**alpha_c)
    overpotential = (step - equilibrium) / thermal_v
    anodic, anodic_slope = _exponential(alpha_a * overpotential)
    cathodic, cathodic_slope = _exponential(-alpha_c * overpotential)
    flow = exchange * (anodic - cathodic)
    by_volt = exchange * (alpha_a * anodic_slope + alpha_c * cathodic_slope) / thermal_v
    return flow, by_volt, flow * alpha_c * (1 / dol - 1 / (1 - dol)) - by_volt * slope


@njit(cache=True)
def _exponential(exponent):
    """exp and its derivative, straight beyond the largest exponent."""
    slope = math.exp(min(exponent, _LARGEST_EXPONENT))
    return slope * (1 + max(exponent - _LARGEST_EXPONENT, 0.0)), slope


@njit(cache=True)
def _diffusivity(dol, function, floor):
    return max(value_at(function, dol), floor)


@njit(cache=True)
def _integral(cell, dol, function, floor):
    """Of the diffusivity from `cell` to `dol`."""
    total = 0.0
    for k in range(3):
        total += _WEIGHTS[k] * _diffusivity(cell + _NODES[k] * (dol - cell), function, floor)
    return total * (dol - cell)


def lithium_metal_overpotential(current: np.ndarray, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Overpotential of lithium metal that drives `current`, A/m2, and its derivative; V and ohm m2.

    The reaction's (2 R T / F) asinh(i / 2 i0) and the drop in the SEI (last equation of the paper's section
    2); positive when the metal dissolves.
    """
    twice = 2 * parameters.lithium_exchange_current_a_m2
    voltage = 2 * parameters.thermal_voltage_v
    sei = parameters.sei_resistance_ohm_m2
    return voltage * np.arcsinh(current / twice) + sei * current, voltage / np.hypot(current, twice) + sei
