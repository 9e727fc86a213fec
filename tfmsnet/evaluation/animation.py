"""A discharge as a film (the paper's supplementary video): simulated, predicted and error, or one alone."""

from dataclasses import replace
from pathlib import Path

from matplotlib.axes import Axes

from tfmsnet.evaluation.candidate import Fields
from tfmsnet.evaluation.curve import discharge_curve
from tfmsnet.evaluation.film import Move, Panel, widest, write_film
from tfmsnet.evaluation.slice_figures import Slice, error_range, take_slice, value_range
from tfmsnet.evaluation.style import COLOURS
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample

_UNITS = {"concentration": "mol/L", "potential": "mV"}
_WHOLE_UNITS = {"concentration": "mol/L", "potential": "V"}
_DOL, _VOLTAGE = "mean degree of lithiation", "voltage (V)"


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
    rows = {f"{field}\nminus its mean": _compared(sample, predicted, field) for field in fields}

    def draw_curve(axes: Axes) -> Move:
        return _draw_compared_curve(axes, sample, predicted)

    write_film(
        path,
        rows,
        ("simulated", "predicted", "predicted minus simulated"),
        sample.voxel_size_m,
        lambda frame: f"{sample.c_rate:g}C, {model}: {_moment(sample, frame)}",
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
        lambda frame: f"{sample.c_rate:g}C: {_moment(sample, frame)}",
        lambda axes: _draw_curve(axes, sample),
    )


def _moment(sample: Sample, frame: int) -> str:
    return f"{sample.times_s[frame]:.0f} s, degree of lithiation {sample.dol[frame]:.3f}"


def _film(sample: Sample, fields: Fields | Sample, field: str) -> list[Slice]:
    """The plane at every frame, against each frame's mean."""
    film = [take_slice(sample, fields, field, frame) for frame in range(sample.frames)]
    if field == "potential":  # is so already
        return film
    return [
        replace(part, true=part.true - part.true_mean, predicted=part.predicted - part.predicted_mean)
        for part in film
    ]


def _compared(sample: Sample, predicted: Fields, field: str) -> list[Panel]:
    film = _film(sample, predicted, field)
    value, error = (
        widest([measure(part) for part in _with_gradients(film)]) for measure in (value_range, error_range)
    )
    looks = {"true": ("viridis", value), "predicted": ("viridis", value), "error": ("RdBu_r", error)}
    return [
        Panel([getattr(part, name) for part in film], *a_look, _UNITS[field])
        for name, a_look in looks.items()
    ]


def _alone(sample: Sample, field: str) -> list[Panel]:
    film = _film(sample, sample, field)
    scale = 1e-3 if field == "potential" else 1.0  # from mV about the mean, which is in V
    whole = [replace(part, true=scale * part.true + part.true_mean) for part in film]
    return [
        Panel(
            [s.true for s in whole], "viridis", widest([value_range(s) for s in whole]), _WHOLE_UNITS[field]
        ),
        Panel(
            [s.true for s in film],
            "viridis",
            widest([value_range(s) for s in _with_gradients(film)]),
            _UNITS[field],
        ),
    ]


def _with_gradients(film: list[Slice]) -> list[Slice]:
    """The frames that ranges come from: the first one is the equilibrium."""
    return film[1:] or film


def _draw_compared_curve(axes: Axes, sample: Sample, predicted: Fields) -> Move:
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
