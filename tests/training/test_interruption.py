"""A run that is stopped at any moment ends, continued, with the weights and the log of one that wasn't."""

import os
import signal

import numpy as np
import pytest

from tfmsnet.predictors.store import load_predictor
from tfmsnet.training import callbacks
from tfmsnet.training.loop import Interrupted, StopRequest
from tfmsnet.training.run import train


def assert_same(run, other):
    for one, two in zip(load_predictor(run).get_weights(), load_predictor(other).get_weights(), strict=True):
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


STEP = "tfmsnet.training.callbacks.Progress.on_train_batch_end"
POINTS = {
    "before the first step": ("tfmsnet.training.checkpoints.Checkpoints.restore", 1, "before"),
    "in the middle of the first epoch": (
        "tfmsnet.training.callbacks.Progress.on_train_batch_end",
        1,
        "after",
    ),
    "while the first checkpoint is written": ("tensorflow.train.Checkpoint.write", 1, "after"),
    "between checkpoint and weights": ("tfmsnet.training.checkpoints.Checkpoints.save", 1, "after"),
    "while the weights are written": ("keras.Model.save_weights", 1, "after"),
    "between log and checkpoint": ("tfmsnet.training.callbacks.Log.on_epoch_end", 2, "after"),
    "in the middle of the second epoch": (
        "tfmsnet.training.callbacks.Progress.on_train_batch_end",
        3,
        "before",
    ),
    "after the last checkpoint": ("tfmsnet.training.checkpoints.Checkpoints.save", 2, "after"),
}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_moment(records, run, make_config, killed, tmp_path, point):
    make_config().save(tmp_path / "config.json")
    arguments = ("train", records, "--out", tmp_path / "run", "--config", tmp_path / "config.json")
    killed(POINTS[point], *arguments)
    train(records, tmp_path / "run", make_config())
    assert_same(run, tmp_path / "run")
