"""Cells from and to BPX, the Battery Parameter eXchange standard (https://bpxstandard.com), as half-cells.

BPX's cells are porous electrodes with spheres: what is the image's here (thickness, porosity, surface) is in
their files, and what has no place there is said.
"""

import ast
import copy
import dataclasses
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfmsnet.errors import UserError, naming
from tfmsnet.files import read_json
from tfmsnet.materials.functions import Function, Table
from tfmsnet.materials.parameters import SALT_UNIT_MOL_M3, Parameters
from tfmsnet.materials.registry import ParameterSet

_ELECTRODES = {"cathode": "Positive electrode", "anode": "Negative electrode"}
# Parameter -> an electrode's entry; numbers first, then functions with the accuracy of their tables.
_NUMBERS = {
    "c_max_mol_m3": "Maximum concentration [mol.m-3]",
    "am_conductivity_s_m": "Conductivity [S.m-1]",
    "reaction_activation_j_mol": "Reaction rate constant activation energy [J.mol-1]",
    "solid_diffusivity_activation_j_mol": "Diffusivity activation energy [J.mol-1]",
}
_FUNCTIONS = {
    "open_circuit_v": ("OCP [V]", 2e-6),
    "entropic_coefficient_v_k": ("Entropic change coefficient [V.K-1]", 1e-7),
}
_DIFFUSIVITY, _RATE = "Diffusivity [m2.s-1]", "Reaction rate constant [mol.m-2.s-1]"
_RADIUS = "Particle radius [m]"
_WINDOW = ("Minimum stoichiometry", "Maximum stoichiometry")
_SALT_FUNCTIONS = {"salt_conductivity": "Conductivity [S.m-1]", "salt_diffusivity": _DIFFUSIVITY}
_SALT_NUMBERS = {
    "salt_conductivity_activation_j_mol": "Conductivity activation energy [J.mol-1]",
    "salt_diffusivity_activation_j_mol": "Diffusivity activation energy [J.mol-1]",
}
_TRANSFERENCE = "Cation transference number"
_SEPARATOR = {"separator_thickness_m": "Thickness [m]", "separator_porosity": "Porosity"}
_TRANSPORT = "Transport efficiency"
_INITIAL_SALT = "Initial electrolyte concentration [mol.m-3]"
_TEMPERATURE = "Initial temperature [K]"
# A run starts so far inside of the window of stoichiometries, where potentials are steep.
_START = 0.02
_RELATIVE = 1e-6
_USED = {
    *_NUMBERS.values(),
    *(name for name, _ in _FUNCTIONS.values()),
    _DIFFUSIVITY,
    _RATE,
    _RADIUS,
    *_WINDOW,
}
# What BPX asks of an electrode and an image says here: 90 wt% of AM, calendered by 10 %.
_SHARES = {"am": 0.437, "porosity": 0.389}
_THICKNESS_M = 50e-6


class FromBpx(NamedTuple):
    """A half-cell of a BPX file, and what a user should know of how it came about."""

    cell: ParameterSet
    remarks: list[str]


def is_bpx(content: object) -> bool:
    """Whether the content of a JSON file is BPX's."""
    return isinstance(content, dict) and {"Header", "Parameterisation"} <= set(content)


def from_bpx(path: str | Path, electrode: str = "cathode") -> FromBpx:
    """One electrode, electrolyte and separator of a BPX file against lithium metal.

    Args:
        path: the file, BPX 0.x or 1.x.
        electrode: "cathode" or "anode"; a discharge lithiates either.

    Raises:
        UserError: the `bpx` package is missing; the file isn't BPX's, or has no such electrode of one
            material.
    """
    content = _parsed(read_json(path, "a cell of BPX"), str(path))
    try:
        with naming(path):
            return _half_cell(content, path, electrode)
    except UserError:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: expected a cell that an electrode can be taken of ({reason})") from None


