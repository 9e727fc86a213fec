"""The package's own model: whole, what its card says, and of use on an electrode that nobody has seen."""

import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner

from tfmsnet.cli.predict import command
from tfmsnet.electrode import Recipe, generate
from tfmsnet.evaluation.scores import score
from tfmsnet.halfcell import simulate
from tfmsnet.predictors.store import WEIGHTS, network_of, trained_model
from tfmsnet.records.sample import Sample
from tfmsnet.serving.local import load_model
from tfmsnet.serving.scored import Scored


def test_the_card_tells_the_weights_by_their_checksum():
    digest = hashlib.sha256((trained_model() / WEIGHTS).read_bytes()).hexdigest()
    assert digest in (trained_model() / "MODEL_CARD.md").read_text()


def test_it_was_trained_with_zeros_around_the_images():
    """Its description is from before there was a choice."""
    assert network_of(trained_model()).padding == "zero"


@pytest.fixture(scope="module")
def unseen():
    """An electrode of another seed than those of the training, discharged by the simulator at 1C."""
    image = generate(Recipe(90.0, 10.0, (24, 24, 64), seed=424242))
    return Sample.from_discharge(simulate(image, 1.0))


def test_it_knows_an_electrode_that_nobody_has_seen(unseen):
    scores = score("own", unseen, Scored(load_model("cathode"))(unseen)).summary()
    assert scores["concentration_vrmse_median"] < 0.25  # 1: no better than the mean
    assert scores["curve_rmse_mv"] < 4
    assert abs(scores["lithium_balance"]) < 1e-5


def test_predict_warns_outside_of_its_domain(unseen, tmp_path):
    np.save(tmp_path / "image.npy", unseen.phase[:, :, :32])
    image, out = str(tmp_path / "image.npy"), str(tmp_path / "out")
    result = CliRunner().invoke(
        command,
        [
            image,
            "--model",
            "cathode",
            "--voxel-size-um",
            "0.5",
            "--remove-islands",
            "--c-rate",
            "4",
            "--out",
            out,
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    answer = json.loads((tmp_path / "out" / "answer.json").read_text())
    assert any("C-rate: 4, trained on 0.5 to 2" in warning for warning in answer["warnings"])
    assert any("voxels from foil to separator: 32" in warning for warning in answer["warnings"])
    assert "extrapolated" in result.output
