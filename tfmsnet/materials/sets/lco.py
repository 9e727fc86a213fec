"""LiCoO2."""

import numpy as np

from tfmsnet.materials.functions import Function
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters
from tfmsnet.materials.registry import ParameterSet
from tfmsnet.materials.sets.electrolytes import CAPIGLIA1999, CAPIGLIA1999_SOURCES

_MARQUIS = "Marquis et al. 2019, doi:10.1149/2.0341915jes, as in PyBaMM's Marquis2019"
_C_MAX_MOL_M3 = 51217.9257309275
# The fit's argument over the stoichiometry.
_STRETCH = 1.062


def _term(amplitude: float, steepness: float, offset: float) -> tuple[float, float, float]:
    """A tanh(offset + steepness stretch x)."""
    return amplitude, steepness * _STRETCH, -offset / (steepness * _STRETCH)


_TERMS = (
    _term(0.07645, -54.4806, 30.834),
    _term(2.1581, -50.294, 52.294),
    _term(-0.14169, -19.8543, 11.0923),
    _term(0.2051, -5.4888, 1.4684),
    _term(0.2531, -1 / 0.1316, 0.56478 / 0.1316),
    _term(-0.02167, 1 / 0.006, -0.525 / 0.006),
)


def _entropic_coefficient_v_k(x: np.ndarray) -> np.ndarray:
    """The slope of the same terms by the concentration, per K."""
    slopes = (a * s / _STRETCH / np.cosh(s * (x - x0)) ** 2 for a, s, x0 in _TERMS)
    return sum(slopes) / _C_MAX_MOL_M3


SET = ParameterSet(
    title="LCO",
    parameters=Parameters(
        temperature_k=298.15,
        reference_temperature_k=298.15,
        c_max_mol_m3=_C_MAX_MOL_M3,
        initial_dol=0.5,
        reaction_rate_m2p5_s_mol0p5=6e-7 / FARADAY_C_MOL,
        open_circuit_v=Function((2.16216,), tanh=_TERMS),
        ocp_dol_range=(0.471, 0.932),
        solid_diffusivity=Function((1e-13,)),
        am_conductivity_s_m=10.0,
        reaction_activation_j_mol=39570.0,
        solid_diffusivity_activation_j_mol=18550.0,
        entropic_coefficient_v_k=Function.sampled(_entropic_coefficient_v_k, 0.0, 1.0, tolerance=1e-7),
        **CAPIGLIA1999,
    ),
    am_density_g_cm3=5.05,
    particle_diameter_m=20e-6,
    sources={
        "temperature_k": _MARQUIS,
        "reference_temperature_k": _MARQUIS,
        "c_max_mol_m3": _MARQUIS,
        "initial_dol": "half of the lithium, where LCO is usually charged to (4.18 V)",
        "reaction_rate_m2p5_s_mol0p5": f"{_MARQUIS}: 6e-7 A/m2 (m3/mol)^1.5",
        "open_circuit_v": f"fit of Dualfoil (Doyle 1995; measured by Garcia 2001); {_MARQUIS}",
        "ocp_dol_range": "Dualfoil: measured for 0.5 to 0.99 of the stretched stoichiometry",
        "solid_diffusivity": _MARQUIS,
        "am_conductivity_s_m": f"{_MARQUIS}: of the electrode's solid",
        "reaction_activation_j_mol": _MARQUIS,
        "solid_diffusivity_activation_j_mol": _MARQUIS,
        "entropic_coefficient_v_k": f"fit of Moura's FastDFN, 2016; {_MARQUIS}",
        **CAPIGLIA1999_SOURCES,
        "particle_diameter_m": f"{_MARQUIS}: radius 10 um",
        "am_density_g_cm3": "of the crystal, 5.05 g/cm3",
    },
)
