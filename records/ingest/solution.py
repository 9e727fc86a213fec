"""What a reader is told and what it gives: quantities with units, phases, and a solution on its own nodes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tfmsnet.electrode import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.image import check_voxel_size
from tfmsnet.errors import UserError
from tfmsnet.memory import require_memory
from tfmsnet.units import CONCENTRATION_MOL_M3, POTENTIAL_V, TIME_S, factor

# "cs (mol/m^3) @ 2: t=100, C=1", blanks or underscores in between.
_UNIT = re.compile(r"^(.*?)[\s_]+\((?P<unit>(?:[^()]|\([^()]*\))*)\)$")
# "t=10[min]" and "t=10 min" say their own unit; the name of a further condition ("t=10 C=1") is none.
_TIME = re.compile(
    r"(?:^|[\s,_:])(?:t|time)\s*=\s*([-+\d.eE]+(?:,\d+)?)(?:\s*\[\s*(\w+)\s*\]|[\s_]*([a-z]+)\b(?!\s*=))?",
    re.IGNORECASE,
)
_DEGREE_OF_LITHIATION = ("1", "")


@dataclass(frozen=True)
class Variable:
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
    """What the label of a column or array says: name, unit, time and its unit; None if it doesn't."""

    name: str
    unit: str | None
    time: float | None
    time_unit: str | None = None


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
        moment = float(time.group(1).replace(",", ".")) if time else None
        time_unit = time and (time.group(2) or time.group(3))
        return Label(name, unit and unit.group("unit"), moment, time_unit)
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
    time_unit_of(labels, name)
    columns: dict[float, int] = {}
    for index in timed:
        time = labels[index].time
        if time in columns:
            raise UserError(
                f"column {name}: two for t={time:g}; export one solution (one set of parameters) only"
            )
        columns[time] = index
    return columns


def time_unit_of(labels: list[Label], name: str) -> str | None:
    """The unit that the times of a quantity's labels have, None where they don't say it.

    Raises:
        UserError: they have several.
    """
    timed = [label for label in labels if label.name == name and label.time is not None]
    units = {label.time_unit for label in timed if label.time or label.time_unit}  # 0 is 0 in all of them
    if len(units) > 1:
        found = ", ".join(sorted(str(unit or "none") for unit in units))
        raise UserError(f"column {name}: times of several units ({found}); export them in one")
    return units.pop() if units else None


_LARGEST_VOXELS = 1e9
# At the least: which cell holds it (int64), its index and its centre.
_BYTES_PER_VOXEL = 56


@dataclass(frozen=True)
class VoxelGrid:
    """Cubic voxels: the lower corner of the first one (x, y, z), m; how many (x, y, z); their edge, m."""

    origin_m: tuple[float, float, float]
    shape: tuple[int, int, int]
    voxel_size_m: float

    @classmethod
    def over(cls, low_m: Sequence[float], high_m: Sequence[float], voxel_size_m: float) -> "VoxelGrid":
        """The voxels that fit into a box; a rest at its upper end that doesn't fill a voxel is left out.

        Raises:
            UserError: no voxel fits, or more than can be meant or fit into memory.
        """
        check_voxel_size("voxel_size_m", voxel_size_m)
        edges = np.subtract(high_m, low_m)
        # Edges of whole voxels may carry rounding errors, and those of single precision.
        counts = np.floor(edges / voxel_size_m + 1e-4)
        if counts.min() < 1 or counts.prod() > _LARGEST_VOXELS:
            found = " x ".join(f"{1e6 * edge:.4g}" for edge in edges)
            raise UserError(
                f"box: {found} um are {' x '.join(f'{n:.0f}' for n in counts)} voxels of "
                f"{1e6 * voxel_size_m:g} um, expected at least 1 along each axis and at most "
                f"{_LARGEST_VOXELS:g} in all; check the unit of lengths"
            )
        require_memory(
            _BYTES_PER_VOXEL * counts.prod(),
            f"box: {' x '.join(f'{n:.0f}' for n in counts)} voxels",
            "take larger voxels (--voxel-size-um) or a part (--box)",
        )
        return cls(tuple(float(x) for x in low_m), tuple(int(n) for n in counts), float(voxel_size_m))

    def centres_m(self, mask: np.ndarray) -> np.ndarray:
        """Centres (voxel, 3), m, of the voxels of a mask (x, y, z), in its C order."""
        return np.asarray(self.origin_m) + (np.argwhere(mask) + 0.5) * self.voxel_size_m


