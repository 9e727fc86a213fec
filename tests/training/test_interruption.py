"""A run that is stopped at any moment ends, continued, with the weights and the log of one that wasn't."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tfmsnet.model.store import load_surrogate
from tfmsnet.training import callbacks
from tfmsnet.training.run import train
from tfmsnet.training.signals import Interrupted, StopRequest


def assert_same(run, other):
    for one, two in zip(load_surrogate(run).get_weights(), load_surrogate(other).get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert (run / "log.csv").read_text() == (other / "log.csv").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_a_second_one_acts(number):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        os.kill(os.getpid(), number)
        assert stop.wanted
        assert stop.signal == number
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before


def test_a_signal_in_the_middle_of_an_epoch(records, run, make_config, tmp_path, monkeypatch):
    begin = callbacks.Progress.on_train_begin

    def signalled(self, logs=None):
        begin(self, logs)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(callbacks.Progress, "on_train_begin", signalled)
    with pytest.raises(Interrupted, match="stopped by SIGTERM after step 1 of 4, saved; the same") as stop:
        train(records, tmp_path / "run", make_config())
    assert stop.value.status == 128 + signal.SIGTERM
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-000000001"]
    monkeypatch.undo()
    train(records, tmp_path / "run", make_config())
    assert_same(run, tmp_path / "run")


# The command line, killed by its own hand: argv[1] is what is killed, [2] the how many-th call, [3] when.
KILLED = """
import importlib, os, signal, sys
import tensorflow as tf
from tfmsnet.cli.main import main

place, count, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
del sys.argv[1:4]
module, cls, name = place.rsplit(".", 2)
owner = getattr(importlib.import_module(module), cls)
original, calls = getattr(owner, name), []

def call(*args, **kwargs):
    calls.append(None)
    if len(calls) == count and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **kwargs)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, call)
main()
"""
POINTS = {
    "before the first step": ("tfmsnet.training.checkpoints.Checkpoints.restore", 1, "before"),
    "in the middle of the first epoch": ("tfmsnet.training.loop.Tally.add", 1, "after"),
    "while the first checkpoint is written": ("tensorflow.train.Checkpoint.write", 1, "after"),
    "between checkpoint and weights": ("tfmsnet.training.checkpoints.Checkpoints.save", 1, "after"),
    "while the weights are written": ("tfmsnet.model.surrogate.Surrogate.save_weights", 1, "after"),
    "between log and checkpoint": ("tfmsnet.training.callbacks.Log.on_epoch_end", 2, "after"),
    "in the middle of the second epoch": ("tfmsnet.training.loop.Tally.add", 3, "before"),
    "after the last checkpoint": ("tfmsnet.training.checkpoints.Checkpoints.save", 2, "after"),
}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_moment(records, run, make_config, tmp_path, point):
    make_config().save(tmp_path / "config.json")
    arguments = ("train", records, "--out", tmp_path / "run", "--config", tmp_path / "config.json")
    place = map(str, (*POINTS[point], *arguments))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *place], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-1000:]
    train(records, tmp_path / "run", make_config())
    assert_same(run, tmp_path / "run")
