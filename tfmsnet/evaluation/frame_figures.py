"""Scores over the frames of a discharge, every predictor beside the model (the paper's figure 5 and on)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfmsnet.evaluation.scores import Scores
from tfmsnet.evaluation.style import COLOURS, LINES, look, new_figure, shown
from tfmsnet.fields import FIELDS

PAPER_BOUND_PERCENT = 2.0
# Lower errors are drawn here: on a logarithmic axis, 0 and rounding have no place.
_FLOOR = 1e-3


def mean_error_figure(cases: Sequence[Scores]) -> Figure:
    """Error of the mean over the frames (the paper's figure 5): a panel per field and C-rate.

    Args:
        cases: of all predictors, on all samples; lines are medians over the samples of a C-rate.
    """
    bound = (PAPER_BOUND_PERCENT, f"{PAPER_BOUND_PERCENT:g} %: the bound that the paper states")
    figure = _figure(cases, "mean_error_percent", "error of the mean (%)", bound)
    for axes in figure.axes:
        axes.set_ylim(bottom=_FLOOR)
    return figure


def vrmse_figure(cases: Sequence[Scores]) -> Figure:
    """VRMSE over the frames: a panel per field and C-rate, with the line at 1, the frame's true mean.

    Args:
        cases: of all predictors, on all samples; lines are medians over the samples of a C-rate.
    """
    return _figure(cases, "vrmse", "VRMSE", (1.0, "1: the true mean everywhere"))


def pattern_figure(cases: Sequence[Scores]) -> Figure:
    """Pattern error over the frames: the VRMSE with the error of the mean taken away.

    Args:
        cases: of all predictors, on all samples; lines are medians over the samples of a C-rate.
    """
    return _figure(cases, "pattern_error", "pattern error", (1.0, "1: any uniform field"))


def _figure(cases: Sequence[Scores], metric: str, label: str, reference: tuple[float, str]) -> Figure:
    fields = [field for field in FIELDS if any(getattr(case, field) for case in cases)]
    rates = shown([case.c_rate for case in cases])
    models = list(dict.fromkeys(case.model for case in cases))
    with look():
        figure = new_figure(2.2 + 2.3 * len(rates), 1.0 + 2.3 * len(fields))
        panels = figure.subplots(len(fields), len(rates), sharex=True, sharey="row", squeeze=False)
        for row, field in zip(panels, fields, strict=True):
            for axes, rate in zip(row, rates, strict=True):
                _draw(axes, [case for case in cases if case.c_rate == rate], models, field, metric)
                axes.axhline(reference[0], color="#999999", linewidth=0.9, zorder=1, label=reference[1])
                axes.set_title(f"{field}, {rate:g}C")
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
