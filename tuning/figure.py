"""The Pareto plot of a search: error against what it costs."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfmsnet.evaluation.style import COLOURS, look, new_figure
from tfmsnet.tuning.results import Row, pareto

AXES = {"parameters": "parameters", "seconds_per_rollout": "seconds per rollout"}


def pareto_figure(rows: Sequence[Row]) -> Figure:
    """Held-out error of all complete trials against parameters and seconds per rollout.

    Trials that ran as long as the longest one are filled, shorter ones hollow; the line joins those that
    no other trial beats in both.
    """
    complete = [row for row in rows if row.is_complete]
    longest = max(row.outcome["steps"] for row in complete)
    with look():
        figure = new_figure(9.0, 3.8)
        for axes, (cost, label) in zip(figure.subplots(1, 2, sharey=True), AXES.items(), strict=True):
            _draw(axes, complete, longest, cost)
            axes.set_xlabel(label)
        figure.axes[0].set_ylabel("vRMSE of held-out rollouts")
        figure.axes[0].legend()
    return figure


def _draw(axes: Axes, rows: Sequence[Row], longest: int, cost: str) -> None:
    for whole, face, label in ((True, COLOURS[2], "whole runs"), (False, "white", "shorter trials")):
        chosen = [row for row in rows if (row.outcome["steps"] >= longest) == whole]
        if chosen:
            axes.plot(
                [row.outcome[cost] for row in chosen],
                [row.outcome["vrmse"] for row in chosen],
                "o",
                color=COLOURS[2],
                markerfacecolor=face,
                markersize=5.0,
                label=label,
            )
    front = pareto(rows, cost)
    axes.plot(
        [row.outcome[cost] for row in front],
        [row.outcome["vrmse"] for row in front],
        drawstyle="steps-post",
        color=COLOURS[1],
        label="not beaten in both",
    )
    for row in front:
        axes.annotate(
            row.trial_id,
            (row.outcome[cost], row.outcome["vrmse"]),
            textcoords="offset points",
            xytext=(4, 4),
            fontsize=7,
        )
    axes.set_xscale("log")
