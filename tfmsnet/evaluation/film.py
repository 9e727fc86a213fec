"""A film of planes that change from frame to frame, as a GIF."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tfmsnet.evaluation.slice_figures import draw_slice
from tfmsnet.evaluation.style import look, new_figure
from tfmsnet.files import replacing

FRAMES_PER_SECOND = 5
Move = Callable[[int], None]


@dataclass(frozen=True)
class Panel:
    """One plane of the film.

    Attributes:
        planes: per frame (x, z), NaN outside the phase.
        colours: name of a Matplotlib colour map.
        scale: the colours' range, in `unit`; neighbours of one scale share a colour bar.
        unit: label of the colour bar.
    """

    planes: Sequence[np.ndarray]
    colours: str
    scale: Normalize
    unit: str


def widest(scales: Sequence[Normalize]) -> Normalize:
    """The range that holds all of them: one for the whole film."""
    return Normalize(min(scale.vmin for scale in scales), max(scale.vmax for scale in scales))


def write_film(
    path: str | Path,
    rows: dict[str, Sequence[Panel]],
    columns: Sequence[str],
    voxel_size_m: float,
    title: Callable[[int], str],
    curve: Callable[[Axes], Move] | None,
) -> None:
    """Write a GIF with the depth to the right; the file is whole or absent.

    Args:
        path: of the GIF.
        rows: label -> a panel per column.
        columns: their titles.
        voxel_size_m: edge of a voxel, m.
        title: of a frame.
        curve: draws what stands below the panels and returns the function that moves it to a frame.
    """
    frames = len(next(iter(rows.values()))[0].planes)
    with look(), replacing(path) as partial:
        figure, move = _scene(rows, columns, voxel_size_m, title, curve)
        writer = PillowWriter(fps=FRAMES_PER_SECOND)
        # Pillow goes by the file's suffix, which a temporary name may lack.
        whole = partial.with_name(partial.name + ".gif")
        try:
            with writer.saving(figure, str(whole), dpi=90):
                for frame in range(frames):
                    move(frame)
                    writer.grab_frame(facecolor="white")
            whole.replace(partial)
        finally:
            whole.unlink(missing_ok=True)


def _scene(rows, columns, voxel_size_m, title, curve) -> tuple[Figure, Move]:
    """The figure, and the function that moves it to a frame."""
    panels = next(iter(rows.values()))
    width, depth = panels[0].planes[0].shape
    row_in = 2.6 * width / depth + 0.45
    width_in = 2.3 * len(columns) + 0.75 * len(_sharing(panels)) + 0.6
    figure = new_figure(width_in, len(rows) * row_in + (2.4 if curve else 0.0) + 0.7)
    parts = figure.subfigures(2, 1, height_ratios=[len(rows) * row_in, 2.2]) if curve else [figure]
    cells = parts[0].subplots(len(rows), len(columns), squeeze=False, sharex=True, sharey=True)
    images = []
    for line, (label, panels) in zip(cells, rows.items(), strict=True):
        images += zip(_draw_row(parts[0], line, panels, voxel_size_m), panels, strict=True)
        line[0].set_ylabel(f"{label}\nx (µm)")
    for axes, text in zip(cells[0], columns, strict=True):
        axes.set_title(text)
    for axes in cells[-1]:
        axes.set_xlabel("depth from the collector (µm)")
    move_curve = curve(parts[1].subplots()) if curve else None
    heading = figure.suptitle(" ")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once; only the contents move

    def move(frame: int) -> None:
        for image, panel in images:
            image.set_data(np.ma.masked_invalid(panel.planes[frame]))
        if move_curve:
            move_curve(frame)
        heading.set_text(title(frame))

    return figure, move


def _sharing(panels: Sequence[Panel]) -> list[list[int]]:
    """Numbers of the panels that share a colour bar."""
    return [list(group) for _, group in groupby(range(len(panels)), key=lambda i: id(panels[i].scale))]


def _draw_row(part: Figure, line, panels: Sequence[Panel], voxel_size_m: float) -> list[AxesImage]:
    images = [
        draw_slice(axes, panel.planes[0], voxel_size_m, panel.colours, panel.scale)
        for axes, panel in zip(line, panels, strict=True)
    ]
    for group in _sharing(panels):
        first, pad = group[0], 0.02 if len(group) == 1 else 0.01
        over = [line[i] for i in group]
        part.colorbar(images[first], ax=over, label=panels[first].unit, extend="both", aspect=14, pad=pad)
    return images
