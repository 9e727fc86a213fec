"""A discharge as a film (the paper's supplementary video): simulated, predicted and error."""

from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tfmsnet.evaluation.curve import discharge_curve
from tfmsnet.evaluation.predictor import FIELDS, Fields
from tfmsnet.evaluation.slice_figures import COLUMNS, Slice, draw_slice, error_range, take_slice, value_range
from tfmsnet.evaluation.style import COLOURS, look, new_figure
from tfmsnet.files import replacing
from tfmsnet.records.sample import Sample

FRAMES_PER_SECOND = 5
_UNITS = {"concentration": "mol/L", "potential": "mV"}


def write_animation(sample: Sample, predicted: Fields, path: str | Path, model: str) -> None:
    """Write a GIF of the middle x-z plane over the frames, with the discharge curve below.

    Fields are drawn against each frame's mean, so that one range of colours serves the whole discharge
    and the pattern shows; the error is the whole one.

    Args:
        predicted: a field that is None has no row; without both there is no curve.
        path: of the GIF.
        model: what to call the predictor.
    """
    fields = [field for field in FIELDS if getattr(predicted, field) is not None]
    films = {
        field: [_about_mean(take_slice(sample, predicted, field, t), field) for t in range(sample.frames)]
        for field in fields
    }
    with look(), replacing(path) as partial:
        figure, move = _scene(sample, predicted, films, model)
        writer = PillowWriter(fps=FRAMES_PER_SECOND)
        # Pillow goes by the file's suffix, which a temporary name may lack.
        whole = partial.with_name(partial.name + ".gif")
        try:
            with writer.saving(figure, str(whole), dpi=90):
                for frame in range(sample.frames):
                    move(frame)
                    writer.grab_frame(facecolor="white")
            whole.replace(partial)
        finally:
            whole.unlink(missing_ok=True)


def _about_mean(part: Slice, field: str) -> Slice:
    if field == "potential":  # is so already
        return part
    return Slice(
        part.true - part.true_mean,
        part.predicted - part.predicted_mean,
        part.error,
        part.true_mean,
        part.predicted_mean,
    )


def _scene(sample: Sample, predicted: Fields, films: dict[str, list[Slice]], model: str):
    """The figure, and the function that moves it to a frame."""
    with_curve = len(films) == len(FIELDS)
    width, _, depth = sample.grid
    row_in = 2.6 * width / depth + 0.45
    figure = new_figure(9.0, len(films) * row_in + (2.4 if with_curve else 0.0) + 0.7)
    parts = figure.subfigures(2, 1, height_ratios=[len(films) * row_in, 2.2]) if with_curve else [figure]
    rows = parts[0].subplots(len(films), 3, squeeze=False, sharex=True, sharey=True)
    images = {
        field: _draw_row(parts[0], line, film, sample.voxel_size_m, field)
        for line, (field, film) in zip(rows, films.items(), strict=True)
    }
    for axes, title in zip(rows[0], COLUMNS, strict=True):
        axes.set_title(title)
    for axes in rows[-1]:
        axes.set_xlabel("depth from the collector (µm)")
    move_marker = _draw_curve(parts[1], sample, predicted) if with_curve else None
    title = figure.suptitle(" ")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once; only the contents move

    def move(frame: int) -> None:
        for field, film in films.items():
            values = (film[frame].true, film[frame].predicted, film[frame].error)
            for image, plane in zip(images[field], values, strict=True):
                image.set_data(np.ma.masked_invalid(plane))
        if move_marker:
            move_marker(frame)
        time_s, dol = sample.times_s[frame], sample.dol[frame]
        title.set_text(f"{sample.c_rate:g}C, {model}: {time_s:.0f} s, degree of lithiation {dol:.3f}")

    return figure, move


def _draw_row(part: Figure, line, film: list[Slice], voxel_size_m: float, field: str) -> list[AxesImage]:
    # Ranges from the frames with gradients: the first one is the equilibrium.
    value, error = _widest([value_range(s) for s in film[1:]]), _widest([error_range(s) for s in film[1:]])
    planes = (film[0].true, film[0].predicted, film[0].error)
    looks = (("viridis", value), ("viridis", value), ("RdBu_r", error))
    images = [
        draw_slice(axes, plane, voxel_size_m, *a_look)
        for axes, plane, a_look in zip(line, planes, looks, strict=True)
    ]
    line[0].set_ylabel(f"{field}\nminus its mean\nx (µm)")
    part.colorbar(images[0], ax=list(line[:2]), label=_UNITS[field], extend="both", aspect=14, pad=0.01)
    part.colorbar(images[2], ax=line[2], label=_UNITS[field], extend="both", aspect=14, pad=0.02)
    return images


def _widest(scales: list[Normalize]) -> Normalize:
    return Normalize(min(scale.vmin for scale in scales), max(scale.vmax for scale in scales))


def _draw_curve(part: Figure, sample: Sample, predicted: Fields):
    true, curve = discharge_curve(sample, sample), discharge_curve(predicted, sample)
    axes = part.subplots()
    axes.plot(true.dol, true.voltage_v, color=COLOURS[0], label="simulated")
    (marks,) = axes.plot([], [], "o", color=COLOURS[1], markersize=4, label="predicted")
    axes.set_xlabel("mean degree of lithiation")
    axes.set_ylabel("voltage (V)")
    axes.legend()

    def move(frame: int) -> None:
        marks.set_data(curve.dol[: frame + 1], curve.voltage_v[: frame + 1])

    return move
