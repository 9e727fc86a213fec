"""The figures of a report: curves of all samples, errors over the frames."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfmsnet.evaluation.scores import Scores
from tfmsnet.evaluation.tables import loads_of
from tfmsnet.fields import FIELDS
from tfmsnet.plots.style import COLOURS, LINES, MARKERS, look, new_figure, thinned_out
from tfmsnet.records.curve import DischargeCurve


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


def contestants_figure(cases: Sequence[Scores]) -> Figure:
    """Error of the curve against that of the concentration: a point per sample and predictor, and medians.

    Args:
        cases: of all predictors, on all samples; those that lack a field are left out.
    """
    with look():
        figure = new_figure(6.5, 5.0)
        axes = figure.subplots()
        for index, model in enumerate(dict.fromkeys(case.model for case in cases)):
            own = [c for c in cases if c.model == model and c.concentration and c.curve is not None]
            found = [(c.curve_error.rmse_mv, c.concentration.summary()["vrmse_median"]) for c in own]
            points = np.array([point for point in found if np.isfinite(point).all()])
            if not len(points):
                continue
            points, style = np.maximum(points, _FLOOR), {"color": COLOURS[index % len(COLOURS)]}
            style["marker"] = MARKERS[index % len(MARKERS)]
            axes.scatter(*points.T, s=9, alpha=0.35, linewidths=0, **style)
            axes.scatter(*np.median(points, axis=0), s=70, edgecolors="black", zorder=3, label=model, **style)
        axes.set(xscale="log", yscale="log")
        axes.set_xlabel("discharge curve, RMSE (mV)")
        axes.set_ylabel("concentration, VRMSE, median over the frames")
        axes.legend()
    return figure


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
