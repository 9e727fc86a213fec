"""Functions of one variable that material properties are: one definition for NumPy, numba and TensorFlow.

A `Function` is a sum of a polynomial, tanh terms, exponentials and a table: data, so that a material is data
too.  `evaluate` is its formula for any array library, `tfmsnet.materials.compiled` the same for one number
within numba, from one flat array.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

from tfmsnet.errors import UserError

POLYNOMIAL, TANH, EXPONENTIAL, TABLE = range(4)
# `Function.sampled` halves intervals down to this share of the whole.
_FINEST = 2.0**-14
# Points of two tables that are closer than this share of the range are one in their sum.
_NEAREST = 1e-9


@dataclass(frozen=True)
class Table:
    """Cubics between points that join with their slopes; beyond the points the function goes on straight.

    Args:
        x: rising points.
        y: the function there.
        slope: its derivative there; None for that of monotone cubics (PCHIP, Fritsch and Butland 1984,
            doi:10.1137/0905021), which don't swing beyond the points.

    Raises:
        UserError: fewer than two points, points that don't rise, not one y (and slope) for each x, or numbers
            that aren't finite.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    slope: tuple[float, ...] | None = None
    cubics: np.ndarray = field(init=False, repr=False, compare=False)  # see the function `cubics`

    def __post_init__(self) -> None:
        for name in ("x", "y") if self.slope is None else ("x", "y", "slope"):
            object.__setattr__(self, name, _numbers(f"table {name}", getattr(self, name)))
        if len(self.x) < 2 or len(self.y) != len(self.x) or len(self.slope or self.x) != len(self.x):
            raise UserError(
                "table: expected at least two points x, and one y (and slope) for each, found "
                f"{len(self.x)} x, {len(self.y)} y, {'no' if self.slope is None else len(self.slope)} slopes"
            )
        wrong = np.flatnonzero(np.diff(self.x) <= 0)
        if len(wrong):
            raise UserError(
                f"table: expected rising x, found {self.x[wrong[0] + 1]:g} after {self.x[wrong[0]]:g}; "
                "sort it and leave repeated points out"
            )
        if self.slope is None:
            from scipy.interpolate import PchipInterpolator  # slow to import

            slope = PchipInterpolator(self.x, self.y).derivative()(self.x)
            object.__setattr__(self, "slope", tuple(float(value) for value in slope))
        parts = (np.array(part) for part in (self.x, self.y, self.slope))
        object.__setattr__(self, "cubics", cubics(*parts, np.stack))


