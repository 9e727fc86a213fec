"""Names and units that files give to what they hold."""

import re
from dataclasses import dataclass

from tfmsnet.errors import UserError
from tfmsnet.units import CONCENTRATION_MOL_M3, POTENTIAL_V, factor

# "cs (mol/m^3) @ 2: t=100, C=1", blanks or underscores in between.
_UNIT = re.compile(r"^(.*?)[\s_]*\((?P<unit>(?:[^()]|\([^()]*\))*)\)$")
_TIME = re.compile(r"(?:^|[\s,_:])(?:t|time)\s*=\s*([-+\d.eE]+)", re.IGNORECASE)
_DEGREE_OF_LITHIATION = ("1", "")


@dataclass(frozen=True)
class Quantity:
    """What a user calls a field: its name in the file and its unit, None for what the file says."""

    name: str
    unit: str | None = None

    def concentration_factor(self, file_unit: str | None, c_max_mol_m3: float) -> float:
        """mol/m3 in a unit; "1" is the degree of lithiation."""
        unit = self._chosen(file_unit, "mol/m3")
        if unit.strip() in _DEGREE_OF_LITHIATION:
            return c_max_mol_m3
        return factor(CONCENTRATION_MOL_M3 | {"1": c_max_mol_m3}, unit, f"concentration {self.name}")

    def potential_factor(self, file_unit: str | None) -> float:
        """V in a unit."""
        return factor(POTENTIAL_V, self._chosen(file_unit, "V"), f"potential {self.name}")

    def _chosen(self, file_unit: str | None, default: str) -> str:
        return next(unit for unit in (self.unit, file_unit, default) if unit is not None)


@dataclass(frozen=True)
class Label:
    """What the label of a column or array says: name, unit, time in the file's unit; None if it doesn't."""

    name: str
    unit: str | None
    time: float | None


def parse_label(text: str) -> Label:
    """ "cs (mol/m^3) @ t=100" -> Label("cs", "mol/m^3", 100.0).

    Raises:
        UserError: a time that is no number.
    """
    front, at, condition = text.partition("@")
    time = _TIME.search(condition) if at else None
    front = front.strip().strip("_").strip() if at else front.strip()
    unit = _UNIT.match(front)
    name = unit.group(1) if unit else front
    try:
        return Label(name, unit and unit.group("unit"), float(time.group(1)) if time else None)
    except ValueError:
        raise UserError(f"column {text}: expected a time as in '@ t=100', found {condition!r}") from None


def at_times(labels: list[Label], name: str) -> dict[float, int]:
    """Time in the file's unit -> index, in the file's order, of the columns that hold a quantity over time.

    Raises:
        UserError: no such column, none with a time, or two for one time.
    """
    found = [index for index, label in enumerate(labels) if label.name == name]
    timed = [index for index in found if labels[index].time is not None]
    if not timed:
        names = ", ".join(sorted({label.name for label in labels})) or "none"
        reason = "has no times ('@ t=...'); export all time steps" if found else f"is missing; found {names}"
        raise UserError(f"column {name} {reason}")
    columns: dict[float, int] = {}
    for index in timed:
        time = labels[index].time
        if time in columns:
            raise UserError(
                f"column {name}: two for t={time:g}; export one solution (one set of parameters) only"
            )
        columns[time] = index
    return columns