def _half_cell(content: dict, path: str | Path, electrode: str) -> "FromBpx":
    parts, name = content["Parameterisation"], _ELECTRODES[electrode]
    missing = [part for part in (name, "Electrolyte", "Separator") if part not in parts]
    if missing:
        raise UserError(f"{path}: expected {', '.join(missing)} in it, found {', '.join(parts)}")
    solid, liquid, separator = parts[name], parts["Electrolyte"], parts["Separator"]
    if "Particle" in solid:
        raise UserError(f"{path}: {name}: a blend of materials; expected one material")
    start = content.get("State", {}).get("Initial conditions", {})
    salt = float(start.get(_INITIAL_SALT, 1000.0))
    kelvin = float(parts.get("Cell", {}).get("Reference temperature [K]", start.get(_TEMPERATURE, 298.15)))
    low, high = (float(solid[key]) for key in _WINDOW)
    values = {key: solid[entry] for key, entry in _NUMBERS.items() if entry in solid}
    values |= {key: liquid[entry] for key, entry in _SALT_NUMBERS.items() if entry in liquid}
    values |= {key: separator[entry] for key, entry in _SEPARATOR.items()}
    values |= {
        key: _function(solid[entry], low, high, tolerance)
        for key, (entry, tolerance) in _FUNCTIONS.items()
        if entry in solid
    }
    default = Parameters()
    y_low, y_high = (limit / SALT_UNIT_MOL_M3 for limit in default.salt_range_mol_m3)
    values |= {
        key: _function(liquid[entry], y_low, y_high, None, SALT_UNIT_MOL_M3)
        for key, entry in _SALT_FUNCTIONS.items()
    }
    diffusivity = _function(solid[_DIFFUSIVITY], low, high, None)
    smallest = float(diffusivity(np.linspace(low, high, 201)).min())
    parameters = Parameters(
        temperature_k=kelvin,
        reference_temperature_k=kelvin,
        initial_dol=low + _START * (high - low),
        ocp_dol_range=(low, high),
        solid_diffusivity=diffusivity,
        solid_diffusivity_floor_m2_s=1e-2 * smallest,
        # i0 = F K sqrt(c_l / c_0 x (1 - x))
        reaction_rate_m2p5_s_mol0p5=solid[_RATE] / (values["c_max_mol_m3"] * math.sqrt(salt)),
        transference_number=Function((float(liquid[_TRANSFERENCE]),)),
        thermodynamic_factor=Function((1.0,)),
        initial_salt_mol_m3=salt,
        separator_bruggeman=math.log(separator[_TRANSPORT]) / math.log(separator["Porosity"]),
        **values,
    )
    header = content["Header"]
    sources = {spec.name: f"BPX: {Path(path).name}" for spec in dataclasses.fields(Parameters)}
    assumed = (
        "salt_range_mol_m3",
        "sei_resistance_ohm_m2",
        "lithium_exchange_current_a_m2",
        "temperature_range_k",
    )
    sources = {key: text for key, text in sources.items() if key not in assumed and "cbd" not in key}
    cell = ParameterSet(
        header.get("Title", Path(path).stem),
        parameters,
        particle_diameter_m=2 * solid[_RADIUS],
        sources=sources,
    )
    unused = [f"{name}: {key}" for key in solid if key not in _USED]
    unused += [key for key in parts if key not in (name, "Electrolyte", "Separator", "Cell")]
    unused += [f"Cell: {key}" for key in parts.get("Cell", {}) if key != "Reference temperature [K]"]
    unused += [key for key in content if key not in ("Header", "Parameterisation", "State")]
    return FromBpx(
        cell,
        [
            f"has, and a half-cell hasn't: {', '.join(unused)}",
            f"initial_dol: {parameters.initial_dol:.4f}, {100 * _START:g} % of the window above {low:g}",
            f"am_conductivity_s_m: {parameters.am_conductivity_s_m:g}, in BPX of the electrode's solid",
            "thermodynamic_factor: 1, as in BPX",
            "not in BPX, as nmc111's: carbon-binder, lithium metal, density of the AM",
        ],
    )


