"""A discharge as a film (the paper's supplementary video): simulated, predicted and error, or one alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tfmsnet.fields import FIELDS
from tfmsnet.files import replacing
from tfmsnet.plots.slices import HasFields, Slice, draw_slice, error_range, take_slice, value_range
from tfmsnet.plots.style import COLOURS, look, new_figure
from tfmsnet.records.curve import discharge_curve
from tfmsnet.records.sample import Sample

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


_DOL, _VOLTAGE = "mean degree of lithiation", "voltage (V)"


def write_animation(sample: Sample, predicted: HasFields, path: str | Path, model: str) -> None:
    """Write a GIF of the middle x-z plane over the frames, with the discharge curve below.

    Fields are drawn against each frame's mean, so that one range of colours serves the whole discharge
    and the pattern shows; the error is the concentration's whole one, the potential's without that of the
    mean, which the curve shows.

    Args:
        predicted: a field that is None has no row; without both there is no curve.
        path: of the GIF.
        model: what to call the predictor.
    """
    fields = [field for field in FIELDS if getattr(predicted, field) is not None]
    rows = {f"{field}\nminus its mean": _compared(sample, predicted, field) for field in fields}

    def draw_curve(axes: Axes) -> Move:
        return _draw_compared_curve(axes, sample, predicted)

    write_film(
        path,
        rows,
        ("simulated", "predicted", "predicted minus simulated"),
        sample.voxel_size_m,
        lambda frame: f"{sample.load_name}, {model}: {_moment(sample, frame)}",
        draw_curve if len(fields) == len(FIELDS) else None,
    )


def write_sample_animation(sample: Sample, path: str | Path) -> None:
    """Write a GIF of one discharge: both fields in the middle x-z plane, whole and against their means.

    Args:
        path: of the GIF.
    """
    write_film(
        path,
        {field: _alone(sample, field) for field in FIELDS},
        ("as it is", "minus its mean"),
        sample.voxel_size_m,
        lambda frame: f"{sample.load_name}: {_moment(sample, frame)}",
        lambda axes: _draw_curve(axes, sample),
    )


def _moment(sample: Sample, frame: int) -> str:
    return f"{sample.times_s[frame]:.0f} s, degree of lithiation {sample.dol[frame]:.3f}"


def _film(sample: Sample, fields: HasFields, field: str) -> list[Slice]:
    """The plane at every frame, against each frame's mean."""
    film = [take_slice(sample, fields, field, frame) for frame in range(sample.frames)]
    if field == "potential":  # is so already
        return film
    return [
        replace(part, true=part.true - part.true_mean, predicted=part.predicted - part.predicted_mean)
        for part in film
    ]


def _compared(sample: Sample, predicted: HasFields, field: str) -> list[Panel]:
    film = _film(sample, predicted, field)
    value, error = (
        widest([measure(part) for part in _with_gradients(film)]) for measure in (value_range, error_range)
    )
    looks = {"true": ("viridis", value), "predicted": ("viridis", value), "error": ("RdBu_r", error)}
    return [
        Panel([getattr(part, name) for part in film], *a_look, FIELDS[field].error_unit)
        for name, a_look in looks.items()
    ]


def _alone(sample: Sample, field: str) -> list[Panel]:
    film = _film(sample, sample, field)
    scale = 1e-3 if field == "potential" else 1.0  # from mV about the mean, which is in V
    whole = [replace(part, true=scale * part.true + part.true_mean) for part in film]
    return [
        Panel(
            [s.true for s in whole],
            "viridis",
            widest([value_range(s) for s in whole]),
            FIELDS[field].shown_unit,
        ),
        Panel(
            [s.true for s in film],
            "viridis",
            widest([value_range(s) for s in _with_gradients(film)]),
            FIELDS[field].error_unit,
        ),
    ]


def _with_gradients(film: list[Slice]) -> list[Slice]:
    """The frames that ranges come from: the first one is the equilibrium."""
    return film[1:] or film


def _draw_compared_curve(axes: Axes, sample: Sample, predicted: HasFields) -> Move:
    true, curve = discharge_curve(sample, sample), discharge_curve(predicted, sample)
    axes.plot(true.dol, true.voltage_v, color=COLOURS[0], label="simulated")
    (marks,) = axes.plot([], [], "o", color=COLOURS[1], markersize=4, label="predicted")
    axes.set(xlabel=_DOL, ylabel=_VOLTAGE)
    axes.legend()

    def move(frame: int) -> None:
        marks.set_data(curve.dol[: frame + 1], curve.voltage_v[: frame + 1])

    return move


def _draw_curve(axes: Axes, sample: Sample) -> Move:
    axes.plot(sample.dol, sample.voltage_v, color=COLOURS[0])
    (mark,) = axes.plot([], [], "o", color=COLOURS[0], markersize=6)
    axes.set(xlabel=_DOL, ylabel=_VOLTAGE)

    def move(frame: int) -> None:
        mark.set_data(sample.dol[frame : frame + 1], sample.voltage_v[frame : frame + 1])

    return move
