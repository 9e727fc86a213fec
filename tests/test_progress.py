"""Progress and notes, in a terminal and without one."""

import io
import sys

import pytest

from tfmsnet import progress
from tfmsnet.progress import note, progress_bar, set_quiet


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves: the list's last number, s."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[-1])
    return now


@pytest.fixture
def quiet():
    set_quiet(True)
    yield
    set_quiet(False)


def test_without_a_terminal_it_is_a_line_now_and_then(clock, capsys):
    with progress_bar("simulating") as advance:
        for second in range(31):
            clock.append(float(second))
            advance(second / 40, f"{second} of 40 done")
    assert capsys.readouterr().err.splitlines() == [
        "simulating: 25 %, 00:10, 00:30 left, 10 of 40 done",
        "simulating: 50 %, 00:20, 00:20 left, 20 of 40 done",
        "simulating: 75 %, 00:30, 00:10 left, 30 of 40 done",
        "simulating: 75 %, 00:30, 00:10 left, 30 of 40 done",
    ]


def test_what_was_done_before_counts_not_for_the_time_left(clock, capsys):
    with progress_bar("training", begin=0.5) as advance:
        clock.append(20.0)
        advance(0.75)
    assert capsys.readouterr().err.splitlines()[0] == "training: 75 %, 00:20, 00:20 left"


def test_in_a_terminal_it_is_a_bar(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("simulating") as advance:
        advance(0.5, "half")
    assert "50%|" in terminal.getvalue()


def test_what_fails_has_no_last_line(capsys):
    with pytest.raises(ValueError, match="broken"), progress_bar("simulating"):
        raise ValueError("broken")
    assert capsys.readouterr().err == ""


def test_quiet(quiet, capsys):
    note("something was chosen")
    with progress_bar("simulating") as advance:
        advance(1.0, "done")
    assert capsys.readouterr().err == ""