def to_bpx(cell: ParameterSet) -> tuple[dict, list[str]]:
    """A half-cell as the positive electrode, electrolyte and separator of a partial BPX file.

    Returns:
        The file's content, and what a user should know of it.

    Raises:
        UserError: the `bpx` package is missing, or it refuses the content.
    """
    parameters = cell.parameters
    low, high = parameters.ocp_dol_range
    salt, radius_m = parameters.initial_salt_mol_m3, cell.particle_diameter_m / 2
    entries = {entry: getattr(parameters, key) for key, entry in _NUMBERS.items()}
    functions = {entry: getattr(parameters, key) for key, (entry, _) in _FUNCTIONS.items()}
    functions[_DIFFUSIVITY] = parameters.solid_diffusivity
    entries |= {entry: f and _written(f, low, high) for entry, f in functions.items()}
    y_range = [limit / SALT_UNIT_MOL_M3 for limit in parameters.salt_range_mol_m3]
    liquid = {entry: getattr(parameters, key) for key, entry in _SALT_NUMBERS.items()}
    liquid |= {
        entry: _written(getattr(parameters, key), *y_range, SALT_UNIT_MOL_M3)
        for key, entry in _SALT_FUNCTIONS.items()
    }
    liquid[_TRANSFERENCE] = float(parameters.transference_number(salt / SALT_UNIT_MOL_M3))
    electrode = {
        **entries,
        _RATE: parameters.reaction_rate_m2p5_s_mol0p5 * parameters.c_max_mol_m3 * math.sqrt(salt),
        _RADIUS: radius_m,
        **dict(zip(_WINDOW, (low, high), strict=True)),
        "Surface area per unit volume [m-1]": 3 * _SHARES["am"] / radius_m,
        "Thickness [m]": _THICKNESS_M,
        "Porosity": _SHARES["porosity"],
        _TRANSPORT: _SHARES["porosity"] ** 1.5,
    }
    separator = {entry: getattr(parameters, key) for key, entry in _SEPARATOR.items()}
    separator[_TRANSPORT] = parameters.separator_porosity**parameters.separator_bruggeman
    parts = {"Positive electrode": electrode, "Electrolyte": liquid, "Separator": separator}
    content = {
        "Header": {"BPX": "1.1.0", "Title": cell.title or "half-cell", "Model": "Partial"},
        "Parameterisation": {
            name: {key: value for key, value in part.items() if value is not None}
            for name, part in parts.items()
        },
        "State": {
            "Initial conditions": {_INITIAL_SALT: salt, _TEMPERATURE: parameters.reference_temperature_k}
        },
    }
    _parsed(content, cell.title)
    remarks = [
        "thickness, porosity, transport efficiency and surface are those of 50 um of 90 wt% AM, calendered "
        "by 10 %: BPX asks for them, a half-cell's are its image's",
        "no place in BPX: carbon-binder, lithium metal, separator's ends, salt_range_mol_m3, initial_dol",
        f"the reference temperature, {parameters.reference_temperature_k:g} K, is the initial one: BPX has "
        "it for whole cells",
    ]
    if _varies(parameters.transference_number) or _varies(parameters.thermodynamic_factor):
        remarks.append(
            "BPX has a constant transference number (here that at the start) and no thermodynamic factor"
        )
    if {parameters.anodic_transfer_coefficient, parameters.cathodic_transfer_coefficient} != {0.5}:
        remarks.append("BPX has transfer coefficients of 0.5 alone")
    return content, remarks


