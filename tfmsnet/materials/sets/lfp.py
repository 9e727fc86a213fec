"""LiFePO4 of an 18650 cell."""

import numpy as np

from tfmsnet.materials.functions import Function, Table
from tfmsnet.materials.parameters import Parameters
from tfmsnet.materials.registry import ParameterSet
from tfmsnet.materials.sets.electrolytes import NYMAN2008, NYMAN2008_SOURCES

_BPX = "the BPX standard's example of an LFP|graphite 18650 cell (About:Energy, 2022)"
_C_MAX_MOL_M3 = 21200.0
_LOW, _HIGH = 0.0875, 0.95038


def _open_circuit_v(x: np.ndarray) -> np.ndarray:
    steep = 3.54866018e14 * np.exp(-3.95729493e2 * x) - 1.45998465 * np.exp(-1.10108622e2 * (1 - x))
    return 3.41285712 - 1.49721852e-2 * x + steep


SET = ParameterSet(
    title="LFP of an 18650 cell",
    parameters=Parameters(
        temperature_k=298.15,
        reference_temperature_k=298.15,
        c_max_mol_m3=_C_MAX_MOL_M3,
        initial_dol=0.1,
        # BPX: K in mol/m2/s of i0 = F K sqrt(c_l / c_0 x (1 - x)), c_0 the initial salt.
        reaction_rate_m2p5_s_mol0p5=9.736e-7 / _C_MAX_MOL_M3 / np.sqrt(1000.0),
        open_circuit_v=Function.sampled(_open_circuit_v, _LOW, 1.0, tolerance=2e-6),
        ocp_dol_range=(_LOW, _HIGH),
        solid_diffusivity=Function((6.873e-17,)),
        solid_diffusivity_floor_m2_s=1e-19,
        am_conductivity_s_m=0.8,
        reaction_activation_j_mol=35000.0,
        solid_diffusivity_activation_j_mol=80000.0,
        entropic_coefficient_v_k=Function(
            table=Table(
                tuple(0.05 * k for k in range(21)),
                tuple(
                    1e-6 * microvolts
                    for microvolts in (
                        *(100, 47.145, 37.666, 20.299, 5.9833, -4.6859, -13.966, -23.528, -33.593, -43.433),
                        *(-52.311, -60.211, -68.006, -76.939, -87.641, -99.13, -108.55, -112.66, -112.38),
                        *(-109.21, -225.39),
                    )
                ),
            )
        ),
        **{**NYMAN2008, "transference_number": Function((0.259,))},
    ),
    am_density_g_cm3=3.6,
    particle_diameter_m=1e-6,
    sources={
        "temperature_k": _BPX,
        "reference_temperature_k": _BPX,
        "c_max_mol_m3": _BPX,
        "initial_dol": "where the plateau begins; the smallest stoichiometry is 0.0875",
        "reaction_rate_m2p5_s_mol0p5": f"{_BPX}: 9.736e-7 mol/m2/s",
        "open_circuit_v": f"{_BPX}; one branch for charge and discharge",
        "ocp_dol_range": f"{_BPX}: smallest and largest stoichiometry",
        "solid_diffusivity": _BPX,
        "solid_diffusivity_floor_m2_s": "assumed; never reached",
        "am_conductivity_s_m": f"{_BPX}: of the electrode's solid",
        "reaction_activation_j_mol": _BPX,
        "solid_diffusivity_activation_j_mol": _BPX,
        "entropic_coefficient_v_k": f"Gerver and Meyers 2011, doi:10.1149/1.3591799; {_BPX}",
        **NYMAN2008_SOURCES,
        "particle_diameter_m": f"{_BPX}: radius 0.5 um",
        "am_density_g_cm3": "of the crystal, 3.6 g/cm3",
    },
)
