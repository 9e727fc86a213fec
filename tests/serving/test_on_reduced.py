"""A network on a reduced model: what it leaves to that model is that one's, and they end together."""

from dataclasses import replace

import numpy as np
import pytest

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import Parameters
from tfmsnet.load import constant_current
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.predictors.store import save_predictor
from tfmsnet.serving.local import load_model
from tfmsnet.serving.saved_model import export

REFERENCE = "porous-electrode"
# Electrons go through the binder, which calendering makes a better conductor.
CELL = Parameters(cbd_conductivity_s_m=0.3)
# Particles are full at their surface before the last of its frames.
FULL = constant_current(4.0, frames=36)


@pytest.fixture(scope="module")
def image():
    """Thick: what electrons go through matters."""
    return replace(generate(Recipe(85, 0, (12, 12, 48), seed=3)), calendering_percent=20.0)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Of the concentration alone, with the weights that it starts from."""
    config = NetworkConfig.of(
        fields=("concentration",),
        reference=REFERENCE,
        autoregressive=False,
        basis=2,
        scales=2,
        filters=2,
        convolutions=1,
        channels=("am",),
    )
    statistics = {"concentration": {"level_rms": 1.0, "pattern_rms": 0.01}}
    directory = tmp_path_factory.mktemp("on") / "run"
    predictor = make_predictor(config, CELL, statistics, 0.5e-6)
    save_predictor(predictor, directory, statistics=statistics)
    return directory


@pytest.fixture(scope="module")
def reduced():
    return load_model(REFERENCE).of_cell(CELL)


@pytest.mark.parametrize("kind", ["run", pytest.param("saved model", marks=pytest.mark.slow)])
def test_curve_and_potential_are_the_models(network, reduced, image, kind, tmp_path):
    model = load_model(network if kind == "run" else export(network, tmp_path / "served"))
    apart = [reduced.curve(replace(image, calendering_percent=c), 1.0).voltage_v[-1] for c in (0.0, 20.0)]
    assert apart[1] - apart[0] > 1e-3  # else nothing would be seen of it
    for electrode in (image, replace(image, calendering_percent=float("nan"))):
        answer, known = model.fields(electrode, 1.0), reduced.fields(electrode, 1.0)
        # A constant current is told as numbers of float32 here, as a segment there.
        np.testing.assert_allclose(answer.voltage_v, known.voltage_v, atol=3e-4)
        np.testing.assert_allclose(answer.potential[-1], known.potential[-1], atol=3e-4)


def test_it_ends_where_the_model_does(network, reduced, image):
    answer, known = (model.curve(image, FULL) for model in (load_model(network), reduced))
    assert 2 <= len(known.times_s) < 36
    assert abs(len(answer.times_s) - len(known.times_s)) <= 1
    assert answer.ends[-1].reason == "saturated"
    # Of the frames that there are.
    capacities = answer.summary["areal_capacity_mah_cm2"] / known.summary["areal_capacity_mah_cm2"]
    passed = (answer.dol[-1] - answer.dol[0]) / (known.dol[-1] - known.dol[0])
    assert capacities == pytest.approx(passed, rel=1e-3)
