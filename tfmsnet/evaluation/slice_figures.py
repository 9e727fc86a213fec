"""Slices of true and predicted fields (the paper's figures 6 and 7)."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tfmsnet.evaluation.curve import frame_means
from tfmsnet.evaluation.predictor import Fields, field_mask
from tfmsnet.evaluation.style import colour_map, look, new_figure
from tfmsnet.records.sample import Sample

ROWS = 3
COLUMNS = ("simulated", "predicted", "predicted minus simulated")
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
    mask, plane = field_mask(sample, field), sample.grid[1] // 2
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


def slice_figure(sample: Sample, predicted: Fields, field: str, model: str) -> Figure:
    """Three frames by simulated, predicted and error: figure 6 (concentration) or 7 (potential).

    Args:
        field: "concentration" or "potential".
        model: what to call the predictor in the title.
    """
    rows = np.unique(np.linspace(0, sample.frames - 1, ROWS + 1).round().astype(int))[1:]
    width, depth = sample.grid[0], sample.grid[2]
    with look():
        panel_in = 2.75
        figure = new_figure(3 * panel_in + 1.8, len(rows) * (panel_in * width / depth + 0.4) + 0.7)
        panels = figure.subplots(len(rows), 3, squeeze=False, sharex=True, sharey=True)
        for line, frame in zip(panels, rows, strict=True):
            _draw_row(figure, line, take_slice(sample, predicted, field, frame), sample, field, frame)
        for axes, title in zip(panels[0], COLUMNS, strict=True):
            axes.set_title(f"{title}\n{axes.get_title()}")
        for axes in panels[-1]:
            axes.set_xlabel("depth from the collector (µm)")
        figure.suptitle(f"{_SHOWN[field][0]} at {sample.c_rate:g}C, {model}", fontsize=10.5)
    return figure


def _draw_row(figure: Figure, line, part: Slice, sample: Sample, field: str, frame: int) -> None:
    voxel, (_, unit, mean_format) = sample.voxel_size_m, _SHOWN[field]
    scale = value_range(part)
    image = draw_slice(line[0], part.true, voxel, "viridis", scale)
    draw_slice(line[1], part.predicted, voxel, "viridis", scale)
    error = draw_slice(line[2], part.error, voxel, "RdBu_r", error_range(part))
    for axes, mean in ((line[0], part.true_mean), (line[1], part.predicted_mean)):
        axes.set_title("mean " + mean_format.format(mean), fontsize=8)
    line[0].set_ylabel(f"frame {frame}\nDOL {sample.dol[frame]:.3f}\nx (µm)")
    figure.colorbar(image, ax=list(line[:2]), label=unit, extend="both", aspect=14, pad=0.01)
    figure.colorbar(error, ax=line[2], label=unit, extend="both", aspect=14, pad=0.02)
