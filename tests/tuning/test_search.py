"""Searches from beginning to end, on networks of some hundred weights."""

from dataclasses import replace

import pytest

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.training.callbacks import Diverged
from tfmsnet.training.config import load_config
from tfmsnet.training.loop import Interrupted
from tfmsnet.tuning import tuner as tuners
from tfmsnet.tuning.search import search
from tfmsnet.tuning.trial import Outcome


class Killed(BaseException):
    """What nothing may catch."""


def fake_trial(**replaced):
    """A trial without training: the error falls with the filters."""

    def run(config, records, run, **options):
        outcome = Outcome(
            1 / config.network.options.filters,
            {"vrmse_concentration": 0.0},
            100,
            0.1,
            3,
            0.1,
            out_of_time=False,
        )
        return replace(outcome, **replaced)

    return run


@pytest.fixture
def quiet():
    return lambda line: None


def test_a_kill_in_a_trial_costs_nothing_but_that_trial(judged, make_plan, tmp_path, monkeypatch, quiet):
    plan = make_plan("filters=2,4,8", tuner="random")
    seen = []

    def killed(config, *arguments, **options):
        seen.append(config.network.options.filters)
        if len(seen) == 2:
            raise Killed
        return fake_trial()(config, *arguments, **options)

    monkeypatch.setattr(tuners, "run_trial", killed)
    with pytest.raises(Killed):
        search(judged, tmp_path / "out", plan, report=quiet)
    assert not (tmp_path / "out" / "best.json").exists()
    rows = search(judged, tmp_path / "out", plan, report=quiet)
    assert sorted(seen) == sorted([2, 4, 8, seen[1]])
    assert [row.point["filters"] for row in rows] == [8, 4, 2]
    assert [row.status for row in rows] == ["COMPLETED"] * 3
    # Called once more, a search that is done only writes its results again.
    assert len(search(judged, tmp_path / "out", plan, report=quiet)) == 3
    assert len(seen) == 4


def test_failed_trials_are_in_the_table_and_the_search_goes_on(
    judged, make_plan, tmp_path, monkeypatch, quiet
):
    tries = []

    def failing(config, *arguments, **options):
        tries.append(config.network.options.filters)
        if config.network.options.filters == 4:
            raise MemoryError("no memory left")
        if config.network.options.filters == 8:
            raise Diverged("the loss became nan")
        return fake_trial()(config, *arguments, **options)

    monkeypatch.setattr(tuners, "run_trial", failing)
    rows = search(judged, tmp_path / "out", make_plan("filters=2,4,8,16", tuner="random"), report=quiet)
    assert sorted(tries) == [2, 4, 4, 8, 16]  # what diverges would diverge again
    assert [row.point["filters"] for row in rows[:2]] == [16, 2]
    assert {row.note for row in rows[2:]} == {"MemoryError: no memory left", "Diverged: the loss became nan"}
    assert load_config(tmp_path / "out" / "best.json").network.options.filters == 16
    assert (tmp_path / "out" / "trials.csv").read_text().count("\n") == 5


def test_an_interruption_stops_the_search_and_counts_as_no_failure(
    judged, make_plan, tmp_path, monkeypatch, quiet
):
    plan = make_plan("filters=2,4", tuner="random")
    interruptions = iter([True, True, True, False, False])

    def interrupted(config, *arguments, **options):
        if next(interruptions):
            raise Interrupted("stopped", 15)
        return fake_trial()(config, *arguments, **options)

    monkeypatch.setattr(tuners, "run_trial", interrupted)
    for _ in range(3):
        with pytest.raises(Interrupted):
            search(judged, tmp_path / "out", plan, report=quiet)
    rows = search(judged, tmp_path / "out", plan, report=quiet)
    assert [row.status for row in rows] == ["COMPLETED"] * 2


def test_a_search_without_a_score_says_why(judged, make_plan, tmp_path, monkeypatch, quiet):
    def failing(*arguments, **options):
        raise MemoryError("no memory left")

    monkeypatch.setattr(tuners, "run_trial", failing)
    with pytest.raises(RunFailed, match=r"all trials failed .*no memory left"):
        search(judged, tmp_path / "out", make_plan("filters=2,4", tuner="random"), report=quiet)
    assert "no memory left" in (tmp_path / "out" / "trials.csv").read_text()


def test_what_cannot_be_searched_is_refused_before_anything_is_made(
    judged, records, make_plan, tmp_path, monkeypatch, quiet
):
    out = tmp_path / "out"
    with pytest.raises(UserError, match="split 'validation' is empty"):
        search(records, out, make_plan("filters=2,4"), report=quiet)
    with pytest.raises(UserError, match="nothing to search"):
        search(judged, out, make_plan("filters=2"), report=quiet)
    with pytest.raises(UserError, match="in the name of a directory: TensorFlow takes"):
        search(judged, tmp_path / "out*", make_plan("filters=2,4"), report=quiet)
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(UserError, match="KERASTUNER_ORACLE_PORT and KERASTUNER_TUNER_ID"):
        search(judged, out, make_plan("filters=2,4"), report=quiet)
    assert not list(tmp_path.iterdir())


def test_a_directory_with_something_else_is_refused(judged, make_plan, tmp_path, monkeypatch, quiet):
    monkeypatch.setattr(tuners, "run_trial", fake_trial())
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="new or empty directory"):
        search(judged, foreign, make_plan("filters=2,4", tuner="random"), report=quiet)
    out = tmp_path / "out"
    search(judged, out, make_plan("filters=2,4", tuner="random"), report=quiet)
    before = {path: path.read_bytes() for path in out.rglob("*.json")}
    with pytest.raises(UserError, match=r"holds another search .*filters=2,8"):
        search(judged, out, make_plan("filters=2,8", tuner="random"), report=quiet)
    with pytest.raises(UserError, match=r"holds another search .*hyperband"):
        search(judged, out, make_plan("filters=2,4"), report=quiet)
    assert {path: path.read_bytes() for path in out.rglob("*.json")} == before


def test_hyperband_s_promoted_trials_are_given_the_run_that_they_go_on_from(
    judged, make_plan, tmp_path, monkeypatch, quiet
):
    calls = {}

    def recorded(config, records, run, *, epochs, source, **options):
        calls[run] = (config, epochs, source)
        return fake_trial()(config, records, run)

    monkeypatch.setattr(tuners, "run_trial", recorded)
    search(judged, tmp_path / "out", make_plan("filters=2,3,4", "learning_rate=1e-3..1e-2"), report=quiet)
    promoted = [call for call in calls.values() if call[2]]
    assert promoted
    for config, epochs, source in promoted:
        assert calls[source][0] == config
        assert calls[source][1] < epochs
