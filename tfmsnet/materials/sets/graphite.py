"""Graphite against lithium metal."""

from tfmsnet.materials.functions import Function
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters
from tfmsnet.materials.registry import ParameterSet
from tfmsnet.materials.sets.electrolytes import MOHTAT2020, MOHTAT2020_SOURCES

_MOHTAT = "Mohtat et al. 2020, doi:10.1149/1945-7111/aba5d1, as in PyBaMM's Mohtat2020"

SET = ParameterSet(
    title="graphite; a discharge lithiates it",
    parameters=Parameters(
        temperature_k=298.15,
        reference_temperature_k=298.15,
        c_max_mol_m3=28746.0,
        initial_dol=0.02,
        reaction_rate_m2p5_s_mol0p5=1.061e-6 / FARADAY_C_MOL,
        open_circuit_v=Function(
            (0.063,),
            tanh=(
                (-0.0120, 1 / 0.016, 0.127),
                (-0.0118, 1 / 0.016, 0.155),
                (-0.0035, 1 / 0.020, 0.220),
                (-0.0095, 1 / 0.013, 0.190),
                (-0.0145, 1 / 0.020, 0.490),
                (-0.0800, 1 / 0.055, 1.030),
            ),
            exponential=((0.8, -75.0, -0.001),),
        ),
        ocp_dol_range=(0.0, 0.95),
        solid_diffusivity=Function((5e-15,)),
        am_conductivity_s_m=100.0,
        reaction_activation_j_mol=37480.0,
        solid_diffusivity_activation_j_mol=42770.0,
        entropic_coefficient_v_k=Function(
            tuple(1e-3 * value for value in (0.28, -1.56, -8.92, 57.21, -110.7, 90.71, -27.14))
        ),
        **MOHTAT2020,
    ),
    am_density_g_cm3=2.26,
    particle_diameter_m=5e-6,
    sources={
        "temperature_k": _MOHTAT,
        "reference_temperature_k": _MOHTAT,
        "c_max_mol_m3": _MOHTAT,
        "initial_dol": "assumed: nearly without lithium (0.36 V)",
        "reaction_rate_m2p5_s_mol0p5": f"{_MOHTAT}: 1.061e-6 A/m2 (m3/mol)^1.5",
        "open_circuit_v": f"{_MOHTAT}; one branch for both directions",
        "ocp_dol_range": "assumed: all stages",
        "solid_diffusivity": _MOHTAT,
        "am_conductivity_s_m": f"{_MOHTAT}: of the electrode's solid",
        "reaction_activation_j_mol": _MOHTAT,
        "solid_diffusivity_activation_j_mol": _MOHTAT,
        "entropic_coefficient_v_k": f"Thomas and Newman 2003, doi:10.1016/S0378-7753(03)00283-0; {_MOHTAT}",
        **MOHTAT2020_SOURCES,
        "particle_diameter_m": f"{_MOHTAT}: radius 2.5 um",
        "am_density_g_cm3": "of the crystal, 2.26 g/cm3",
    },
)
