"""Run configurations: presets, modes, JSON, and what is refused."""

import json
from dataclasses import asdict

import pytest

from tfmsnet.errors import UserError
from tfmsnet.training.config import MODES, PRESETS, RunConfig, load_config


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("mode", MODES)
def test_a_configuration_comes_back_from_json(preset, mode, tmp_path):
    config = PRESETS[preset].in_mode(mode)
    assert config.mode == mode
    config.save(tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == config


def test_the_paper_preset_is_the_papers():
    paper = PRESETS["paper"]
    assert (paper.network.scales, paper.network.filters, paper.network.growth) == (3, 10, 4.0)
    assert (paper.training.learning_rate, paper.training.batch_size) == (1e-4, 1)
    assert paper.training.horizon == ((1.0, 0),)
    assert (paper.network.state, paper.training.loss, paper.training.noise) == ("min-max", "mse", 0)


def test_values_are_replaced_by_name():
    config = RunConfig().with_values({"filters": 4, "training.steps": 100}, "--set")
    assert (config.network.filters, config.training.steps) == (4, 100)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"filter": 4}, "unknown key 'filter'"),
        ({"network.filter": 4}, "did you mean 'filters'"),
        ({"optimiser.rate": 4}, "unknown key 'optimiser.rate'; expected network.KEY or training.KEY"),
        ({"filters": 0}, "filters: expected a positive integer, found 0"),
        ({"learning_rate": -1.0}, "learning_rate: expected a number between 0 and 1"),
        ({"horizon": [[0.5, 1]]}, "horizon: expected stages"),
        ({"fields": ["temperature"]}, "fields: expected concentration, potential or both"),
        ({"steps": 70}, "steps: expected a multiple of steps_per_epoch"),
        ({"state_dropout": 2}, "state_dropout: expected 0..1, found 2"),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(UserError, match=message):
        RunConfig().with_values(values, "--set")


def test_a_wrong_file_is_named(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(UserError, match="no such file"):
        load_config(path)
    path.write_text("[]")
    with pytest.raises(UserError, match="expected a training configuration"):
        load_config(path)
    content = asdict(RunConfig())
    path.write_text(json.dumps({**content, "trainin": {}}))
    with pytest.raises(UserError, match="unknown key 'trainin'"):
        load_config(path)
