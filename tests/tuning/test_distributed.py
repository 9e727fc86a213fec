"""A chief and two workers on loopback, one of which is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tfmsnet.training.config import load_config

# The command with a shorter patience for dead workers.
CODE = """
import sys
from tfmsnet.cli import main as cli
from tfmsnet.tuning import search as module
module.search.__kwdefaults__["dead_after_s"] = 15.0
sys.argv = ["tfmsnet", *sys.argv[1:]]
cli.main()
"""


@pytest.fixture
def start(judged, base, tmp_path):
    base.save(tmp_path / "base.json")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["tune", judged, "--out", tmp_path / "out", "--config", tmp_path / "base.json"]
    for text in ("filters=2,3,4", "convolutions=1,2", "growth=1", "scales=2", "learning_rate=1e-3"):
        arguments += ["--space", text]
    arguments += ["--tuner", "random", "--trials", "4"]
    processes = []

    def begin(name):
        environment = {
            **os.environ,
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(port),
            "CUDA_VISIBLE_DEVICES": "",
        }
        with open(tmp_path / f"{name}.txt", "w") as log:
            command = [sys.executable, "-c", CODE, *map(str, arguments)]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@pytest.mark.slow
def test_chief_and_workers_one_of_which_dies(start, tmp_path):
    out = tmp_path / "out"
    chief = start("chief")
    doomed = start("worker-0")
    wait_for(lambda: list(out.glob("trials/trial_*/trial.json")), 400, "the first trial")
    doomed.send_signal(signal.SIGKILL)
    survivors = [start("worker-1"), start("worker-2")]
    for process in (*survivors, chief):
        assert process.wait(900) == 0, (tmp_path / "chief.txt").read_text()
    states = [json.loads(path.read_text()) for path in sorted(out.glob("trials/trial_*/trial.json"))]
    assert [state["status"] for state in states] == ["COMPLETED"] * 4
    said = (tmp_path / "chief.txt").read_text()
    assert "given up" in said
    assert "tfmsnet train" in said
    assert all("part is done" in (tmp_path / f"worker-{n}.txt").read_text() for n in (1, 2))
    best = min(states, key=lambda state: state["score"])["hyperparameters"]["values"]
    assert load_config(out / "best.json").network.options.filters == best["filters"]
    assert (out / "pareto.png").is_file()
