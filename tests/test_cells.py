"""Another cell from the simulator to the SavedModel, and models that refuse a cell that they don't know."""

import json

import numpy as np
import pytest

from tfmsnet.api import evaluate
from tfmsnet.campaign import discharge_all, recipe_campaign
from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.materials import parameter_set
from tfmsnet.records import read_sample, sample_files, write_records
from tfmsnet.serving.local import load_model
from tfmsnet.serving.saved_model import export
from tfmsnet.training.run import train

# That of docs/library.md, its diffusivity one that holds out at 1C.
PLATEAU = Parameters(
    c_max_mol_m3=22806.0,
    initial_dol=0.1,
    open_circuit_v={"polynomial": [3.45, -0.05], "tanh": [[-0.10, 25.0, 0.98], [-0.05, 40.0, 0.02]]},
    ocp_dol_range=(0.02, 0.99),
    solid_diffusivity=5e-15,
    reaction_rate_m2p5_s_mol0p5=1e-11,
)


def records_of(parameters, directory):
    tasks = recipe_campaign("paper", 3, (12, 12, 16), (1.0,), seed=0)
    assert discharge_all(tasks, directory / "data", parameters=parameters, jobs=1) == []
    write_records(sample_files(directory / "data"), directory / "records", split="1/1")
    return directory / "records"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Records of another cell than the others'."""
    return records_of(parameter_set("nmc811").parameters, tmp_path_factory.mktemp("foreign"))


def test_a_model_is_not_scored_on_another_cell(run, foreign, tmp_path):
    with pytest.raises(UserError, match=r"was trained on another cell.*c_max_mol_m3 48207 and 63104"):
        evaluate(run, foreign, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_training_does_not_begin_with_the_weights_of_another_cell(run, foreign, tmp_path, make_config):
    with pytest.raises(UserError, match=r"trained on another cell than the records'.*without --init"):
        train(foreign, tmp_path / "tuned", make_config(), init=run)


@pytest.mark.slow
def test_a_reduced_model_is_scored_for_the_cell_of_the_records(foreign, tmp_path):
    report = evaluate("porous-electrode", foreign, tmp_path / "report", reduced=False)
    content = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert "porous-electrode" in report.table()
    assert "porous-electrode" in json.dumps(content)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["autoregressive", "direct", "basis"])
def test_another_chemistry_goes_all_the_way(mode, tmp_path, make_config):
    records = records_of(PLATEAU, tmp_path)
    train(records, tmp_path / "run", make_config(mode))
    evaluate(tmp_path / "run", records, tmp_path / "report", reduced=False)
    export(tmp_path / "run", tmp_path / "served" / "plateau")
    sample = read_sample(sample_files(tmp_path / "data")[0])
    image = PhaseImage(sample.phase, sample.voxel_size_m)
    known, found = (
        load_model(path).of_cell(PLATEAU).predict(image, 1.0)
        for path in (tmp_path / "run", tmp_path / "served" / "plateau")
    )
    np.testing.assert_allclose(found.voltage_v, known.voltage_v, atol=1e-5)
    assert found.voltage_v[0] == pytest.approx(float(PLATEAU.open_circuit_v(0.1)), abs=1e-4)
    assert found.parameters == PLATEAU
