"""The memory estimate: the network's parameters, growth as memory grows, and the measured peak."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from tfmsnet.halfcell import Parameters
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.records.statistics import FieldStatistics
from tfmsnet.training.config import PRESETS
from tfmsnet.training.memory import estimate, largest_batch, parameters, with_gradient

ROOT = Path(__file__).parents[2]
CONFIG = PRESETS["default"].with_values({"horizon": [[1.0, 8]]}, "test")
GRID = (24, 24, 64)


def changed(**values):
    return CONFIG.with_values(values, "test")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"scales": 1, "kernel": 5},
        {"normalisation": "instance", "convolutions": 2},
        {"state": "min-max", "fields": ["potential"], "growth": 1.3},
        {"autoregressive": False},
        {"autoregressive": False, "basis": 4},
        {"potential_filters": 5},
        {"architecture": "unet"},
        {"architecture": "unet", "scales": 1, "convolutions": 1, "shortcut": False},
        {"architecture": "unet", "normalisation": "instance", "convolutions": 2, "potential_filters": 3},
        {"architecture": "unet", "state": "min-max", "fields": ["potential"], "growth": 1.3, "scales": 4},
        {"architecture": "unet", "autoregressive": False, "basis": 4},
    ],
)
def test_the_parameters_are_the_networks(values):
    config = changed(**values)
    of_field = {field.name: 1.0 for field in fields(FieldStatistics)}
    statistics = {"concentration": of_field, "potential": of_field}
    assert parameters(config) == make_predictor(config.network, Parameters(), statistics, 5e-7).count_params()


def test_a_tape_pays_for_every_frame_and_the_adjoint_does_not():
    adjoint, tape = CONFIG, with_gradient(CONFIG, "tape")
    activations = {
        (name, frames): estimate(
            config.with_values({"horizon": [[1.0, frames]]}, "test"), GRID, frames=96
        ).activations
        for name, config in (("adjoint", adjoint), ("tape", tape))
        for frames in (8, 96)
    }
    assert activations["tape", 96] == 12 * activations["tape", 8]
    assert activations["adjoint", 96] == activations["adjoint", 8]


@pytest.mark.parametrize(
    ("values", "grid"),
    [({"filters": 32}, GRID), ({"batch_size": 4}, GRID), ({}, (48, 48, 64)), ({"convolutions": 9}, GRID)],
)
def test_more_of_anything_takes_more(values, grid):
    assert estimate(changed(**values), grid).total > estimate(CONFIG, GRID).total


def test_half_the_bytes_in_bfloat16():
    half = estimate(changed(precision="mixed_bfloat16"), GRID)
    assert half.working == estimate(CONFIG, GRID).working / 2


def test_the_largest_batch_fits_and_the_next_does_not():
    available = 4e9
    batch = largest_batch(CONFIG, GRID, 24, available)
    assert estimate(CONFIG, GRID, batch).total <= available < estimate(CONFIG, GRID, batch + 1).total
    assert largest_batch(CONFIG, (512, 512, 512), 24, available) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "grid"),
    [
        ({"frames": 12, "batch_size": 2, "filters": 16}, GRID),
        ({"frames": 12, "batch_size": 2, "filters": 16, "padding": "zero"}, GRID),
        ({"frames": 12, "batch_size": 1, "filters": 10, "growth": 4.0, "gradient": "tape"}, GRID),
        ({"frames": 2, "batch_size": 1, "filters": 16}, (48, 48, 128)),
        ({"frames": 2, "batch_size": 1, "architecture": "unet", "convolutions": 2, "gradient": "tape"}, GRID),
    ],
)
def test_it_meets_the_measured_peak(values, grid):
    command = [sys.executable, ROOT / "benchmarks" / "memory.py", "--child", json.dumps([values, grid, 0])]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    measured = json.loads(output.splitlines()[-1])
    values = dict(values)
    frames = values.pop("frames")
    told = estimate(changed(**values, horizon=[[1.0, frames]]), grid, frames=frames)
    assert told.parameters == measured["parameters"]
    assert told.total - told.ahead == pytest.approx(measured["peak"], rel=0.25)
