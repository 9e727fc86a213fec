"""`tfmsnet tune` killed by SIGKILL and started again ends with the table of one that wasn't."""

import csv
import subprocess
import sys

import pytest

# Hyperband with three epochs: trials of one epoch, the best of them continued, trials of three.
SEARCH = (
    *("--set", "steps=6", "--set", "steps_per_epoch=2", "--set", "batch_size=1", "--set", "symmetries=false"),
    *("--set", 'fields=["concentration"]', "--set", 'channels=["am"]', "--set", "scales=1"),
    *("--space", "mode=basis", "--space", "filters=2,3,4", "--space", "learning_rate=1e-3..1e-2"),
    *("--set", "convolutions=1", "--set", "growth=1"),
)
STEP = "tfmsnet.training.callbacks.Progress.on_train_batch_end"
POINTS = {
    "in the middle of an epoch of a promoted trial": (
        "tfmsnet.training.callbacks.Progress.on_train_batch_end",
        9,
        "before",
    ),
    "between a trial's score and its end": ("tfmsnet.tuning.tuner.SurrogateTuner.on_trial_end", 2, "before"),
}
OF_TIME = ("seconds_per_rollout", "minutes")


def table(out):
    """trials.csv without what depends on the machine's speed."""
    with open(out / "trials.csv", newline="") as file:
        return [
            {name: value for name, value in row.items() if name not in OF_TIME}
            for row in csv.DictReader(file)
        ]


def tune(records, out):
    """The command in a process of its own."""
    code = "from tfmsnet.cli.main import main; main()"
    command = [sys.executable, "-c", code, "tune", records, "--out", out, *SEARCH]
    subprocess.run(list(map(str, command)), capture_output=True, check=True)


@pytest.fixture(scope="module")
def uninterrupted(judged, tmp_path_factory):
    """The directory of a search that nothing interrupted."""
    out = tmp_path_factory.mktemp("uninterrupted") / "out"
    tune(judged, out)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_changes_nothing(killed, judged, uninterrupted, tmp_path, point):
    out = tmp_path / "out"
    killed(POINTS[point], "tune", judged, "--out", out, *SEARCH)
    assert not (out / "trials.csv").exists()
    tune(judged, out)
    assert table(out) == table(uninterrupted)
    assert (out / "best.json").read_bytes() == (uninterrupted / "best.json").read_bytes()