@dataclass(frozen=True)
class Function:
    """f(x) = sum c_k x^k + sum A tanh(s (x - x0)) + sum A exp(s (x - x0)) + table(x).

    Args:
        polynomial: coefficients c, constant first.
        tanh: terms (A, s, x0).
        exponential: terms (A, s, x0).
        table: of values.

    Raises:
        UserError: no part at all, or parts that aren't finite numbers.
    """

    polynomial: tuple[float, ...] = ()
    tanh: tuple[tuple[float, float, float], ...] = ()
    exponential: tuple[tuple[float, float, float], ...] = ()
    table: Table | None = None
    flat: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "polynomial", _numbers("polynomial", self.polynomial))
        for name in ("tanh", "exponential"):
            rows = tuple(_numbers(name, row) for row in _sequence(name, getattr(self, name)))
            if any(len(row) != 3 for row in rows):
                raise UserError(f"{name}: expected terms of three numbers (A, s, x0), found {rows}")
            object.__setattr__(self, name, rows)
        if not (self.polynomial or self.tanh or self.exponential or self.table):
            raise UserError(
                "expected a polynomial, tanh or exponential terms, or a table, found none of them"
            )
        object.__setattr__(self, "flat", _flat(self))

    @classmethod
    def of(cls, value: object) -> "Function":
        """From what stands for one: a number, coefficients of a polynomial (constant first), or `as_json`.

        Raises:
            UserError: something else.
        """
        if isinstance(value, Function):
            return value
        if isinstance(value, Mapping):
            unknown = sorted(set(value) - {"polynomial", "tanh", "exponential", "table"})
            if unknown:
                raise UserError(
                    f"expected polynomial, tanh, exponential and table, found {', '.join(map(str, unknown))}"
                )
            table = value.get("table")
            if table is not None and not (isinstance(table, Mapping) and {"x", "y"} <= set(table)):
                raise UserError(f"table: expected x and y, found {table!r}")
            parts = {name: value[name] for name in ("polynomial", "tanh", "exponential") if name in value}
            known = table and Table(table["x"], table["y"], table.get("slope"))
            return cls(**parts, table=known)
        if isinstance(value, Real) and not isinstance(value, bool):
            return cls((value,))
        return cls(tuple(_sequence("polynomial", value)))

    @classmethod
    def sampled(
        cls, formula: Callable[[np.ndarray], np.ndarray], low: float, high: float, tolerance: float
    ) -> "Function":
        """A table of a smooth formula, with as many points as it takes.

        Args:
            formula: of an array, elementwise.
            low, high: where it is sampled; beyond, the table goes on straight.
            tolerance: largest error that is accepted, in the formula's unit.
        """
        finest, points = _FINEST * (high - low), {low, high}

        def halve(left: float, right: float) -> None:
            table = _tabulated(formula, np.array([left, right]), low, high)
            inner = left + (right - left) * np.array([0.25, 0.5, 0.75])
            off = np.abs(table(inner) - formula(inner)).max()
            middle = 0.5 * (left + right)
            if off > tolerance and right - left > finest:
                points.add(middle)
                halve(left, middle)
                halve(middle, right)

        start = np.linspace(low, high, 9).tolist()
        points.update(start)
        for left, right in itertools.pairwise(start):
            halve(left, right)
        return _tabulated(formula, np.array(sorted(points)), low, high)

    def __call__(self, x) -> np.ndarray:
        """f(x), any shape."""
        return evaluate(self, np.asarray(x, np.float64), np)[0]

    def slope(self, x) -> np.ndarray:
        """f'(x), any shape."""
        return evaluate(self, np.asarray(x, np.float64), np)[1]

    def scaled(self, factor: float) -> "Function":
        """factor f(x)."""
        table = self.table and Table(
            self.table.x, *(tuple(factor * v for v in part) for part in (self.table.y, self.table.slope))
        )
        terms = {
            name: tuple((factor * a, s, x0) for a, s, x0 in getattr(self, name))
            for name in ("tanh", "exponential")
        }
        return Function(tuple(factor * c for c in self.polynomial), **terms, table=table)

    def plus(self, other: "Function") -> "Function":
        """f(x) + g(x): exact, also of two tables."""
        mine, theirs = self.polynomial, other.polynomial
        longest = max(len(mine), len(theirs))
        padded = (np.pad(part, (0, longest - len(part))) for part in (np.array(mine), np.array(theirs)))
        return Function(
            tuple(sum(padded).tolist()),
            self.tanh + other.tanh,
            self.exponential + other.exponential,
            _joined(self.table, other.table),
        )

    @property
    def is_polynomial(self) -> bool:
        """Whether it has no other part."""
        return not (self.tanh or self.exponential or self.table)

    def as_json(self) -> list | dict:
        """JSON types: coefficients of a polynomial, or the parts by name."""
        if self.is_polynomial:
            return list(self.polynomial)
        parts = {
            "polynomial": list(self.polynomial),
            "tanh": [list(term) for term in self.tanh],
            "exponential": [list(term) for term in self.exponential],
            "table": self.table and {name: list(getattr(self.table, name)) for name in ("x", "y", "slope")},
        }
        return {name: part for name, part in parts.items() if part}


