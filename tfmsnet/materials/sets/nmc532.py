"""LiNi0.5Mn0.3Co0.2O2 of a pouch cell."""

import numpy as np

from tfmsnet.materials.functions import Function
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters
from tfmsnet.materials.registry import ParameterSet
from tfmsnet.materials.sets.electrolytes import MOHTAT2020, MOHTAT2020_SOURCES

_MOHTAT = "Mohtat et al. 2020, doi:10.1149/1945-7111/aba5d1, as in PyBaMM's Mohtat2020"
_OPEN_CIRCUIT_V = Function(
    (4.3452, -1.6518, 1.6225, -2.0843, 3.5146, -2.2166),
    exponential=((-0.5623e-4, 109.451, 100.006 / 109.451),),
)


def _entropic_coefficient_v_k(x: np.ndarray) -> np.ndarray:
    """Of the open-circuit potential that Le et al. 2006 fitted."""
    volts = Function((4.3452, -1.6518, 1.6225, -2.0843, 3.5146), exponential=_OPEN_CIRCUIT_V.exponential)(x)
    return 1e-3 * np.polynomial.polynomial.polyval(volts, (-800, 779, -284, 46, -2.8))


SET = ParameterSet(
    title="NMC532 of a pouch cell",
    parameters=Parameters(
        temperature_k=298.15,
        reference_temperature_k=298.15,
        c_max_mol_m3=35380.0,
        initial_dol=0.1,
        reaction_rate_m2p5_s_mol0p5=4.824e-6 / FARADAY_C_MOL,
        open_circuit_v=_OPEN_CIRCUIT_V,
        ocp_dol_range=(0.03, 0.9),
        solid_diffusivity=Function((8e-15,)),
        am_conductivity_s_m=100.0,
        reaction_activation_j_mol=39570.0,
        solid_diffusivity_activation_j_mol=18550.0,
        entropic_coefficient_v_k=Function.sampled(_entropic_coefficient_v_k, 0.0, 0.92, tolerance=1e-7),
        **MOHTAT2020,
    ),
    am_density_g_cm3=4.7,
    particle_diameter_m=7e-6,
    sources={
        "temperature_k": _MOHTAT,
        "reference_temperature_k": _MOHTAT,
        "c_max_mol_m3": f"{_MOHTAT}; stoichiometries are relative to it, not to the lattice",
        "initial_dol": "where the open-circuit potential is 4.2 V",
        "reaction_rate_m2p5_s_mol0p5": f"{_MOHTAT}: 4.824e-6 A/m2 (m3/mol)^1.5",
        "open_circuit_v": _MOHTAT,
        "ocp_dol_range": f"{_MOHTAT}: up to the discharged cell's 31513 mol/m3",
        "solid_diffusivity": _MOHTAT,
        "am_conductivity_s_m": f"{_MOHTAT}: of the electrode's solid",
        "reaction_activation_j_mol": _MOHTAT,
        "solid_diffusivity_activation_j_mol": _MOHTAT,
        "entropic_coefficient_v_k": f"Le et al. 2006, doi:10.1149/1.2345549, of NMC111; {_MOHTAT}",
        **MOHTAT2020_SOURCES,
        "particle_diameter_m": f"{_MOHTAT}: radius 3.5 um",
        "am_density_g_cm3": "of the crystal, 4.7 g/cm3",
    },
)
