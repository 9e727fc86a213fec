"""Scores gathered into tables: median and worst over the held-out samples under each load."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tfmsnet.evaluation.metrics import BANDS
from tfmsnet.evaluation.scores import Scores
from tfmsnet.fields import FIELDS


@dataclass(frozen=True)
class Column:
    """One score of a table.

    Attributes:
        key: in `Scores.summary()`.
        title: with the unit.
        factor: from the summary's unit to the title's.
        rounding: in the title's unit; smaller values are no better than this, they are rounding.
    """

    key: str
    title: str
    factor: float = 1.0
    rounding: float = 0.0


TERMINAL = (
    Column("concentration_vrmse_median", "c VRMSE"),
    Column("concentration_vrmse_last", "c VRMSE last"),
    Column("concentration_vrmse_worst", "c VRMSE worst"),
    Column("potential_vrmse_median", "phi VRMSE"),
    Column("potential_pattern_error_median", "phi pattern"),
    Column("curve_rmse_mv", "curve RMSE (mV)"),
)
HEADLINE = (
    *TERMINAL,
    Column("curve_max_mv", "curve max (mV)"),
    Column("concentration_mean_error_percent_worst", "c error of mean (%)", rounding=1e-3),
    Column("lithium_balance", "lithium balance (%)", factor=100.0, rounding=1e-3),
)
DETAILS = {
    name: (
        Column(f"{name}_nrmse_worst", "nRMSE worst"),
        Column(f"{name}_mean_error_percent_worst", "error of mean worst (%)", rounding=1e-3),
        Column(f"{name}_max_error_worst", f"max error worst ({field.error_unit})", factor=field.error_factor),
        Column(f"{name}_vrmse_middle", "VRMSE middle"),
        Column(f"{name}_vrmse_last", "VRMSE last"),
        Column(f"{name}_vrmse_worst", "VRMSE worst"),
        Column(f"{name}_pattern_error_middle", "pattern middle"),
        Column(f"{name}_pattern_error_worst", "pattern worst"),
        Column(f"{name}_interface_error_median", "interface"),
        *(Column(f"{name}_spectral_{band}_median", f"spectral {band}") for band in BANDS),
    )
    for name, field in FIELDS.items()
}


_LEGEND = (
    "c: concentration, phi: potential, median over the frames; VRMSE 1: the true mean everywhere; "
    "pattern 1: any uniform field; *: best.\n"
    "Persistence copies the simulator's previous frame, which no surrogate has."
)


def loads_of(cases: Sequence[Scores]) -> list[str]:
    """The loads of some cases: constant currents by their C-rates, then others by their names."""
    return [load for *_, load in sorted({(c.in_time, 0.0 if c.in_time else c.c_rate, c.load) for c in cases})]


class MedianWorst(NamedTuple):
    """A score over some held-out samples, by magnitude; NaN where the predictor doesn't have it."""

    median: float
    worst: float
    samples: int = 0

    def text(self, rounding: float) -> str:
        """Median and worst, three significant digits; `rounding` as the column's."""
        if np.isnan(self.median):
            return "-"
        if self.samples == 1:
            return number(self.median, rounding)
        return f"{number(self.median, rounding)} ({number(self.worst, rounding)})"


def number(value: float, rounding: float = 0.0) -> str:
    """Three significant digits; values at or below the rounding only say so."""
    if not np.isfinite(value):
        return "inf"
    if value <= rounding > 0.0:
        return f"<{rounding:g}"
    if value and not 1e-3 <= value < 1e4:
        return f"{value:.0e}"
    return f"{value:#.3g}".rstrip(".")


class Loss(NamedTuple):
    """A headline score in which the model isn't the best under a load: who is better, and both medians."""

    load: str
    column: Column
    model_median: float
    other: str
    other_median: float


@dataclass(frozen=True)
class Tables:
    """The scores of every predictor, for any column.

    Attributes:
        cases: every predictor's on every sample.
        names: the predictors, the model first.
    """

    cases: Sequence[Scores]
    names: tuple[str, ...]

    @property
    def loads(self) -> list[str]:
        """Constant currents by their C-rates, then others by their names."""
        return loads_of(self.cases)

    @cached_property
    def _summaries(self) -> dict[tuple[str, str], list[dict[str, float]]]:
        grouped = defaultdict(list)
        for case in self.cases:
            grouped[case.load, case.model].append(case.summary())
        return grouped

    def cell(self, load: str, name: str, column: Column) -> MedianWorst:
        """One predictor's score under one load, in the column's unit."""
        summaries = self._summaries.get((load, name), [])
        values = [abs(summary[column.key]) * column.factor for summary in summaries]
        values = [value for value in values if not np.isnan(value)]
        if not values:
            return MedianWorst(np.nan, np.nan)
        return MedianWorst(float(np.median(values)), max(values), len(values))

    def best(self, load: str, column: Column) -> set[str]:
        """The predictors with the lowest median; several when they agree to rounding."""
        medians = {name: self._compared(load, name, column) for name in self.names}
        finite = [median for median in medians.values() if np.isfinite(median)]
        return {name for name, median in medians.items() if finite and median <= min(finite)}

    def _compared(self, load: str, name: str, column: Column) -> float:
        # np.maximum keeps NaN, max would not; float32 fields carry six digits at most.
        median = np.maximum(self.cell(load, name, column).median, column.rounding)
        return float(f"{median:.4g}")

    def better(self, load: str, column: Column) -> dict[str, float]:
        """The predictors whose median is lower than the model's, and their medians."""
        model, *others = self.names
        mine = self._compared(load, model, column)
        medians = {other: self._compared(load, other, column) for other in others}
        return {other: median for other, median in medians.items() if median < mine}

    def losses(self) -> list[Loss]:
        """Every headline score, load by load, in which another predictor's median is lower."""
        return [
            Loss(load, column, self._compared(load, self.names[0], column), other, median)
            for load in self.loads
            for column in HEADLINE
            for other, median in self.better(load, column).items()
        ]

    def samples(self, load: str) -> int:
        """How many held-out samples there are under a load."""
        return len(self._summaries[load, self.names[0]])

    def as_dict(self) -> dict:
        """The headline for JSON: load -> predictor -> score -> median and worst, None where it has none."""
        return {
            load: {
                name: {column.key: self._median_worst(load, name, column) for column in HEADLINE}
                for name in self.names
            }
            for load in self.loads
        }

    def _median_worst(self, load: str, name: str, column: Column) -> dict[str, float | None]:
        cell = self.cell(load, name, replace(column, factor=1.0))
        return {
            key: value if np.isfinite(value) else None
            for key, value in (("median", cell.median), ("worst", cell.worst))
        }

    def text(self) -> str:
        """The table for the terminal: a block per load, median (worst) over the held-out samples."""
        return "\n\n".join([*(self._block(load) for load in self.loads), _LEGEND])

    def _block(self, load: str) -> str:
        samples = self.samples(load)
        title = f"{load}, {samples} held-out sample" + ("s, median (worst)" if samples > 1 else "")
        rows = [[title, *(column.title for column in TERMINAL)]]
        for name in self.names:
            cells = []
            for column in TERMINAL:
                mark = "*" if name in self.best(load, column) else " "
                cells.append(self.cell(load, name, column).text(column.rounding) + mark)
            rows.append([name, *cells])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
            for row in rows
        )
