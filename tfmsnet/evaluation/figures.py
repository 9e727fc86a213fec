"""The figures of a report and of a sample: slices of fields, curves, errors over the frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tfmsnet.evaluation.candidates import Fields
from tfmsnet.evaluation.curve import DischargeCurve, frame_means
from tfmsnet.evaluation.scores import Scores
from tfmsnet.evaluation.style import COLOURS, LINES, MARKERS, colour_map, look, new_figure, thinned_out
from tfmsnet.evaluation.tables import loads_of
from tfmsnet.fields import FIELDS
from tfmsnet.records.sample import Sample

ROWS = 3
# What the colours of the first two columns are, and the mean's unit and digits.
_SHOWN = {
    "concentration": ("Concentration", "{:.2f} mol/L"),
    "potential": ("Potential minus its mean", "{:.4f} V"),
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
    drawn = FIELDS[field]
    if drawn.error_unit != drawn.shown_unit:  # what varies is far smaller than the mean
        with np.errstate(invalid="ignore"):  # a diverged prediction has no mean to be taken away
            true, guess = true - true_mean, guess - predicted_mean
    planes = (values * drawn.error_factor for values in (true, guess, error))
    return Slice(*planes, true_mean * drawn.shown_factor, predicted_mean * drawn.shown_factor)


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
        figure.suptitle(f"{_SHOWN[field][0]} under {sample.load_name}", fontsize=10.5)
    return figure


def _draw_row(figure: Figure, line, parts: Sequence[Slice], sample: Sample, field: str, frame: int) -> None:
    voxel, unit, mean_format = sample.voxel_size_m, FIELDS[field].error_unit, _SHOWN[field][1]
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


def shown(cases: Sequence[Scores]) -> list[str]:
    """The loads of some cases that a figure has room for."""
    return thinned_out(loads_of(cases))


def curve_figure(cases: Sequence[Scores]) -> Figure:
    """Curves per load, true and predicted; beside them, the errors of all samples.

    Constant currents over degree of lithiation in one row, other loads over time in a row each.

    Args:
        cases: of one predictor that has both fields, on all samples. The first sample under each load is
            drawn on the left, all of them on the right, frame by frame.
    """
    constant = [case for case in cases if not case.in_time]
    changing = [case for case in cases if case.in_time]
    rows = [constant] if constant else []
    rows += [[case for case in changing if case.load == load] for load in shown(changing)]
    with look():
        figure = new_figure(9.0, 3.8 * len(rows))
        for (left, right), row in zip(figure.subplots(len(rows), 2, squeeze=False), rows, strict=True):
            for index, load in enumerate(shown(row)):
                of_load = [case for case in row if case.load == load]
                style = {"color": _colour(index), "marker": MARKERS[index % len(MARKERS)]}
                _draw_curves(left, of_load[0], style)
                _draw_errors(right, of_load, style)
            _finish(left, right, row[0])
    return figure


def _colour(index: int) -> str:
    return COLOURS[(2, 0, 1, 3)[index % 4]]


def _abscissa(case: Scores, curve: DischargeCurve) -> np.ndarray:
    return curve.times_s / 3600 if case.in_time else curve.dol


def _draw_curves(axes: Axes, case: Scores, style: dict) -> None:
    true, found = case.true_curve, case.curve
    axes.plot(_abscissa(case, true), true.voltage_v, color=style["color"], label=f"{case.load} simulated")
    axes.plot(
        _abscissa(case, found)[1:],
        found.voltage_v[1:],
        linestyle="none",
        markersize=4.5,
        markerfacecolor="white",
        label=f"{case.load} predicted",
        **style,
    )


def _draw_errors(axes: Axes, cases: Sequence[Scores], style: dict) -> None:
    for number, case in enumerate(cases):
        error_mv = 1e3 * (case.curve.voltage_v - case.true_curve.voltage_v)
        axes.plot(
            _abscissa(case, case.true_curve)[1:],
            error_mv[1:],
            linewidth=1.0,
            markersize=3.0,
            alpha=0.8,
            label=case.load if number == 0 else None,
            **style,
        )


def _finish(left: Axes, right: Axes, case: Scores) -> None:
    for axes in (left, right):
        axes.set_xlabel("time (h)" if case.in_time else "mean degree of lithiation")
    left.set_ylabel("voltage against Li/Li$^+$ (V)")
    left.set_title("First held-out sample under each load")
    left.legend()
    right.axhline(0.0, color="#888888", linewidth=0.8, zorder=1)
    right.set_ylabel("predicted minus simulated (mV)")
    right.set_title(f"Error of the voltage, all held-out samples, {case.model}")
    lowest, highest = right.get_ylim()
    reach = max(1.0, np.abs([lowest, highest]).max())
    right.set_ylim(-1.25 * reach, 1.25 * reach)
    right.legend(loc="upper center", ncols=len(right.get_legend_handles_labels()[0]))


PAPER_BOUND_PERCENT = 2.0
# Lower errors are drawn here: on a logarithmic axis, 0 and rounding have no place.
_FLOOR = 1e-3


def mean_error_figure(cases: Sequence[Scores]) -> Figure:
    """Error of the mean over the frames (the paper's figure 5): a panel per field and load.

    Args:
        cases: of all predictors, on all samples; lines are medians over the samples under a load.
    """
    bound = (PAPER_BOUND_PERCENT, f"{PAPER_BOUND_PERCENT:g} %: the bound that the paper states")
    figure = _figure(cases, "mean_error_percent", "error of the mean (%)", bound)
    for axes in figure.axes:
        axes.set_ylim(bottom=_FLOOR)
    return figure


def vrmse_figure(cases: Sequence[Scores]) -> Figure:
    """VRMSE over the frames: a panel per field and load, with the line at 1, the frame's true mean.

    Args:
        cases: of all predictors, on all samples; lines are medians over the samples under a load.
    """
    return _figure(cases, "vrmse", "VRMSE", (1.0, "1: the true mean everywhere"))


def pattern_figure(cases: Sequence[Scores]) -> Figure:
    """Pattern error over the frames: the VRMSE with the error of the mean taken away.

    Args:
        cases: of all predictors, on all samples; lines are medians over the samples under a load.
    """
    return _figure(cases, "pattern_error", "pattern error", (1.0, "1: any uniform field"))


def _figure(cases: Sequence[Scores], metric: str, label: str, reference: tuple[float, str]) -> Figure:
    fields = [field for field in FIELDS if any(getattr(case, field) for case in cases)]
    loads = shown(cases)
    models = list(dict.fromkeys(case.model for case in cases))
    with look():
        figure = new_figure(2.2 + 2.3 * len(loads), 1.0 + 2.3 * len(fields))
        panels = figure.subplots(len(fields), len(loads), sharex=True, sharey="row", squeeze=False)
        for row, field in zip(panels, fields, strict=True):
            for axes, load in zip(row, loads, strict=True):
                _draw(axes, [case for case in cases if case.load == load], models, field, metric)
                axes.axhline(reference[0], color="#999999", linewidth=0.9, zorder=1, label=reference[1])
                axes.set_title(f"{field}, {load}")
            row[0].set_ylabel(label)
        for axes in panels[-1]:
            axes.set_xlabel("frame")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw(axes: Axes, cases: Sequence[Scores], models: list[str], field: str, metric: str):
    for index, model in enumerate(models):
        scores = [getattr(case, field) for case in cases if case.model == model]
        median = median_over_samples([getattr(score, metric) for score in scores if score])
        axes.plot(
            np.arange(1, len(median) + 1),
            np.maximum(median, _FLOOR),
            color=COLOURS[index % len(COLOURS)],
            linestyle=LINES[index % len(LINES)],
            # The model is the one that is judged: on top, and thicker.
            linewidth=2.2 if index == 0 else 1.4,
            zorder=3.0 - 0.01 * index,
            label=model,
        )
    axes.set_yscale("log")
    axes.margins(x=0.02)


def median_over_samples(curves: Sequence[np.ndarray]) -> np.ndarray:
    """The median at each frame of curves that may differ in length; (frame,)."""
    longest = max((len(curve) for curve in curves), default=0)
    return np.array([np.median([c[i] for c in curves if len(c) > i]) for i in range(longest)])


_LABELS = {"concentration": "concentration", "potential": "potential\nminus its mean"}
_SHARES = (1 / 3, 2 / 3, 1)


def discharge_figure(sample: Sample, title: str) -> Figure:
    """Voltage over degree of lithiation, a mark per frame; under a load that changes, over time as well."""
    with look():
        changes = not sample.is_constant_current
        figure = new_figure(9.5 if changes else 5.5, 4.0)
        *in_time, axes = figure.subplots(1, 2, squeeze=False)[0] if changes else [figure.subplots()]
        axes.plot(sample.dol, sample.voltage_v, "o-", color=COLOURS[0], markersize=3)
        axes.set(xlabel="mean degree of lithiation", ylabel="voltage (V)")
        for axis in in_time:
            axis.plot(sample.times_s / 3600, sample.voltage_v, "o-", color=COLOURS[0], markersize=3)
            axis.set(xlabel="time (h)", ylabel="voltage (V)")
            current = axis.twinx()
            current.step(
                sample.times_s / 3600, sample.c_rate_profile, where="pre", color="#888888", linewidth=0.9
            )
            current.set_ylabel("C-rate (1/h)", color="#888888")
            current.grid(visible=False)
        if in_time:
            figure.suptitle(title)
        else:
            axes.set_title(title)
    return figure


def fields_figure(sample: Sample) -> Figure:
    """Both fields in the middle x-z plane, at a third, two thirds and the end of the discharge."""
    frames = np.unique([round(share * (sample.frames - 1)) for share in _SHARES])
    shown = [field for field in FIELDS if getattr(sample, field).any()]
    width, _, depth = sample.grid
    with look():
        panel_in = 2.75
        row_in = panel_in * width / depth + 0.55
        figure = new_figure(len(frames) * (panel_in + 0.9) + 0.6, len(shown) * row_in + 0.4)
        cells = figure.subplots(len(shown), len(frames), squeeze=False, sharex=True, sharey=True)
        for row, field in zip(cells, shown, strict=True):
            label, unit = _LABELS[field], FIELDS[field].error_unit
            for axes, frame in zip(row, frames, strict=True):
                part = take_slice(sample, sample, field, frame)
                drawn = draw_slice(axes, part.true, sample.voxel_size_m, "viridis", value_range(part))
                moment = f"{sample.times_s[frame]:.0f} s, DOL {sample.dol[frame]:.2f}"
                axes.set_title(moment)
                figure.colorbar(drawn, ax=axes, label=unit, extend="both", aspect=14, pad=0.02)
            row[0].set_ylabel(f"{label}\nx (µm)")
        for axes in cells[-1]:
            axes.set_xlabel("depth from the collector (µm)")
    return figure