def _parsed(content: dict, name: str) -> dict:
    """Checked by the bpx package, in the form of BPX 1.x."""
    try:
        import bpx
    except ImportError:
        raise UserError(f"{name}: BPX needs the bpx package; pip install 'tfmsnet[bpx]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = copy.deepcopy(content)  # it changes what it is given
            given["Parameterisation"] = _harmless(given["Parameterisation"], f"{name}: Parameterisation")
            found = bpx.parse_bpx_obj(given)
    except UserError:
        raise
    except Exception as error:  # whatever it makes of what isn't BPX
        raise UserError(f"{name}: not a cell of BPX: {' '.join(str(error).split())[:300]}") from None
    return found.model_dump(by_alias=True, exclude_none=True)


def _function(value, low: float, high: float, tolerance: float | None, unit: float = 1.0) -> Function:
    """A number, expression or table of BPX, of x / unit."""
    if isinstance(value, (int, float)):
        return Function((float(value),))
    if isinstance(value, dict):
        return Function(table=Table(tuple(x / unit for x in value["x"]), tuple(value["y"])))
    formula = _formula(value, unit)
    scale = np.abs(formula(np.linspace(low, high, 101))).max()
    if not np.isfinite(scale):
        raise UserError(f"{value[:60]!r}: expected finite values from {low:g} to {high:g}, found {scale:g}")
    return Function.sampled(formula, low, high, tolerance or _RELATIVE * scale)


_OPERATORS = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
}
_KNOWN = {"exp": np.exp, "tanh": np.tanh, "cosh": np.cosh}
_LONGEST = 10_000  # characters of an expression


def _formula(expression: str, unit: float) -> Callable[[np.ndarray], np.ndarray]:
    tree = _tree(expression)

    def formula(x):
        x = np.asarray(x, np.float64)
        with np.errstate(all="ignore"):  # what isn't finite is refused
            return _value(tree, unit * x) + 0.0 * x

    return formula


def _tree(expression: str) -> ast.expr:
    """What an expression says.  Its whole numbers are float64: infinite where Python's would take hours."""
    try:
        if len(expression) > _LONGEST:
            raise ValueError
        tree = ast.parse(expression.strip(), mode="eval").body
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                node.value = float(node.value)
        with np.errstate(all="ignore"):
            _value(tree, np.float64(1.0))
    except (ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError):
        found = " ".join(expression[:60].split())
        raise UserError(f"expected numbers, x, + - * / **, exp, tanh and cosh, found {found!r}") from None
    return tree


def _value(node: ast.expr, x: np.ndarray) -> np.ndarray:
    match node:
        case ast.Constant():
            return np.float64(node.value)
        case ast.Name(id="x"):
            return x
        case ast.BinOp() if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](_value(node.left, x), _value(node.right, x))
        case ast.UnaryOp() if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](_value(node.operand, x))
        case ast.Call(func=ast.Name(id=name), args=[of], keywords=[]) if name in _KNOWN:
            return _KNOWN[name](_value(of, x))
    raise ValueError


def _harmless(content, where: str):
    """Parameters whose expressions are known to end: the bpx package lets Python calculate them."""
    if isinstance(content, dict):
        return {key: _harmless(value, f"{where}: {key}") for key, value in content.items()}
    if isinstance(content, str):
        with naming(where):
            return ast.unparse(_tree(content))
    return content


def _written(function: Function, low: float, high: float, unit: float = 1.0):
    """A function of x / unit as BPX has it: a number, an expression, or a dense table."""
    if not _varies(function):
        return float(function(low))
    if function.table is not None:
        x = np.unique(np.concatenate([np.linspace(low, high, 201), np.clip(function.table.x, low, high)]))
        return {"x": (unit * x).tolist(), "y": function(x).tolist()}
    x = "x" if unit == 1 else f"(x / {unit:g})"
    terms = [f"{c!r} * {x} ** {k}" if k else repr(c) for k, c in enumerate(function.polynomial)]
    terms += [f"{a!r} * tanh({s!r} * ({x} - ({x0!r})))" for a, s, x0 in function.tanh]
    terms += [f"{a!r} * exp({s!r} * ({x} - ({x0!r})))" for a, s, x0 in function.exponential]
    return " + ".join(f"({term})" for term in terms)


def _varies(function: Function) -> bool:
    return len(function.polynomial) != 1 or bool(function.tanh or function.exponential or function.table)
