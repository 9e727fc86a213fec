"""Slices of true and predicted fields (the paper's figures 6 and 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tfmsnet.evaluation.candidate import Fields
from tfmsnet.evaluation.curve import frame_means
from tfmsnet.evaluation.style import colour_map, look, new_figure
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample

ROWS = 3
# What the colours of the first two columns are, the unit of colours, the unit and digits of the mean.
_SHOWN = {
    "concentration": ("Concentration", "mol/L", "{:.2f} mol/L"),
    "potential": ("Potential minus its mean", "mV", "{:.4f} V"),
}


@dataclass(frozen=True)
class Slice:
    """A plane of one frame through the middle of y, ready to draw: NaN outside the phase.

    Attributes:
        true, predicted, error: (x, z); concentration in mol/L, potential in mV. Potentials are drawn
            against each one's own mean, which is a thousand times larger than what varies; the error is
            the whole one.
        true_mean, predicted_mean: of the frame over the whole phase, mol/L or V.
    """

    true: np.ndarray
    predicted: np.ndarray
    error: np.ndarray
    true_mean: float
    predicted_mean: float


def take_slice(sample: Sample, predicted: Fields | Sample, field: str, frame: int) -> Slice:
    """The middle x-z plane of one frame; the sample itself stands for the true fields."""
    mask, plane = FIELDS[field].mask(sample.phase), sample.grid[1] // 2
    frames = getattr(sample, field)[frame], getattr(predicted, field)[frame]
    true_mean, predicted_mean = frame_means(frames, mask)
    true, guess = (np.where(mask[:, plane], values[:, plane].astype(np.float64), np.nan) for values in frames)
    error = guess - true
    if field == "concentration":
        return Slice(true / 1e3, guess / 1e3, error / 1e3, true_mean / 1e3, predicted_mean / 1e3)
    with np.errstate(invalid="ignore"):  # a diverged prediction has no mean to be taken away
        true, guess = true - true_mean, guess - predicted_mean
    return Slice(1e3 * true, 1e3 * guess, 1e3 * error, true_mean, predicted_mean)


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
    """Draw one plane with the depth to the right; returns the image for a colour bar."""
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


def slice_figure(sample: Sample, predictions: Mapping[str, Fields], field: str) -> Figure:
    """Three frames by simulated, and predicted and error of each model: figure 6 (concentration) or 7.

    Args:
        sample: the true discharge.
        predictions: model -> its fields.
        field: "concentration" or "potential".
    """
    rows = np.unique(np.linspace(0, sample.frames - 1, ROWS + 1).round().astype(int))[1:]
    columns = 1 + 2 * len(predictions)
    width, depth = sample.grid[0], sample.grid[2]
    with look():
        panel_in = 2.75
        figure = new_figure(columns * panel_in + 1.8, len(rows) * (panel_in * width / depth + 0.4) + 0.7)
        panels = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
        for line, frame in zip(panels, rows, strict=True):
            parts = [take_slice(sample, fields, field, frame) for fields in predictions.values()]
            _draw_row(figure, line, parts, sample, field, frame)
        titles = ["simulated", *(t for name in predictions for t in (name, f"{name} minus simulated"))]
        for axes, title in zip(panels[0], titles, strict=True):
            axes.set_title(f"{title}\n{axes.get_title()}")
        for axes in panels[-1]:
            axes.set_xlabel("depth from the collector (µm)")
        figure.suptitle(f"{_SHOWN[field][0]} at {sample.c_rate:g}C", fontsize=10.5)
    return figure


def _draw_row(figure: Figure, line, parts: Sequence[Slice], sample: Sample, field: str, frame: int) -> None:
    voxel, (_, unit, mean_format) = sample.voxel_size_m, _SHOWN[field]
    values, errors = [line[0], *line[1::2]], list(line[2::2])
    scale, shown = value_range(parts[0]), [parts[0].true, *(part.predicted for part in parts)]
    means = [parts[0].true_mean, *(part.predicted_mean for part in parts)]
    for axes, plane, mean in zip(values, shown, means, strict=True):
        image = draw_slice(axes, plane, voxel, "viridis", scale)
        axes.set_title("mean " + mean_format.format(mean), fontsize=8)
    # One range for all models, so that the paler one is the better one.
    worst = max((error_range(part) for part in parts), key=lambda norm: norm.vmax)
    for axes, part in zip(errors, parts, strict=True):
        error = draw_slice(axes, part.error, voxel, "RdBu_r", worst)
    line[0].set_ylabel(f"frame {frame}\nDOL {sample.dol[frame]:.3f}\nx (µm)")
    figure.colorbar(image, ax=line[0], label=unit, extend="both", aspect=14, pad=0.02)
    figure.colorbar(error, ax=errors[-1], label=unit, extend="both", aspect=14, pad=0.02)
