"""Planes through fields: simulated, predicted and error side by side, or one discharge alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS, frame_means
from tfmsnet.plots.style import colour_map, look, new_figure
from tfmsnet.records.sample import Sample

ROWS = 3
# What the colours of the first two columns are, and the mean's unit and digits.
_SHOWN = {
    "concentration": ("Concentration", "{:.2f} mol/L"),
    "potential": ("Potential minus its mean", "{:.4f} V"),
}
_LABELS = {"concentration": "concentration", "potential": "potential\nminus its mean"}
_SHARES = (1 / 3, 2 / 3, 1)
AXES = "xyz"


class HasFields(Protocol):
    """Fields of one discharge, (time, x, y, z) as in `Sample`, None where there is none."""

    concentration: np.ndarray | None
    potential: np.ndarray | None


@dataclass(frozen=True)
class Plane:
    """Which voxels a picture shows: those at one place along an axis.

    Attributes:
        axis: "x", "y" or "z", along which the place is.
        share: the place, 0 (the foil, for z) to 1.
    """

    axis: str = "y"
    share: float = 0.5

    def __post_init__(self) -> None:
        if self.axis not in AXES or not 0 <= self.share <= 1:
            raise UserError(
                f"plane: expected one of x, y, z and a place from 0 to 1, got {self.axis} {self.share}"
            )

    @property
    def across(self) -> tuple[str, str]:
        """The axes upwards and to the right: z, the way from the foil to the separator, to the right."""
        return {"x": ("y", "z"), "y": ("x", "z"), "z": ("x", "y")}[self.axis]

    @property
    def labels(self) -> tuple[str, str]:
        """Of both axes."""
        return tuple("depth from the collector (µm)" if a == "z" else f"{a} (µm)" for a in self.across)

    def shape(self, grid: tuple[int, int, int]) -> tuple[int, int]:
        """Voxels upwards and to the right."""
        return tuple(grid[AXES.index(axis)] for axis in self.across)

    def of(self, values: np.ndarray) -> np.ndarray:
        """(x, y, z) -> what is in the plane (up, right)."""
        along = AXES.index(self.axis)
        count = values.shape[along]
        return np.take(values, min(int(self.share * count), count - 1), along)


@dataclass(frozen=True)
class Slice:
    """A plane of one frame, ready to draw: NaN outside the phase.

    Attributes:
        true, predicted, error: (up, right); concentration in mol/L, potential in mV. Potentials are drawn
            against each one's own mean, which is a thousand times larger than what varies, and so is their
            error: without the error of the mean.
        true_mean, predicted_mean: of the frame over the whole phase, mol/L or V.
        mean_error: of the mean, mol/L or mV.
    """

    true: np.ndarray
    predicted: np.ndarray
    error: np.ndarray
    true_mean: float
    predicted_mean: float
    mean_error: float


def take_slice(
    sample: Sample, predicted: HasFields, field: str, frame: int, plane: Plane | None = None
) -> Slice:
    """A plane of one frame, the middle x-z one unless told otherwise; the sample stands for the truth."""
    mask, plane = FIELDS[field].mask(sample.phase), plane or Plane()
    frames = getattr(sample, field)[frame], getattr(predicted, field)[frame]
    return sliced(*frames, mask, field, plane)


def sliced(true: np.ndarray, predicted: np.ndarray, mask: np.ndarray, field: str, plane: Plane) -> Slice:
    """The same of a frame's values (x, y, z), of which those in the phase (x, y, z) bool count."""
    true_mean, predicted_mean = frame_means((true, predicted), mask)
    inside = plane.of(mask)
    true, guess = (
        np.where(inside, plane.of(values).astype(np.float64), np.nan) for values in (true, predicted)
    )
    drawn = FIELDS[field]
    if drawn.shown_without_mean:
        with np.errstate(invalid="ignore"):  # a diverged prediction has no mean to be taken away
            true, guess = true - true_mean, guess - predicted_mean
    with np.errstate(invalid="ignore"):
        planes = (values * drawn.error_factor for values in (true, guess, guess - true))
        means = (true_mean * drawn.shown_factor, predicted_mean * drawn.shown_factor)
        return Slice(*planes, *means, (predicted_mean - true_mean) * drawn.error_factor)


def value_range(part: Slice) -> Normalize:
    """The colours' range, from the true values alone, so that a poor prediction can't stretch it."""
    low, high = np.nanpercentile(part.true, [0.5, 99.5]) if np.isfinite(part.true).any() else (0.0, 1.0)
    return Normalize(low, max(high, low + 1e-9 + 1e-6 * abs(low)))


def error_range(part: Slice) -> Normalize:
    """A range symmetric about no error, so that white is right."""
    finite = np.abs(part.error[np.isfinite(part.error)])
    reach = max(float(np.percentile(finite, 99.5)), 1e-9) if finite.size else 1.0
    return Normalize(-reach, reach)


def draw_slice(axes: Axes, values: np.ndarray, voxel_size_m: float, colours: str, scale: Normalize):
    """Draw one plane (up, right) in um; returns the image for a colour bar."""
    extent_um = [0.0, values.shape[1] * voxel_size_m * 1e6, 0.0, values.shape[0] * voxel_size_m * 1e6]
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return axes.imshow(
        np.ma.masked_invalid(values),
        origin="lower",
        extent=extent_um,
        cmap=colour_map(colours),
        norm=scale,
        interpolation="nearest",
    )


