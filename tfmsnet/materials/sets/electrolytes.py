"""LiPF6 electrolytes at 25 C, as several of the sets have them: values, and where they are from."""

from tfmsnet.materials.functions import Function

NYMAN2008 = {
    "salt_conductivity": Function.sampled(
        lambda y: 0.1297 * y**3 - 2.51 * y**1.5 + 3.329 * y, 0.001, 2.5, tolerance=1e-6
    ),
    "salt_diffusivity": Function((4.862e-10, -3.972e-10, 8.794e-11)),
    "transference_number": Function((0.2594,)),
    "thermodynamic_factor": Function((1.0,)),
    "salt_range_mol_m3": (1.0, 2500.0),
    "salt_conductivity_activation_j_mol": 17100.0,
    "salt_diffusivity_activation_j_mol": 17100.0,
}
_NYMAN2008 = "LiPF6 in EC:EMC 3:7, Nyman et al. 2008, doi:10.1016/j.electacta.2008.04.023"
NYMAN2008_SOURCES = {
    "salt_conductivity": _NYMAN2008,
    "salt_diffusivity": _NYMAN2008,
    "transference_number": _NYMAN2008,
    "thermodynamic_factor": "1, as Chen et al. 2020 take it with this electrolyte",
    "salt_range_mol_m3": "assumed; measured for 200 to 2000 mol/m3",
    "salt_conductivity_activation_j_mol": "BPX example cells of About:Energy, for this electrolyte",
    "salt_diffusivity_activation_j_mol": "BPX example cells of About:Energy, for this electrolyte",
}

MOHTAT2020 = {
    "salt_conductivity": Function((1.3,)),
    "salt_diffusivity": Function((5.35e-10,)),
    "transference_number": Function((0.38,)),
    "thermodynamic_factor": Function((1.0,)),
    "salt_range_mol_m3": (1.0, 2500.0),
    "salt_conductivity_activation_j_mol": 34700.0,
    "salt_diffusivity_activation_j_mol": 37040.0,
}
_MOHTAT2020 = "constant, Mohtat et al. 2020, doi:10.1149/1945-7111/aba5d1, as in PyBaMM's Mohtat2020"
MOHTAT2020_SOURCES = {**dict.fromkeys(MOHTAT2020, _MOHTAT2020), "salt_range_mol_m3": "assumed"}

CAPIGLIA1999 = {
    "salt_conductivity": Function((0.0911, 1.9101, -1.052, 0.1554)),
    "salt_diffusivity": Function(exponential=((5.34e-10, -0.65, 0.0),)),
    "transference_number": Function((0.4,)),
    "thermodynamic_factor": Function((1.0,)),
    "salt_range_mol_m3": (1.0, 2500.0),
    "salt_conductivity_activation_j_mol": 34700.0,
    "salt_diffusivity_activation_j_mol": 37040.0,
}
_CAPIGLIA1999 = (
    "LiPF6 in EC:DMC, Capiglia et al. 1999, doi:10.1016/S0378-7753(98)00237-7, as in PyBaMM's Marquis2019"
)
CAPIGLIA1999_SOURCES = {**dict.fromkeys(CAPIGLIA1999, _CAPIGLIA1999), "salt_range_mol_m3": "assumed"}
