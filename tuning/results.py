"""What a search found: its trials as files, tables and the Pareto plot."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, write_text
from tfmsnet.plots.style import COLOURS, look, new_figure
from tfmsnet.seals import read_sealed
from tfmsnet.tuning.space import Point, Space
from tfmsnet.tuning.tuner import OUTCOME, PROJECT, shown


@dataclass(frozen=True)
class Row:
    """A trial.

    Attributes:
        trial_id, status: KerasTuner's.
        point: values of the dimensions.
        epochs: after which it was scored, 0 where that is the whole run.
        outcome: see `tfmsnet.tuning.trial.Outcome`; empty for a trial that isn't complete.
        note: why it failed, or that its time was over.
    """

    trial_id: str
    status: str
    point: Point
    epochs: int
    outcome: dict
    note: str

    @property
    def is_complete(self) -> bool:
        """Whether it has a score."""
        return self.status == "COMPLETED" and "vrmse" in self.outcome


def read_rows(out: Path, space: Space) -> list[Row]:
    """All trials of a search, those with a score first, the best of them first."""
    rows = [_row(path.parent, space) for path in sorted((out / PROJECT).glob("trial_*/trial.json"))]
    return sorted(rows, key=lambda row: row.outcome["vrmse"] if row.is_complete else float("inf"))


def _row(folder: Path, space: Space) -> Row:
    trial = read_sealed(folder / "trial.json", "a trial")
    values = trial["hyperparameters"]["values"]
    outcome = {}
    if (folder / OUTCOME).is_file():
        outcome = read_sealed(folder / OUTCOME, "a trial's outcome")
    note = "out of time" if outcome.get("out_of_time") else ""
    if trial["status"] != "COMPLETED":
        message = outcome.get("failure") or trial.get("message") or ""
        note = message.strip().splitlines()[-1] if message.strip() else trial["status"].lower()
    return Row(
        trial["trial_id"],
        trial["status"],
        {name: values[name] for name in space.describe()},
        values.get("tuner/epochs", 0),
        outcome,
        note,
    )


def pareto(rows: Sequence[Row], cost: str) -> list[Row]:
    """The complete trials that no other one beats in both error and cost, the cheapest first."""
    front: list[Row] = []
    for row in sorted(
        (row for row in rows if row.is_complete),
        key=lambda row: (row.outcome[cost], row.outcome["vrmse"]),
    ):
        if not front or row.outcome["vrmse"] < front[-1].outcome["vrmse"]:
            front.append(row)
    return front


def table(rows: Sequence[Row], most: int = 15) -> str:
    """The first rows as text."""
    lines = [f"{'trial':>6} {'vRMSE':>8} {'parameters':>11} {'s/rollout':>10} {'steps':>7}  point"]
    for row in rows[:most]:
        if row.is_complete:
            o = row.outcome
            numbers = (
                f"{o['vrmse']:8.4f} {o['parameters']:11,} {o['seconds_per_rollout']:10.3f} {o['steps']:7}"
            )
        else:
            numbers = f"{'failed' if row.status == 'FAILED' else row.status.lower():>8}{'':31}"
        note = f" [{row.note[:80]}]" if row.note else ""
        lines.append(f"{row.trial_id:>6} {numbers}  {shown(row.point)}{note}")
    if len(rows) > most:
        lines.append(f"... and {len(rows) - most} more in trials.csv")
    return "\n".join(lines)


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """All rows with all their numbers."""
    costs = ("vrmse", "parameters", "seconds_per_rollout", "steps", "minutes")
    scores = sorted({name for row in rows for name in row.outcome.get("scores", {})})
    point = list(rows[0].point) if rows else []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "status", *costs, *scores, *point, "note"])
    for row in rows:
        writer.writerow(
            [
                row.trial_id,
                row.status,
                *(row.outcome.get(name, "") for name in costs),
                *(row.outcome.get("scores", {}).get(name, "") for name in scores),
                *row.point.values(),
                row.note,
            ]
        )
    write_text(path, text.getvalue())


def check_search(path: Path, content: dict) -> None:
    """Refuse to go on with another search.

    Args:
        path: search.json of the directory.
        content: what this search is.

    Raises:
        UserError: names what differs.
    """
    found = read_json(path, "a search")
    for key, value in json.loads(json.dumps(content)).items():
        if found.get(key) != value:
            raise UserError(
                f"{path.parent}: holds another search ({key}: {found.get(key)!r} there, {value!r} here); "
                "choose another --out, or remove it"
            )


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
