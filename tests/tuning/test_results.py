"""The table and the Pareto front."""

from tfmsnet.plots.style import png
from tfmsnet.tuning.results import Row, pareto, pareto_figure, table


def row(trial_id, vrmse, parameters, seconds=0.1, status="COMPLETED", note=""):
    outcome = {"vrmse": vrmse, "parameters": parameters, "seconds_per_rollout": seconds, "steps": 9}
    return Row(trial_id, status, {"filters": 8}, 0, outcome if status == "COMPLETED" else {}, note)


ROWS = [
    row("3", 0.1, 1000),
    row("1", 0.2, 100),
    row("0", 0.3, 100),
    row("2", 0.4, 10, 0.2),
    row("5", 0.5, 50),
    row("4", 0, 0, status="FAILED", note="out of memory"),
]


def test_the_front_holds_what_nothing_beats():
    assert [r.trial_id for r in pareto(ROWS, "parameters")] == ["2", "1", "3"]
    assert [r.trial_id for r in pareto(ROWS, "seconds_per_rollout")] == ["3"]


def test_the_table_shows_scores_and_failures():
    lines = table(ROWS, most=6).splitlines()
    assert len(lines) == 7
    assert "0.1000" in lines[1]
    assert "1,000" in lines[1]
    assert "failed" in lines[6]
    assert "out of memory" in lines[6]
    assert "3 more" in table(ROWS, most=3)


def test_the_plot_is_a_picture():
    figure = pareto_figure(ROWS)
    assert [axes.get_xlabel() for axes in figure.axes] == ["parameters", "seconds per rollout"]
    assert png(figure)[:4] == b"\x89PNG"
