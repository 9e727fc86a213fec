"""Every command, killed at random moments: the same command ends with the same result, nothing left over."""

import functools
import os
import random
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from tfmsnet.records import read_sample, sample_files

pytestmark = pytest.mark.faults

KILLS = 4  # of each command


def results(name, out):
    """What of a command's output must be the same however often it was killed."""
    if name in ("simulate", "predict", "predict reduced"):
        samples = [read_sample(path) for path in sample_files(out)]
        return [(sample.sample_id, sample.concentration.tobytes()) for sample in samples]
    if name == "records write":
        return {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    if name == "train":
        from tfmsnet.predictors.store import load_predictor

        return [np.asarray(weight).tobytes() for weight in load_predictor(out).get_weights()]
    if name == "tune":
        rows = (out / "trials.csv").read_text().splitlines()
        return sorted(row.split(",")[0] for row in rows)
    if name == "export":
        from tfmsnet.serving.saved_model import check_saved_model

        for version in out.iterdir():
            check_saved_model(version)
        return ["a SavedModel"]
    if name in ("electrode make", "voxelise", "describe"):
        return {path.name: path.read_bytes() for path in out.iterdir()}
    return sorted(path.name for path in out.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(command, commands, tmp_path_factory):
    """`whole(name)`: results of a command that nobody killed, and the seconds that it took."""

    @functools.cache
    def run(name):
        out, began = tmp_path_factory.mktemp("whole") / "out", time.monotonic()
        done = command(*commands(out)[name])
        assert done.returncode == 0, done.stderr
        return results(name, out), time.monotonic() - began

    return run


def killed(command, arguments, after_s):
    """Run a command; whether it was still at work when it was killed."""
    process = subprocess.Popen(
        [*command.program, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after_s)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_at_any_moment(name, number, command, commands, whole, half_written, tmp_path):
    expected, took_s = whole(name)
    out = tmp_path / "out"
    arguments = commands(out)[name]
    share = random.Random(f"{name} {number}").uniform(0.3, 1.0)
    while not killed(command, arguments, share * took_s):
        shutil.rmtree(out)
        share /= 2
    again = command(*arguments)
    # The kill may have come after what is written last.
    assert again.returncode == 0 or "exists already" in again.stderr, again.stderr
    assert results(name, out) == expected
    assert not half_written(tmp_path)
