"""Processes joined by TF_CONFIG on this machine: the step of one, and an end when one of them dies."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from tfmsnet.predictors.store import load_predictor

# The command line under plain SGD, so that a wrong scale of the gradient can't hide.
SGD = """
import os, sys, keras
from tfmsnet.cli.main import main
keras.optimizers.Adam = lambda rate: keras.optimizers.SGD(1e-2)
main()
"""
SLOWED = """
import time
from tfmsnet.training import loop
keep = loop.Position.advance
def advance(self, reduced=None):
    time.sleep(0.5)
    keep(self, reduced)
loop.Position.advance = advance
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(arguments, cluster=None, index=0, code=SGD):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if cluster:
        task = {"type": "worker", "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def team(arguments, code=SGD):
    """Two workers of one run."""
    cluster = [f"127.0.0.1:{port}" for port in free_ports(2)]
    return [start(arguments, cluster, index, code) for index in (0, 1)]


def ended(processes, timeout=900):
    """Status of each and what it said on stderr; none is left running."""
    results = []
    try:
        for process in processes:
            results.append((process.communicate(timeout=timeout)[1], process.returncode)[::-1])
    finally:
        for process in processes:
            process.kill()
    return results


def losses(run):
    with open(run / "log.csv") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def assert_same(run, other, **tolerance):
    for one, two in zip(load_predictor(run).get_weights(), load_predictor(other).get_weights(), strict=True):
        np.testing.assert_allclose(one, two, **tolerance)


@pytest.fixture
def command(records, make_config, tmp_path):
    """Arguments of `tfmsnet train` into a directory of that name."""
    make_config(steps=12, steps_per_epoch=4).save(tmp_path / "config.json")
    common = ("train", records, "--config", tmp_path / "config.json")
    return lambda name: (*common, "--out", tmp_path / name)


@pytest.mark.slow
def test_two_processes_train_like_one(command, tmp_path):
    assert ended([start(command("one"))])[0][0] == 0
    results = ended(team(command("two")))
    assert [status for status, _ in results] == [0, 0], results
    assert_same(tmp_path / "one", tmp_path / "two", atol=1e-6)
    np.testing.assert_allclose(losses(tmp_path / "one"), losses(tmp_path / "two"), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_dies_and_the_run_goes_on_later(command, tmp_path, victim):
    assert ended(team(command("whole")))[0][0] == 0
    workers = team(command("cut"), SLOWED + SGD)
    deadline = time.monotonic() + 600
    while not list((tmp_path / "cut" / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers[victim].send_signal(signal.SIGKILL)
    killed = time.monotonic()
    status, said = ended([workers[1 - victim]], timeout=90)[0]
    assert time.monotonic() - killed < 60
    assert status == 1, said
    assert "a worker stopped answering" in said
    results = ended(team(command("cut")))
    assert [status for status, _ in results] == [0, 0], results
    assert_same(tmp_path / "whole", tmp_path / "cut", atol=0)


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_all(command, tmp_path):
    workers = team(command("run"), SLOWED + SGD)
    deadline = time.monotonic() + 600
    while not list((tmp_path / "run" / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGTERM)
    results = ended(workers)
    assert all("saved; the same command continues" in said for _, said in results), results
    assert results[1][0] == 128 + signal.SIGTERM
    assert [status for status, _ in ended(team(command("run")))] == [0, 0]