def evaluate(function, x, library):
    """f(x) and f'(x).

    Args:
        function: a `Function`, or what has its attributes as `library` takes them.
        x: an array of the library.
        library: has zeros_like, tanh, exp, and for tables clip and `cubics` unless it is NumPy: see
            `tfmsnet.references.materials`.
    """
    value = slope = library.zeros_like(x)
    for coefficient in reversed(function.polynomial):
        slope = slope * x + value
        value = value * x + coefficient
    for amplitude, steepness, centre in function.tanh:
        tanh = library.tanh(steepness * (x - centre))
        value = value + amplitude * tanh
        slope = slope + amplitude * steepness * (1.0 - tanh * tanh)
    for amplitude, steepness, centre in function.exponential:
        term = amplitude * library.exp(steepness * (x - centre))
        value = value + term
        slope = slope + steepness * term
    if function.table is not None:
        low, high = function.table.x[0], function.table.x[-1]
        inside = library.clip(x, low, high)
        find = _numpy_cubics if library is np else library.cubics
        start, c0, c1, c2, c3 = find(function.table, inside)
        step = inside - start
        rise = c1 + step * (2.0 * c2 + 3.0 * step * c3)
        value = value + c0 + step * (c1 + step * (c2 + step * c3)) + rise * (x - inside)
        slope = slope + rise
    return value, slope


def cubics(x, y, slope, stack: Callable):
    """The cubics between the points of a table, (interval, 5): start, and coefficients of the way from there.

    Args:
        x, y, slope: (point,) arrays of any library.
        stack: that library's.
    """
    width = x[1:] - x[:-1]
    secant = (y[1:] - y[:-1]) / width
    second = (3.0 * secant - 2.0 * slope[:-1] - slope[1:]) / width
    third = (slope[:-1] + slope[1:] - 2.0 * secant) / width**2
    return stack([x[:-1], y[:-1], slope[:-1], second, third], axis=1)


def _numpy_cubics(table: Table, inside: np.ndarray):
    # The last point belongs to the last interval.
    interval = np.searchsorted(table.cubics[1:, 0], inside, side="right")
    return np.moveaxis(table.cubics[interval], -1, 0)


def _flat(function: Function) -> np.ndarray:
    """What numba evaluates: for each part its kind, how many numbers follow, and these."""
    parts = [
        (POLYNOMIAL, np.array(function.polynomial)),
        (TANH, np.array(function.tanh).ravel()),
        (EXPONENTIAL, np.array(function.exponential).ravel()),
        (TABLE, np.array([])),
    ]
    if function.table is not None:
        parts[TABLE] = (TABLE, np.append(function.table.cubics.ravel(), function.table.x[-1]))
    return np.concatenate([np.concatenate([[kind, len(part)], part]) for kind, part in parts if len(part)])


def _tabulated(formula: Callable, x: np.ndarray, low: float, high: float) -> Function:
    """Points of a formula with their slopes by differences, inside of the range."""
    step = 1e-5 * (high - low)
    before, after = np.maximum(x - step, low), np.minimum(x + step, high)
    middle, y = 0.5 * (before + after), formula(x)
    slope = (formula(after) - formula(before)) / (after - before)
    # At the ends the difference is that of half a step inside: one Richardson step.
    inner = np.clip(x, low + 2 * step, high - 2 * step)
    curvature = (formula(inner + step) - 2 * formula(inner) + formula(inner - step)) / step**2
    slope = slope + curvature * (x - middle)
    return Function(table=Table(*(tuple(float(f"{v:.9g}") for v in part) for part in (x, y, slope))))


def _joined(one: Table | None, other: Table | None) -> Table | None:
    """The sum of two tables, on the points of both."""
    if one is None or other is None:
        return one or other
    points = np.union1d(one.x, other.x)
    # Of points that rounding alone tells apart one is enough; between them slopes would overflow.
    apart = np.diff(points) > _NEAREST * (points[-1] - points[0])
    points = points[np.concatenate([[True], apart])]
    parts = [evaluate(Function(table=table), points, np) for table in (one, other)]
    value, slope = (parts[0][k] + parts[1][k] for k in range(2))
    return Table(*(tuple(part.tolist()) for part in (points, value, slope)))


def _sequence(name: str, value: object) -> Sequence:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise UserError(f"{name}: expected a sequence of numbers, found {value!r}")
    return value


def _numbers(name: str, value: object) -> tuple[float, ...]:
    for item in _sequence(name, value):
        if isinstance(item, bool) or not isinstance(item, Real) or not math.isfinite(item):
            raise UserError(f"{name}: expected finite numbers, found {item!r}")
    return tuple(float(item) for item in value)
