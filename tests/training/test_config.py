"""Run configurations: presets, modes, JSON, and what is refused."""

import json

import pytest

from tfmsnet import features
from tfmsnet.errors import UserError
from tfmsnet.predictors.config import CHANNELS
from tfmsnet.seals import read_sealed
from tfmsnet.training.config import MODES, PRESETS, RunConfig, load_config


@pytest.mark.parametrize(
    ("preset", "mode"),
    [(p, m) for p in PRESETS for m in MODES if p == "default" or m not in ("direct", "basis")],
)
def test_a_configuration_comes_back_from_json(preset, mode, tmp_path):
    config = PRESETS[preset].in_mode(mode)
    assert config.mode == mode
    config.save(tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == config


def test_the_paper_preset_is_the_papers():
    paper = PRESETS["paper"]
    assert paper.network.architecture == "msnet"
    options = paper.network.options
    assert (paper.network.scales, options.filters, options.growth) == (3, 10, 4.0)
    assert paper.network.padding == "zero"
    assert (paper.training.learning_rate, paper.training.batch_size) == (1e-4, 1)
    assert paper.training.horizon == ((1.0, 0),)
    assert (paper.network.state, paper.training.loss, paper.training.noise) == ("min-max", "mse", 0)


def test_values_are_replaced_by_name():
    config = RunConfig().with_values({"filters": 4, "training.steps": 100}, "--set")
    assert (config.network.options.filters, config.training.steps) == (4, 100)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"filter": 4}, "unknown key 'filter'"),
        ({"network.filter": 4}, "did you mean 'filters'"),
        ({"optimiser.rate": 4}, "unknown key 'optimiser.rate'; expected network.KEY or training.KEY"),
        ({"architecture": "resnet"}, "architecture: expected one of msnet, unet, found 'resnet'"),
        ({"filters": 0}, "filters: expected a positive integer, found 0"),
        ({"learning_rate": -1.0}, "learning_rate: expected a number between 0 and 1"),
        ({"horizon": [[0.5, 1]]}, "horizon: expected stages"),
        ({"fields": ["temperature"]}, "fields: expected a list of concentration, potential"),
        ({"fields": "concentration"}, r"such as ..concentration.., found"),
        ({"channels": ["colour"]}, "channels: expected a list of inverted_distance"),
        ({"channels": []}, "channels: expected a list of"),
        ({"growth": float("inf")}, "growth: expected a positive number"),
        ({"gradient": "tape"}, "gradient: expected adjoint where the horizon has several stages"),
        ({"steps": 70}, "steps: expected a multiple of steps_per_epoch"),
        ({"channels": "am"}, "channels: expected a list of"),
        ({"noise": float("inf")}, "noise: expected a number of at least 0"),
        ({"horizon": 5}, "horizon: expected stages"),
        ({"seed": 2**40}, "seed: expected a whole number"),
        ({"state": "min-max", "autoregressive": False}, "reference-deviation for a direct network"),
        ({"state": "min-max", "reference": "porous-electrode"}, "min-max leaves the reference out"),
        ({"basis": -1}, "basis: expected a whole number of at least 0"),
        ({"basis": 4}, "autoregressive: expected false for a network with a time basis"),
        ({"state_dropout": 2}, "state_dropout: expected 0..1, found 2"),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(UserError, match=message):
        RunConfig().with_values(values, "--set")


def test_every_channel_has_a_name_here():
    assert set(CHANNELS) == set(features.CHANNELS)


@pytest.mark.parametrize("mode", ["classic", "direct"])
def test_back_to_autoregressive_brings_the_curriculum_back(mode):
    config = RunConfig().in_mode(mode).in_mode("autoregressive")
    assert config.mode == "autoregressive"
    assert config == RunConfig()


def test_the_configuration_of_a_run_can_be_used_again(run, make_config):
    assert load_config(run / "run.json") == make_config()


def test_a_run_of_before_there_was_a_padding_had_zeros(run, tmp_path):
    content = read_sealed(run / "run.json", "a run")
    assert content["config"]["network"].pop("padding") == "mirror"
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert load_config(tmp_path / "run.json").network.padding == "zero"
    (tmp_path / "config.json").write_text(json.dumps(content["config"]))
    assert load_config(tmp_path / "config.json").network.padding == "mirror"


def test_a_wrong_file_is_named(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(UserError, match="no such file"):
        load_config(path)
    path.write_text("[]")
    with pytest.raises(UserError, match="expected a training configuration"):
        load_config(path)
    content = RunConfig().as_dict()
    path.write_text(json.dumps({**content, "trainin": {}}))
    with pytest.raises(UserError, match="unknown key 'trainin'"):
        load_config(path)
