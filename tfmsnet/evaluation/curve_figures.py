"""Discharge curves, true and predicted (the paper's figure 8)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfmsnet.evaluation.scores import Scores
from tfmsnet.evaluation.style import COLOURS, MARKERS, look, new_figure, shown


def curve_figure(cases: Sequence[Scores]) -> Figure:
    """Voltage over degree of lithiation per C-rate, true and predicted; beside it, the error of all samples.

    Args:
        cases: of one predictor that has both fields, on all samples. The first sample of each C-rate is
            drawn on the left, all of them on the right, frame by frame.
    """
    rates = shown([case.c_rate for case in cases])
    with look():
        figure = new_figure(9.0, 3.8)
        left, right = figure.subplots(1, 2)
        for index, rate in enumerate(rates):
            at_rate = [case for case in cases if case.c_rate == rate]
            style = {"color": _colour(index), "marker": MARKERS[index % len(MARKERS)]}
            _draw_curves(left, at_rate[0], rate, style)
            _draw_errors(right, at_rate, rate, style)
        _finish(left, right, cases[0].model)
    return figure


def _colour(index: int) -> str:
    return COLOURS[(2, 0, 1, 3)[index % 4]]


def _draw_curves(axes: Axes, case: Scores, rate: float, style: dict) -> None:
    axes.plot(*case.true_curve, color=style["color"], label=f"{rate:g}C simulated")
    axes.plot(
        case.curve.dol[1:],
        case.curve.voltage_v[1:],
        linestyle="none",
        markersize=4.5,
        markerfacecolor="white",
        label=f"{rate:g}C predicted",
        **style,
    )


def _draw_errors(axes: Axes, cases: Sequence[Scores], rate: float, style: dict) -> None:
    for number, case in enumerate(cases):
        error_mv = 1e3 * (case.curve.voltage_v - case.true_curve.voltage_v)
        axes.plot(
            case.true_curve.dol[1:],
            error_mv[1:],
            linewidth=1.0,
            markersize=3.0,
            alpha=0.8,
            label=f"{rate:g}C" if number == 0 else None,
            **style,
        )


def _finish(left: Axes, right: Axes, model: str) -> None:
    for axes in (left, right):
        axes.set_xlabel("mean degree of lithiation")
    left.set_ylabel("voltage against Li/Li$^+$ (V)")
    left.set_title("First held-out sample of each C-rate")
    left.legend()
    right.axhline(0.0, color="#888888", linewidth=0.8, zorder=1)
    right.set_ylabel("predicted minus simulated (mV)")
    right.set_title(f"Error of the voltage, all held-out samples, {model}")
    lowest, highest = right.get_ylim()
    reach = max(1.0, np.abs([lowest, highest]).max())
    right.set_ylim(-1.25 * reach, 1.25 * reach)
    right.legend(loc="upper center", ncols=len(right.get_legend_handles_labels()[0]))
