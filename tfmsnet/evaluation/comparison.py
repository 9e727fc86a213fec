"""Discharges of one electrode side by side: how far each is from the first, and pictures of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.evaluation.scores import Scores, score
from tfmsnet.evaluation.tables import Column, number
from tfmsnet.fields import FIELDS
from tfmsnet.files import write_json
from tfmsnet.records.sample import Sample

COLUMNS = (
    Column("concentration_vrmse_median", "c VRMSE"),
    Column("concentration_vrmse_last", "last"),
    Column("concentration_max_error_worst", "c max (mol/L)", factor=1e-3),
    Column("potential_pattern_error_median", "phi pattern"),
    Column("potential_max_error_worst", "phi max (mV)", factor=1e3),
    Column("curve_rmse_mv", "curve RMSE (mV)"),
    Column("curve_max_mv", "max (mV)"),
)
_LEGEND = (
    "VRMSE: root-mean-square error in standard deviations of the first one's frame, median over the frames "
    "and the last one; 1 is a uniform field.\npattern: the same without the error of the mean."
)


@dataclass(frozen=True)
class Comparison:
    """How far discharges are from one of them.

    Attributes:
        samples: name -> discharge; the first is what the others are compared with.
        scores: of the others, by name; of those on the same voxels and frames alone.
        apart: name -> why there are no scores of fields.
    """

    samples: Mapping[str, Sample]
    scores: Mapping[str, Scores]
    apart: Mapping[str, str]

    def table(self) -> str:
        """Plain text: a row for each, errors against the first; ends of the discharges."""
        (first, true), *others = self.samples.items()
        rows = [[f"against {first}", *(column.title for column in COLUMNS), "last DOL", "last (V)"]]
        rows.append([first, *["-"] * len(COLUMNS), f"{true.dol[-1]:.4f}", f"{true.voltage_v[-1]:.4f}"])
        for name, sample in others:
            found = self.scores[name].summary() if name in self.scores else {}
            cells = [self._cell(found.get(column.key, np.nan), column) for column in COLUMNS]
            rows.append([name, *cells, f"{sample.dol[-1]:.4f}", f"{sample.voltage_v[-1]:.4f}"])
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        apart = [f"{name}: {why}; its curve alone is drawn" for name, why in self.apart.items()]
        return "\n".join([*lines, *apart, _LEGEND])

    @staticmethod
    def _cell(value: float, column: Column) -> str:
        return "-" if np.isnan(value) else number(abs(value) * column.factor)

    def as_dict(self) -> dict:
        """The same for JSON: name -> its scores, flat, None where there is none."""
        first, *others = self.samples
        known = {name: scores.as_dict()["summary"] for name, scores in self.scores.items()}
        found = {name: known.get(name) for name in others}
        return {"against": first, "scores": found, "apart": dict(self.apart)}

    def write(
        self, folder: str | Path, over: str | None = None, am_density_g_cm3: float | None = None
    ) -> list[Path]:
        """Write comparison.json, curves.png and, for scores of fields, slices_<field>.png into a folder.

        Args:
            folder: where to.
            over, am_density_g_cm3: see `tfmsnet.plots.curves.abscissa`; None for "dol", or "time" where the
                load changes.
        """
        from tfmsnet.plots.curves import curves_figure
        from tfmsnet.plots.slices import slice_figure
        from tfmsnet.plots.style import save

        folder, true = Path(folder), next(iter(self.samples.values()))
        over = over or ("dol" if true.is_constant_current else "time")
        figures = {"curves.png": curves_figure(self.samples, over, am_density_g_cm3)}
        drawn = {name: self.samples[name] for name in self.scores}
        if drawn:
            figures |= {f"slices_{field}.png": slice_figure(true, drawn, field) for field in FIELDS}
        for name, figure in figures.items():
            save(figure, folder / name)
        write_json(folder / "comparison.json", self.as_dict())
        return [folder / name for name in ("comparison.json", *figures)]


def compare(samples: Mapping[str, Sample]) -> Comparison:
    """Compare discharges with the first of them.

    Args:
        samples: name -> discharge, two or more.

    Raises:
        UserError: fewer than two.
    """
    if len(samples) < 2:
        raise UserError(f"compare: expected two discharges or more, found {len(samples)}")
    (_, true), *others = samples.items()
    scores, apart = {}, {}
    for name, sample in others:
        why = _difference(true, sample)
        if why:
            apart[name] = why
        else:
            scores[name] = score(name, true, sample)
    return Comparison(samples, scores, apart)


def _difference(true: Sample, other: Sample) -> str | None:
    """Why fields can't be compared voxel by voxel."""
    if true.grid != other.grid or not np.isclose(true.voxel_size_m, other.voxel_size_m, rtol=1e-6):
        sizes = [f"{'x'.join(map(str, one.grid))} of {1e6 * one.voxel_size_m:g} um" for one in (other, true)]
        return f"other voxels ({sizes[0]}, not {sizes[1]})"
    if not np.array_equal(true.phase, other.phase):
        return f"other phases at {np.count_nonzero(true.phase != other.phase)} voxels"
    if true.frames != other.frames or not np.allclose(true.times_s, other.times_s, rtol=1e-6, atol=1e-3):
        return f"other times ({other.frames} frames to {other.times_s[-1]:.6g} s)"
    return None
