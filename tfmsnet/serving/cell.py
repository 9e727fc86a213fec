"""A cell's parameters as inputs of a SavedModel: numbers, and tables for its functions."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from tfmsnet.materials import Function, Parameters
from tfmsnet.materials.functions import cubics
from tfmsnet.materials.parameters import SALT_UNIT_MOL_M3
from tfmsnet.serving import checks
from tfmsnet.serving.quantities import Quantity

_NUMBERS = {
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
_MAY_BE_ZERO = ("sei_resistance_ohm_m2", "separator_bruggeman")
# Function -> what x is, unit and meaning of y, and the error of a table of its formula.
_FUNCTIONS = {
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
        for name, (unit, meaning) in _NUMBERS.items()
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
        for name, (of, unit, meaning, _) in _FUNCTIONS.items()
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
    found = {"voxel_size_m": voxel_size_m, **{name: getattr(now, name) for name in _NUMBERS}}
    found["cbd_conductivity_s_m"] = now.calendered_cbd_conductivity_s_m(calendering_percent)
    found["salt_range_mol_m3"] = now.salt_range_mol_m3
    low, high = (limit / SALT_UNIT_MOL_M3 for limit in now.salt_range_mol_m3)
    for name, (of, _, _, tolerance) in _FUNCTIONS.items():
        ends = (0.0, 1.0) if of == "degree of lithiation" else (low, high)
        found[name] = _rows(getattr(now, name), *ends, tolerance)
    return {name: np.array([value], np.float64) for name, value in found.items()}


def _rows(function: Function, low: float, high: float, tolerance: float | None) -> tuple:
    table = function.table
    if table is None or function.tanh or function.exponential or any(function.polynomial):
        scale = np.abs(function(np.linspace(low, high, 101))).max()
        table = Function.sampled(function, low, high, tolerance or _RELATIVE_ERROR * scale).table
    return table.x, table.y, table.slope


class Cell:
    """Inputs as the `Parameters` that `tfmsnet.references.materials.Materials` reads; all tensors.

    Args:
        inputs: name of a quantity -> its tensor, checked.
    """

    cbd_strain = ((0.0, 0.0),)
    cbd_conductivity_per_strain_s_m = 0.0

    def __init__(self, inputs: dict[str, tf.Tensor]) -> None:
        for name in (*_NUMBERS, "salt_range_mol_m3"):
            setattr(self, name, inputs[name])
        for name in _FUNCTIONS:
            x, y, slope = tf.unstack(inputs[name])
            table = SimpleNamespace(x=x, cubics=cubics(x, y, slope, tf.stack))
            setattr(self, name, SimpleNamespace(polynomial=(), tanh=(), exponential=(), table=table))

    def at_temperature(self) -> "Cell":
        """Itself: the inputs hold at the cell's temperature."""
        return self


def checked(inputs: dict[str, tf.Tensor], phase: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The voxels' edge (batch,), m, and the inputs of `Cell`, when they can be used."""
    voxel = checks.of_rank(inputs["voxel_size_m"], 1, "voxel_size_m")
    voxel = checks.one_for_all(voxel, 1, phase, "voxel_size_m")
    voxel = _positive(voxel, "voxel_size_m", zero=False)
    numbers = {
        name: _positive(checks.one_for_all(inputs[name], 1, phase, name), name, name in _MAY_BE_ZERO)
        for name in _NUMBERS
    }
    dol = numbers["initial_dol"]
    (numbers["initial_dol"],) = checks.after(
        [checks.require(dol < 1, "initial_dol: expected 0 < initial_dol < 1, found", dol)], dol
    )
    limits = checks.one_for_all(inputs["salt_range_mol_m3"], 2, phase, "salt_range_mol_m3")
    salt = numbers["initial_salt_mol_m3"]
    inside = (limits[0] > 0) & (limits[0] < salt) & (salt < limits[-1])
    message = "salt_range_mol_m3: expected 0 < low < initial_salt_mol_m3 < high, found"
    (limits,) = checks.after([checks.require(inside, message, limits, "around", salt)], limits)
    tables = {name: _table(inputs[name], phase, name) for name in _FUNCTIONS}
    known = {**numbers, "salt_range_mol_m3": tf.ensure_shape(limits, [2]), **tables}
    return tf.fill([tf.shape(phase)[0]], voxel), known


def _positive(value: tf.Tensor, name: str, zero: bool) -> tf.Tensor:
    usable = tf.math.is_finite(value) & ((value >= 0) if zero else (value > 0))
    message = f"{name}: expected a number {'of at least' if zero else 'above'} 0, found"
    return checks.after([checks.require(usable, message, value)], value)[0]


def _table(value: tf.Tensor, phase: tf.Tensor, name: str) -> tf.Tensor:
    rows = checks.one_for_all(value, 3, phase, name)
    shape = tf.shape(rows)
    fits = (shape[0] == 3) & (shape[1] >= 2)
    (rows,) = checks.after(
        [checks.require(fits, f"{name}: expected rows x, y, dy/dx of at least 2 points, found", shape)], rows
    )
    x = rows[0]
    usable = tf.reduce_all(tf.math.is_finite(rows)) & tf.reduce_all(x[1:] > x[:-1])
    (rows,) = checks.after(
        [checks.require(usable, f"{name}: expected finite numbers and rising x, found x =", x)], rows
    )
    return tf.ensure_shape(rows, [3, None])