def slice_figure(
    sample: Sample, predictions: Mapping[str, HasFields], field: str, plane: Plane | None = None
) -> Figure:
    """Three frames by simulated, and predicted and error of each model.

    The paper's figures 6 (concentration) and 7 (potential) are of this kind.

    Args:
        sample: the true discharge.
        predictions: model -> its fields.
        field: "concentration" or "potential".
        plane: which voxels; None for the middle x-z plane.
    """
    rows = np.unique(np.linspace(0, sample.frames - 1, ROWS + 1).round().astype(int))[1:]
    plane = plane or Plane()
    lines = {
        f"frame {frame}\nDOL {sample.dol[frame]:.3f}": [
            take_slice(sample, fields, field, frame, plane) for fields in predictions.values()
        ]
        for frame in rows
    }
    figure = compared_figure(lines, tuple(predictions), field, plane, sample.voxel_size_m)
    with look():
        figure.suptitle(f"{_SHOWN[field][0]} under {sample.load_name}", fontsize=10.5)
    return figure


def compared_figure(
    lines: Mapping[str, Sequence[Slice]],
    names: Sequence[str],
    field: str,
    plane: Plane,
    voxel_size_m: float,
    true: str = "simulated",
) -> Figure:
    """Rows of planes: the truth, and each one's own and its error.

    Args:
        lines: label of a row -> a slice for each name; the truth is that of the first.
        names: whose.
        field, plane, voxel_size_m: of the slices.
        true: what the truth is called.
    """
    columns = 1 + 2 * len(names)
    up, right = next(iter(lines.values()))[0].true.shape
    with look():
        panel_in = 2.75
        figure = new_figure(columns * panel_in + 1.8, len(lines) * (panel_in * up / right + 0.55) + 0.7)
        panels = figure.subplots(len(lines), columns, squeeze=False, sharex=True, sharey=True)
        for row, (label, parts) in zip(panels, lines.items(), strict=True):
            _draw_row(figure, row, parts, field, voxel_size_m)
            row[0].set_ylabel(f"{label}\n{plane.labels[0]}")
        titles = [true, *(text for name in names for text in (name, f"{name} minus {true}"))]
        for axes, title in zip(panels[0], titles, strict=True):
            axes.set_title(f"{title}\n{axes.get_title()}")
        for axes in panels[-1]:
            axes.set_xlabel(plane.labels[1])
    return figure


def _draw_row(figure: Figure, line, parts: Sequence[Slice], field: str, voxel_size_m: float) -> None:
    unit, mean_format = FIELDS[field].error_unit, _SHOWN[field][1]
    values, errors = [line[0], *line[1::2]], list(line[2::2])
    scale, shown = value_range(parts[0]), [parts[0].true, *(part.predicted for part in parts)]
    means = [parts[0].true_mean, *(part.predicted_mean for part in parts)]
    for axes, plane, mean in zip(values, shown, means, strict=True):
        image = draw_slice(axes, plane, voxel_size_m, "viridis", scale)
        axes.set_title("mean " + mean_format.format(mean), fontsize=8)
    # One range for all models, so that the paler one is the better one.
    worst = max((error_range(part) for part in parts), key=lambda norm: norm.vmax)
    for axes, part in zip(errors, parts, strict=True):
        error = draw_slice(axes, part.error, voxel_size_m, "RdBu_r", worst)
        without = ", not shown" if FIELDS[field].shown_without_mean else ""
        axes.set_title(f"of the mean {part.mean_error:+.2g} {unit}{without}", fontsize=8)
    figure.colorbar(image, ax=line[0], label=unit, extend="both", aspect=14, pad=0.02)
    figure.colorbar(error, ax=errors[-1], label=unit, extend="both", aspect=14, pad=0.02)


def fields_figure(sample: Sample, plane: Plane | None = None, frames: Sequence[int] | None = None) -> Figure:
    """Both fields in a plane, at some frames.

    Args:
        sample: the discharge.
        plane: which voxels; None for the middle x-z plane.
        frames: numbers of the frames, negative ones from the end; None for those at a third, two thirds and
            the end.

    Raises:
        UserError: a frame that the sample doesn't have.
    """
    plane = plane or Plane()
    if frames is None:
        frames = np.unique([round(share * (sample.frames - 1)) for share in _SHARES])
    absent = [frame for frame in frames if not -sample.frames <= frame < sample.frames]
    if absent:
        raise UserError(f"frames: expected 0 to {sample.frames - 1}, got {absent[0]}")
    shown = [field for field in FIELDS if getattr(sample, field).any()]
    up, right = plane.shape(sample.grid)
    with look():
        panel_in = 2.75
        row_in = panel_in * up / right + 0.55
        figure = new_figure(len(frames) * (panel_in + 0.9) + 0.6, len(shown) * row_in + 0.4)
        cells = figure.subplots(len(shown), len(frames), squeeze=False, sharex=True, sharey=True)
        for row, field in zip(cells, shown, strict=True):
            label, unit = _LABELS[field], FIELDS[field].error_unit
            for axes, frame in zip(row, frames, strict=True):
                part = take_slice(sample, sample, field, frame, plane)
                drawn = draw_slice(axes, part.true, sample.voxel_size_m, "viridis", value_range(part))
                moment = f"{sample.times_s[frame]:.0f} s, DOL {sample.dol[frame]:.2f}"
                axes.set_title(moment)
                figure.colorbar(drawn, ax=axes, label=unit, extend="both", aspect=14, pad=0.02)
            row[0].set_ylabel(f"{label}\n{plane.labels[0]}")
        for axes in cells[-1]:
            axes.set_xlabel(plane.labels[1])
    return figure
