"""LiNi0.8Mn0.1Co0.1O2 of the LG M50 cell."""

import numpy as np

from tfmsnet.materials.functions import Function
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters
from tfmsnet.materials.registry import ParameterSet
from tfmsnet.materials.sets.electrolytes import NYMAN2008, NYMAN2008_SOURCES

_CHEN = "Chen et al. 2020, doi:10.1149/1945-7111/ab9050, as in PyBaMM's Chen2020"
_OREGAN = "O'Regan et al. 2022, doi:10.1016/j.electacta.2022.140700, as in PyBaMM's ORegan2022"

SET = ParameterSet(
    title="NMC811 of the LG M50",
    parameters=Parameters(
        temperature_k=298.15,
        reference_temperature_k=298.15,
        c_max_mol_m3=63104.0,
        initial_dol=0.27,
        reaction_rate_m2p5_s_mol0p5=3.42e-6 / FARADAY_C_MOL,
        open_circuit_v=Function(
            (4.4875, -0.8090),
            tanh=(
                (-0.0428, 18.5138, 0.5542),
                (-17.7326, 15.7890, 0.3117),
                (17.5842, 15.9308, 0.3120),
            ),
        ),
        ocp_dol_range=(0.264, 0.909),
        solid_diffusivity=Function((4e-15,)),
        am_conductivity_s_m=0.18,
        reaction_activation_j_mol=17800.0,
        solid_diffusivity_activation_j_mol=12047.0,
        entropic_coefficient_v_k=Function.sampled(
            lambda x: (
                0.04006e-3 * np.exp(-((x - 0.2828) ** 2) / 0.0009855)
                - 0.06656e-3 * np.exp(-((x - 0.8032) ** 2) / 0.02179)
            ),
            0.0,
            1.0,
            tolerance=1e-7,
        ),
        **NYMAN2008,
    ),
    am_density_g_cm3=4.78,
    particle_diameter_m=10.4e-6,
    sources={
        "temperature_k": _CHEN,
        "reference_temperature_k": _CHEN,
        "c_max_mol_m3": _CHEN,
        "initial_dol": f"{_CHEN}: 17038 mol/m3 in the charged cell",
        "reaction_rate_m2p5_s_mol0p5": f"{_CHEN}: 3.42e-6 A/m2 (m3/mol)^1.5",
        "open_circuit_v": _CHEN,
        "ocp_dol_range": f"{_CHEN}: stoichiometries at 4.2 and 2.5 V of the cell",
        "solid_diffusivity": _CHEN,
        "am_conductivity_s_m": f"{_CHEN}: of the electrode's solid",
        "reaction_activation_j_mol": _CHEN,
        "solid_diffusivity_activation_j_mol": f"{_OREGAN}: 1449 K",
        "entropic_coefficient_v_k": _OREGAN,
        **NYMAN2008_SOURCES,
        "particle_diameter_m": f"{_CHEN}: radius 5.22 um",
        "am_density_g_cm3": "of the crystal, 4.78 g/cm3",
    },
)