def bounded_ranges(counts: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Ranges (begin, end) of items, in order, whose `counts` (item,) add up to `most` or less.

    An item that alone has more makes a range of its own.
    """
    total, begin = np.cumsum(counts, dtype=np.int64), 0
    while begin < len(counts):
        before = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + most, side="right")))
        yield begin, end
        begin = end


@dataclass(frozen=True)
class Domains:
    """Numbers of the domains (or materials) that are AM and CBD; every other one is electrolyte."""

    am: frozenset[int] = frozenset({1})
    cbd: frozenset[int] = frozenset()

    def __init__(self, am: Iterable[int] = (1,), cbd: Iterable[int] = ()) -> None:
        object.__setattr__(self, "am", frozenset(am))
        object.__setattr__(self, "cbd", frozenset(cbd))
        if self.am & self.cbd:
            raise UserError(f"domains: {sorted(self.am & self.cbd)} can't be AM and CBD at once")

    def labels(self, values: np.ndarray, what: str) -> np.ndarray:
        """Labels (item,) uint8 of items (cells, nodes) by their domain's number.

        Raises:
            UserError: numbers that aren't whole, or a domain named here that no item has.
        """
        if not np.array_equal(values, np.round(values)):
            odd = values[values != np.round(values)][0]
            raise UserError(f"{what}: expected whole numbers of domains, found {odd:g}")
        found = {int(value) for value in np.unique(values)}
        absent = sorted((self.am | self.cbd) - found)
        if absent:
            raise UserError(
                f"{what}: domains {absent} aren't in the file, which has {_some(sorted(found))}; say which "
                "are AM and CBD"
            )
        labels = np.full(len(values), ELECTROLYTE, np.uint8)
        labels[np.isin(values, list(self.am))] = AM
        labels[np.isin(values, list(self.cbd))] = CBD
        return labels


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:12])) + (f" ... {numbers[-1]}" if len(numbers) > 12 else "")


@dataclass(frozen=True)
class Reading:
    """What is wanted of a file, and in which units it is.

    Attributes:
        concentration, potential: lithium in the AM and potential of the solid, as the file calls them.
        domain: what holds the numbers of domains: a column, or an array of the cells; None: there is none.
        domains: which of them is which phase.
        voxel_size_m: edge of the voxels, m.
        box_m: (x0, x1, y0, y1, z0, z1), m, what is voxelised; None takes the extent of the nodes.
        length_unit: of coordinates; None takes what the file says, or metres where it doesn't.
        time_unit: of times; what the file says of its own counts, where it isn't contradicted.
        c_max_mol_m3: turns a degree of lithiation (unit "1") to a concentration.
    """

    concentration: Variable
    potential: Variable
    domain: str | None = None
    domains: Domains = field(default_factory=Domains)
    voxel_size_m: float = 0.5e-6
    box_m: tuple[float, float, float, float, float, float] | None = None
    length_unit: str | None = None
    time_unit: str = "s"
    c_max_mol_m3: float = 48207.0

    def __post_init__(self) -> None:
        check_voxel_size("voxel_size_m", self.voxel_size_m)

    def seconds_per_time(self, unit: str | None) -> float:
        """Of times in a file that says this unit (None: it doesn't).

        Raises:
            UserError: it isn't known, or contradicts the one that is asked for.
        """
        asked = factor(TIME_S, self.time_unit, "times")
        if unit is None:
            return asked
        found = factor(TIME_S, unit, "times")
        if asked not in (1.0, found):
            raise UserError(f"times: the file has {unit}, not {self.time_unit}; leave the unit out")
        return found

    def factors(self, concentration_unit: str | None, potential_unit: str | None) -> tuple[float, float]:
        """mol/m3 and V per unit of the file, which says these units (None: it doesn't)."""
        return (
            self.concentration.concentration_factor(concentration_unit, self.c_max_mol_m3),
            self.potential.potential_factor(potential_unit),
        )


@dataclass(frozen=True, eq=False)
class NodeField:
    """A field where it is defined: nodes (node, 3) in m, and values (node, time) in SI units."""

    nodes_m: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """A discharge on scattered nodes.

    Attributes:
        image: the voxelised phases.
        grid: where the image's voxels are, in the coordinates of the nodes.
        times_s: (time,), s, rising.
        concentration: lithium in the AM, mol/m3, on nodes of the AM alone.
        potential: of the solid, V, on nodes of AM and CBD alone.
        remark: what was chosen where the file leaves a choice.
    """

    image: PhaseImage
    grid: VoxelGrid
    times_s: np.ndarray
    concentration: NodeField
    potential: NodeField
    remark: str | None = None
