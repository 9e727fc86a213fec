"""A cell's parameters as inputs of a SavedModel: numbers, and tables for its functions."""

import numpy as np

from tfmsnet.materials import Function, Parameters
from tfmsnet.materials.parameters import SALT_UNIT_MOL_M3
from tfmsnet.serving.quantities import Quantity

NUMBERS = {
    "temperature_k": ("K", "temperature of the cell, at which all other values hold"),
    "c_max_mol_m3": ("mol/m3", "largest lithium concentration of the AM"),
    "initial_dol": ("1", "degree of lithiation at the start, below 1; 1C fills from there to 1 in an hour"),
    "reaction_rate_m2p5_s_mol0p5": (
        "m^2.5 / (s mol^0.5)",
        "k of i0 = F k c_l^aa (c_s (c_max - c_s))^ac",
    ),
    "anodic_transfer_coefficient": ("1", "aa"),
    "cathodic_transfer_coefficient": ("1", "ac"),
    "solid_diffusivity_floor_m2_s": ("m2/s", "smallest diffusivity of lithium in the AM"),
    "am_conductivity_s_m": ("S/m", "electronic conductivity of the AM"),
    "cbd_conductivity_s_m": ("S/m", "electronic conductivity of the CBD as it is calendered"),
    "cbd_porosity": ("1", "electrolyte per volume of CBD"),
    "cbd_transport_factor": ("1", "ionic transport in the CBD over that in bulk electrolyte"),
    "initial_salt_mol_m3": ("mol/m3", "salt concentration at the start"),
    "sei_resistance_ohm_m2": ("ohm m2", "resistance of the film on the lithium metal"),
    "lithium_exchange_current_a_m2": ("A/m2", "exchange current of the lithium metal"),
    "separator_thickness_m": ("m", "thickness of the separator"),
    "separator_porosity": ("1", "porosity of the separator"),
    "separator_bruggeman": ("1", "its transport factor is porosity ** bruggeman"),
}
MAY_BE_ZERO = ("sei_resistance_ohm_m2", "separator_bruggeman")
# Function -> what x is, unit and meaning of y, and the error of a table of its formula.
FUNCTIONS = {
    "open_circuit_v": ("degree of lithiation", "V", "open-circuit potential against lithium", 1e-6),
    "solid_diffusivity": ("degree of lithiation", "m2/s", "diffusivity of lithium in the AM", None),
    "salt_conductivity": ("mol/l of salt", "S/m", "conductivity of the electrolyte", None),
    "salt_diffusivity": ("mol/l of salt", "m2/s", "diffusivity of the salt", None),
    "transference_number": ("mol/l of salt", "1", "share of the current that lithium ions carry", None),
    "thermodynamic_factor": ("mol/l of salt", "1", "1 + d ln f / d ln c of the salt", None),
}
_RELATIVE_ERROR = 1e-7
VOXEL_M = 0.5e-6  # where a request says none

_ONE = ("batch or 1",)
QUANTITIES = (
    Quantity("voxel_size_m", "float64", _ONE, "m", "edge of a voxel", "above 0", optional=True),
    *(
        Quantity(name, "float64", _ONE, unit, meaning, "the same for the whole batch", optional=True)
        for name, (unit, meaning) in NUMBERS.items()
    ),
    Quantity(
        "salt_range_mol_m3",
        "float64",
        ("batch or 1", 2),
        "mol/m3",
        "salt concentrations between which the electrolyte's functions hold",
        "0 < low < initial_salt_mol_m3 < high",
        optional=True,
    ),
    *(
        Quantity(
            name,
            "float64",
            ("batch or 1", 3, "point"),
            unit,
            f"{meaning}: rows of x ({of}), y and dy/dx, joined by cubics, straight beyond",
            "at least 2 points, rising x, finite; the same for the whole batch",
            optional=True,
        )
        for name, (of, unit, meaning, _) in FUNCTIONS.items()
    ),
)


def values(parameters: Parameters, calendering_percent: float, voxel_size_m: float) -> dict[str, np.ndarray]:
    """What the inputs are for an electrode of a cell, batch of one.

    Formulas become tables that are off by 1e-6 V, or by 1e-7 of the largest value.

    Args:
        parameters: of the cell; the inputs hold at its temperature.
        calendering_percent: which the conductivity of the CBD depends on; NaN if unknown.
        voxel_size_m: m.
    """
    now = parameters.at_temperature()
    found = {"voxel_size_m": voxel_size_m, **{name: getattr(now, name) for name in NUMBERS}}
    found["cbd_conductivity_s_m"] = now.calendered_cbd_conductivity_s_m(calendering_percent)
    found["salt_range_mol_m3"] = now.salt_range_mol_m3
    low, high = (limit / SALT_UNIT_MOL_M3 for limit in now.salt_range_mol_m3)
    for name, (of, _, _, tolerance) in FUNCTIONS.items():
        ends = (0.0, 1.0) if of == "degree of lithiation" else (low, high)
        found[name] = _rows(getattr(now, name), *ends, tolerance)
    return {name: np.array([value], np.float64) for name, value in found.items()}


def _rows(function: Function, low: float, high: float, tolerance: float | None) -> tuple:
    table = function.table
    if table is None or function.tanh or function.exponential or any(function.polynomial):
        scale = np.abs(function(np.linspace(low, high, 101))).max()
        table = Function.sampled(function, low, high, tolerance or _RELATIVE_ERROR * scale).table
    return table.x, table.y, table.slope
