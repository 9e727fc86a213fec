"""LiNi1/3Mn1/3Co1/3O2 as the paper has it: the defaults of `Parameters`."""

from tfmsnet.materials.parameters import Parameters
from tfmsnet.materials.registry import ParameterSet

_PAPER = "table 1 of Marcato et al. 2023, doi:10.1016/j.ensm.2023.102927"
_LANDESFEIND = "Landesfeind and Gasteiger 2019, doi:10.1149/2.0571912jes, at 20 C, as in that table"
_OTHERS = {
    "temperature_k": "20 C, as in that table",
    "open_circuit_v": "the BPX standard's example of an NMC111 pouch cell (About:Energy)",
    "ocp_dol_range": "the same cell's smallest and largest stoichiometry",
    "solid_diffusivity_floor_m2_s": "assumed; the table's polynomial is 0 where the material is full",
    "cbd_conductivity_per_strain_s_m": "the table's; its strains aren't public",
    "cbd_strain": "assumed: 0, -5e-4 and -1e-3 at 0, 10 and 20 % calendering",
    "salt_range_mol_m3": "assumed; D_l is negative above 2700 mol/m3",
    "lithium_exchange_current_a_m2": "Xu et al. 2019, J. Electrochem. Soc. 166 A3456",
    "separator_thickness_m": "assumed: a usual polyolefin separator",
    "separator_porosity": "assumed: a usual polyolefin separator",
    "separator_bruggeman": "assumed: a usual polyolefin separator",
    "temperature_range_k": "assumed, for sets with activation energies",
}
_ELECTROLYTE = ("salt_conductivity", "salt_diffusivity", "transference_number", "thermodynamic_factor")
_TABLE = (
    "c_max_mol_m3",
    "initial_dol",
    "reaction_rate_m2p5_s_mol0p5",
    "anodic_transfer_coefficient",
    "cathodic_transfer_coefficient",
    "solid_diffusivity",
    "am_conductivity_s_m",
    "cbd_conductivity_s_m",
    "cbd_porosity",
    "cbd_transport_factor",
    "initial_salt_mol_m3",
    "sei_resistance_ohm_m2",
)

SET = ParameterSet(
    title="NMC111, the paper's",
    parameters=Parameters(),
    am_density_g_cm3=4.7,
    particle_diameter_m=5.5e-6,
    sources={
        **dict.fromkeys(_TABLE, _PAPER),
        **dict.fromkeys(_ELECTROLYTE, _LANDESFEIND),
        **_OTHERS,
        "reference_temperature_k": "20 C, as in that table",
    },
)
