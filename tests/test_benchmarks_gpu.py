"""benchmarks/gpu.py: whatever becomes of an item, the others are measured."""

import inspect
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import gpu
import pytest


def failed(out):
    """Names of the items that failed."""
    found = json.loads((out / "gpu.json").read_text())["items"]
    return {name for name, numbers in found.items() if "failed" in numbers}


def test_items_that_fail_die_or_hang_cost_their_own_row_alone(tmp_path, capsys):
    chosen = [
        gpu.Item("refused", gpu.uptake_alone, {"size": (4, 4)}),
        gpu.Item("dies", os.abort, {}),
        gpu.Item("uptake", gpu.uptake_alone, {"size": (8, 8, 8)}),
        gpu.Item("hangs", signal.pause, {}),
    ]
    assert gpu.measure(chosen, tmp_path, seconds=60, deadline_s=10) == 3
    assert failed(tmp_path) == {"refused", "dies", "hangs"}
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(chosen)


def test_every_item_can_be_sent_to_the_process_that_does_it():
    for item in gpu.items((8, 8, 16), (8, 8, 32), (8, 8, 64), frames=3, product=64):
        pickle.dumps(item)
        inspect.signature(item.function).bind(**item.values)


@pytest.mark.slow
def test_small_sizes_run_on_a_cpu(tmp_path):
    # Patient: on a machine that does other things an item's graph alone may take a minute.
    command = [sys.executable, Path(gpu.__file__), "--tiny", "--out", tmp_path]
    command += ["--deadline", "600", "--seconds", "3600"]
    subprocess.run(command, check=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"})
    assert not failed(tmp_path)
