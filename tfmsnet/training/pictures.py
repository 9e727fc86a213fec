"""What TensorBoard shows of one discharge: slices true | predicted | error, and the discharge curve."""

from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

UNITS = {"concentration": "mol/m³", "potential": "V"}
OUTSIDE = "#d9d9d9"


@dataclass(frozen=True)
class Range:
    """The colour range of a field's pictures: of the true field over all frames, so that it never moves.

    Attributes:
        low, high: of true and predicted.
        error: the error's range is -error..error.
    """

    low: float
    high: float
    error: float

    @classmethod
    def of(cls, true: np.ndarray, phase: np.ndarray) -> "Range":
        """Of a field (time, x, y, z) over its phase (x, y, z) bool."""
        inside = true[:, phase]
        spread = float((inside - inside.mean(1, keepdims=True)).std())
        return cls(float(inside.min()), float(inside.max()), max(3 * spread, 1e-6))


def slices(true: np.ndarray, predicted: np.ndarray, phase: np.ndarray, frames: list[int], field: str, shown):
    """The middle x-z plane at some frames, a row each: true, predicted, predicted - true.

    Args:
        true, predicted: (time, x, y, z).
        phase: (x, y, z) bool, where the field lives.
        frames: which are shown.
        field: its name.
        shown: the colour `Range`.

    Returns:
        (height, width, 3) uint8.
    """
    middle = true.shape[2] // 2
    hidden = ~phase[:, middle]
    figure = Figure(figsize=(9, 0.5 + 1.15 * len(frames)), layout="constrained")
    axes = figure.subplots(len(frames), 3, squeeze=False)
    for row, frame in zip(axes, frames, strict=True):
        truth, guess = true[frame, :, middle], predicted[frame, :, middle]
        kinds = (
            ("true", truth, "viridis"),
            ("predicted", guess, "viridis"),
            ("error", guess - truth, "RdBu_r"),
        )
        for axis, (title, plane, colours) in zip(row, kinds, strict=True):
            low, high = (-shown.error, shown.error) if title == "error" else (shown.low, shown.high)
            picture = axis.imshow(np.ma.array(plane, mask=hidden), cmap=colours, vmin=low, vmax=high)
            axis.set(xticks=[], yticks=[], facecolor=OUTSIDE)
            if frame == frames[0]:
                axis.set_title(title if title != "error" else "predicted - true", fontsize=9)
            if frame == frames[-1] and title != "true":
                column = axes[:, 2] if title == "error" else axes[:, :2]
                bar = figure.colorbar(picture, ax=column.ravel().tolist(), shrink=0.8)
                bar.ax.tick_params(labelsize=7)
                bar.set_label(f"{field} / {UNITS[field]}", fontsize=8)
        row[0].set_ylabel(f"frame {frame}", fontsize=8)
    return _pixels(figure)


def curve(dol: np.ndarray, true_v: np.ndarray, predicted_v: np.ndarray):
    """The discharge curve, (time,) each.

    Returns:
        (height, width, 3) uint8.
    """
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(dol, true_v, "k-", label="true")
    axis.plot(dol, predicted_v, "C3--", label="predicted")
    low, high = float(true_v.min()), float(true_v.max())
    margin = 0.15 * max(high - low, 1e-3)
    axis.set(xlabel="degree of lithiation", ylabel="voltage / V", ylim=(low - margin, high + margin))
    axis.legend(frameon=False)
    return _pixels(figure)


def _pixels(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(100)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
