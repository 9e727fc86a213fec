"""Fine-tuning: from the weights and in the units of another run, never mixed up with another."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, write_json
from tfmsnet.predictors.store import load_predictor
from tfmsnet.training.config import RunConfig
from tfmsnet.training.run import train


@pytest.fixture
def still(make_config):
    """A run that hardly moves its weights."""
    config = make_config()
    return RunConfig(config.network, replace(config.training, learning_rate=1e-12))


def weights(run):
    return [np.asarray(weight) for weight in load_predictor(run).weights]


def test_it_starts_from_the_weights_and_keeps_their_units(records, run, still, altered, tmp_path):
    def change(content):
        content["statistics"]["concentration"]["pattern_rms"] *= 2.0

    origin = altered("origin", change)
    description = read_json(origin / "surrogate.json", "a description")
    train(records, tmp_path / "tuned", still, init=origin)
    for tuned, before in zip(weights(tmp_path / "tuned"), weights(run), strict=True):
        np.testing.assert_allclose(tuned, before, atol=1e-6)
    found = read_json(tmp_path / "tuned" / "surrogate.json", "a description")
    assert found["statistics"] == description["statistics"]


def test_a_run_of_another_origin_is_not_continued(records, run, still, tmp_path):
    train(records, tmp_path / "tuned", still, init=run)
    train(records, tmp_path / "tuned", still, init=run)
    with pytest.raises(UserError, match="of another origin: --init differs"):
        train(records, tmp_path / "tuned", still)


def test_another_network_is_refused(records, run, still, tmp_path):
    wider = RunConfig(
        still.network.with_values({"filters": still.network.options.filters + 1}), still.training
    )
    with pytest.raises(UserError, match="its network isn't the configuration's"):
        train(records, tmp_path / "tuned", wider, init=run)
    assert not (tmp_path / "tuned").exists()


@pytest.mark.parametrize("where", ["surrogate.json", "run.json"])
def test_it_stays_known_what_the_weights_have_seen(records, run, still, altered, tmp_path, where):
    content = json.loads((run / "surrogate.json").read_text())

    def change(content):
        if where == "run.json":
            del content["train_geometries"]
        else:
            content["train_geometries"] = ["another"]

    origin = altered("origin", change)
    if where == "run.json":  # of a run that an older version made
        write_json(origin / "run.json", {"train_geometries": ["another"]})
    train(records, tmp_path / "tuned", still, init=origin)
    known = json.loads((tmp_path / "tuned" / "surrogate.json").read_text())["train_geometries"]
    assert known == sorted(["another", *content["train_geometries"]])


def test_a_description_without_a_network_is_refused(records, still, altered, tmp_path):
    origin = altered("origin", lambda content: content.pop("network"))
    with pytest.raises(UserError, match=r"surrogate.json: network: expected an object"):
        train(records, tmp_path / "tuned", still, init=origin)
    with pytest.raises(UserError, match=r"surrogate.json: network: expected an object"):
        load_predictor(origin)
