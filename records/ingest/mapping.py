"""A mapping: what a file of another layout calls the parts of a sample, and how it has them."""

import math
from collections.abc import Mapping as Table
from dataclasses import MISSING, dataclass, field, fields
from os import PathLike
from typing import Any

from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.units import factor

_AXES = {"phase": "xyz", "concentration": "txyz", "potential": "txyz"}
_UNITS = {
    "concentration": "mol/m3",
    "potential": "V",
    "voltage": "V",
    "times": "s",
    "voxel_size": "um",
    "c_rate": "1/h",
}
_KEYS = {
    "phase": {"name", "axes", "labels"},
    "concentration": {"name", "axes", "unit", "scale"},
    "potential": {"name", "axes", "unit", "scale"},
    "times": {"name", "unit", "scale"},
    "voltage": {"name", "unit", "scale"},
    "voxel_size": {"name", "value", "unit", "scale"},
    "c_rate": {"name", "scale"},
}


@dataclass(frozen=True)
class Entry:
    """Where one thing is.

    Attributes:
        role: what it is in a sample.
        name: of the dataset; None where `value` is given.
        axes: letters of its axes in the file's order, such as "tzyx"; "" where it has no axes of space.
        unit: of its numbers.
        scale: multiplies its numbers, to give them that unit.
        labels: of pore, AM and CBD, of a phase; None takes 0, 1, 2 or 0, 85, 170 where there are just these.
        value: a number in place of a dataset.
    """

    role: str
    name: str | None = None
    axes: str = ""
    unit: str = ""
    scale: float = 1.0
    labels: tuple[int, int, int] | None = None
    value: float | None = None

    def factor(self, units: Table[str, float]) -> float:
        """What makes SI units of its numbers."""
        return self.scale * factor(units, self.unit, self.role)


@dataclass(frozen=True)
class Mapping:
    """Entries for all that a sample needs; those that may be None are computed."""

    phase: Entry
    concentration: Entry
    potential: Entry
    times: Entry
    voxel_size: Entry = field(default_factory=lambda: Entry("voxel_size", unit="um", value=0.5))
    voltage: Entry | None = None
    c_rate: Entry | float | None = None
    foil_last: bool = False
    geometry_id: str = ""
    am_wt_percent: float = math.nan
    calendering_percent: float = math.nan
    parameters: dict[str, Any] = field(default_factory=dict)


def read_mapping(path: str | PathLike) -> Mapping:
    """Read a mapping from a JSON file.

    Raises:
        UserError: not JSON, a key missing or unknown, a value of another type.  The message names the file.
    """
    content = read_json(path, "a mapping")
    try:
        return mapping_from(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def mapping_from(content: dict) -> Mapping:
    """The mapping that a dict of JSON types describes.

    Raises:
        UserError: as `read_mapping`.
    """
    known = {spec.name: spec for spec in fields(Mapping)}
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise UserError(f"{', '.join(unknown)}: isn't known; expected some of {', '.join(known)}")
    missing = [
        name
        for name, spec in known.items()
        if name not in content and spec.default is MISSING and spec.default_factory is MISSING
    ]
    if missing:
        raise UserError(f"{', '.join(missing)}: expected, but missing")
    return Mapping(**{name: _checked(name, value) for name, value in content.items()})


def _checked(role: str, value: Any) -> Any:
    if role in _KEYS:
        if role == "c_rate" and _is_number(value):
            return float(value)
        return _entry(role, value)
    kinds = {"foil_last": bool, "geometry_id": str, "parameters": dict}
    if role in kinds:
        if not isinstance(value, kinds[role]):
            raise UserError(f"{role}: expected {kinds[role].__name__}, got {value!r}")
        return value
    if not _is_number(value):
        raise UserError(f"{role}: expected a number, got {value!r}")
    return float(value)


def _entry(role: str, value: Any) -> Entry:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        raise UserError(f"{role}: expected a dataset's name or an object with one, got {value!r}")
    unknown = sorted(set(value) - _KEYS[role])
    if unknown:
        raise UserError(
            f"{role}: {', '.join(unknown)} isn't known; expected some of {', '.join(sorted(_KEYS[role]))}"
        )
    if ("name" in value) == ("value" in value):
        raise UserError(
            f"{role}: expected the name of a dataset" + (", or a value" if "value" in _KEYS[role] else "")
        )
    entry = {"axes": _AXES.get(role, ""), "unit": _UNITS.get(role, ""), **value}
    for key, right in (("name", str), ("axes", str), ("unit", str)):
        if key in entry and not isinstance(entry[key], right):
            raise UserError(f"{role}.{key}: expected text, got {entry[key]!r}")
    for key in ("scale", "value"):
        if key in entry and not (_is_number(entry[key]) and math.isfinite(entry[key])):
            raise UserError(f"{role}.{key}: expected a number, got {entry[key]!r}")
    if sorted(entry["axes"]) != sorted(_AXES.get(role, "")):
        raise UserError(
            f"{role}.axes: expected the letters {', '.join(_AXES[role])} in the file's order, got "
            f"{entry['axes']!r}"
        )
    if "labels" in entry:
        entry["labels"] = _labels(entry["labels"])
    return Entry(role, **entry)


def _labels(value: Any) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(label, int) for label in value):
        raise UserError(
            f"phase.labels: expected the numbers of pore, AM and CBD, such as [0, 85, 170], got {value!r}"
        )
    return tuple(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
