"""The verification command: what counts as passed, and that all of it passes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from halfcell_checks.check import Check, table
from halfcell_checks.growth import Cost, exponent

COMMAND = Path(__file__).parents[2] / "benchmarks" / "verification.py"


def test_a_check_passes_within_its_bound_only():
    assert Check("a", "b", 1.0, 1.0).passed
    assert not Check("a", "b", 1.1, 1.0).passed
    assert Check("a", "b", 1.1, 1.0, at_least=True).passed
    assert not Check("a", "b", float("nan"), 1.0).passed
    assert not Check("a", "b", float("nan"), 1.0, at_least=True).passed
    assert "FAIL" in table([Check("a", "b", 2.0, 1.0, "mV")])


def test_the_exponent_of_a_power_law_is_found():
    sizes = ((24, 24, 64), (48, 48, 64), (48, 48, 256))
    assert exponent([Cost(size, 1e-4 * Cost(size, 0, 0).voxels ** 1.1, 1.0) for size in sizes]) == (
        pytest.approx(1.1)
    )


@pytest.mark.slow
def test_every_check_of_the_command_passes(tmp_path):
    command = [sys.executable, str(COMMAND), "--quick", "--out", str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "FAIL" not in printed
    checks = json.loads((tmp_path / "verification.json").read_text())["checks"]
    assert len(checks) > 25
    assert len(list(tmp_path.glob("*.png"))) == 6
