"""The PyTorch MS-Net of je-santos/ms_net: its outputs from its weights (benchmarks/ms_net_fixture.py)."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.networks.ms_net import MSNetWeights
from tfmsnet.networks.msnet import MSNet, coarsened
from tfmsnet.predictors.ms_net import predictor_of
from tfmsnet.predictors.store import load_predictor
from tfmsnet.training.config import PRESETS

PRESET = PRESETS["ms_net"].network
NORMALISATIONS = {"instance": "ms_net", "none": "none"}


@pytest.fixture(scope="module")
def fixture():
    with np.load(Path(__file__).parent / "fixtures" / "ms_net.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def state(fixture):
    return {name.removeprefix("weight/"): v for name, v in fixture.items() if name.startswith("weight/")}


@pytest.fixture(scope="module")
def geometry(fixture):
    """Its input, and where that is in the pores, on three scales."""
    distance = fixture["distance"][None, ..., None]
    return coarsened(distance, 3), coarsened((distance > 0).astype(np.float32), 3)


def outputs(network, geometry, operating_point=0, state=None):
    features, masks = geometry
    answers = network(features, masks, np.full((1, operating_point), 0.7, np.float32), state)
    return [np.asarray(answer)[0, ..., 0] for answer in answers]


def expected(fixture, name):
    return [fixture[f"{name}/{scale}"] for scale in range(3)]


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_the_preset_is_their_network(fixture, state, geometry, name):
    weights = MSNetWeights.from_state(state, "fixture")
    options = replace(PRESET.options, filters=2, growth=2.0, normalisation=NORMALISATIONS[name])
    assert replace(weights.options(), normalisation=options.normalisation) == options
    network = MSNet(1, options, scales=3, autoregressive=False, padding=PRESET.padding)
    outputs(network, geometry)
    weights.give(network)
    for ours, theirs in zip(outputs(network, geometry), expected(fixture, name), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_ours_is_another_network(fixture, state, geometry):
    """What the preset sets matters: masks on every scale's output, our normalisation, mirrors."""
    weights = MSNetWeights.from_state(state, "fixture")
    for changes, padding in (
        ({"masked": "all"}, "zero"),
        ({"normalisation": "instance"}, "zero"),
        ({}, "mirror"),
    ):
        network = MSNet(1, replace(weights.options(), **changes), 3, autoregressive=False, padding=padding)
        outputs(network, geometry)
        weights.give(network)
        finest = fixture["instance/0"]
        assert np.abs(outputs(network, geometry)[0] - finest).max() > 1e-3 * np.abs(finest).max()


def test_the_default_sizes_are_theirs():
    """Of `MS_Net()`: four scales of 2, 8, 32 and 128 filters."""
    assert PRESET.scales == 4
    assert [PRESET.options.filters_at(scale) for scale in range(4)] == [2, 8, 32, 128]


def test_a_surrogate_answers_as_it_does_before_it_is_trained(fixture, state, geometry):
    """Whatever the C-rate and the previous state are."""
    weights = MSNetWeights.from_state(state, "fixture")
    surrogate, _ = predictor_of(weights, ("am_distance",), "ms_net", 0.5e-6, "fixture")
    before = np.random.default_rng(0).random((1, *fixture["distance"].shape, 1)).astype(np.float32)
    for ours, theirs in zip(
        outputs(surrogate.network, geometry, 1, before), expected(fixture, "instance"), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


def test_what_it_is_not_is_named(state):
    def refused(message, content):
        with pytest.raises(UserError, match=message):
            MSNetWeights.from_state(content, "w.pth")

    refused("found 'encoder.0.weight'", {**state, "encoder.0.weight": np.zeros(3)})
    refused("not an MS-Net", {name: v for name, v in state.items() if "tail.0.bias" not in name})
    refused("not an MS-Net", {name: v for name, v in state.items() if not name.startswith("models.1")})
    weights = MSNetWeights.from_state(state, "w.pth")
    with pytest.raises(
        UserError, match=r"expected 1 channels in the place of its inputs, found 2 \(am, cbd\)"
    ):
        predictor_of(weights, ("am", "cbd"), "ms_net", 0.5e-6, "w.pth")


def test_the_command_needs_pytorch(tfmsnet, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    status, _, err = tfmsnet("convert", tmp_path / "w.pth", tmp_path / "out")
    assert (status, err) == (
        2,
        f"tfmsnet: {tmp_path / 'w.pth'}: PyTorch reads it, and isn't installed here; pip install torch\n",
    )


@pytest.mark.parametrize("prefix", ["models.", ""])
def test_the_command_takes_published_weights_over(tfmsnet, state, geometry, fixture, tmp_path, prefix):
    torch = pytest.importorskip("torch")
    path, out = tmp_path / "w.pth", tmp_path / "out"
    tensors = {prefix + name.removeprefix("models."): torch.tensor(v) for name, v in state.items()}
    torch.save(tensors, path)
    status, printed, err = tfmsnet("convert", path, out)
    assert status == 0, err
    assert f"--init {out}" in printed
    answers = outputs(load_predictor(out).network, geometry, 1, np.zeros((1, 12, 8, 16, 1), np.float32))
    np.testing.assert_allclose(answers[0], fixture["instance/0"], atol=1e-4)
    assert json.loads((out / "surrogate.json").read_text())["network"]["padding"] == "zero"
    torch.save(torch.nn.Linear(1, 1), path)
    status, _, err = tfmsnet("convert", path, tmp_path / "other")
    assert status == 2
    assert "expected a state_dict" in err
    assert not (tmp_path / "other").exists()
