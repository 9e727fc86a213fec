"""Reduced models as SavedModels: the cell is an input, answers are those in this process; both clients."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfmsnet.electrode import AM, Recipe, generate
from tfmsnet.errors import UserError
from tfmsnet.load import SATURATED, CRate, End, Every, Load, Rest
from tfmsnet.materials import parameter_set
from tfmsnet.serving import Client
from tfmsnet.serving.local import load_model
from tfmsnet.serving.reduced import reduced_model
from tfmsnet.serving.reduced_scores import table
from tfmsnet.serving.saved_model import export

PULSE = Load((CRate(2.0, End(time_s=60)), Rest(End(time_s=120)), CRate(-1.0, End(time_s=60))), Every(30))


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(90, 10, (12, 12, 16), seed=1))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    base = tmp_path_factory.mktemp("reduced") / "porous"
    export("porous-electrode", base, max_voxels=20_000)
    return base


@pytest.fixture(scope="module")
def served(exported):
    return load_model(exported)


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("nmc111", PULSE),
        *(
            pytest.param(name, 1.0, marks=pytest.mark.slow)
            for name in ("graphite", "nmc811", "nmc532", "lco")
        ),
    ],
)
def test_it_answers_for_any_cell_as_the_model_in_this_process(served, image, name, load):
    parameters = parameter_set(name).parameters
    found = served.of_cell(parameters).fields(image, load)
    known = reduced_model("porous-electrode", parameters).fields(image, load)
    np.testing.assert_allclose(found.voltage_v, known.voltage_v, atol=2e-5)
    np.testing.assert_allclose(found.dol, known.dol, atol=1e-6)
    am = image.phase == AM
    off = (found.concentration - known.concentration)[:, am] / parameters.c_max_mol_m3
    assert np.abs(off).max() < 1e-5 if name != "nmc811" else np.abs(off).max() < 5e-5
    assert found.summary == pytest.approx(known.summary, rel=1e-4, abs=1e-5)


def test_a_discharge_that_fills_the_material_ends_there(served, image):
    slow = dataclasses.replace(parameter_set("graphite").parameters, solid_diffusivity=1e-16)
    found = served.of_cell(slow).fields(image, 4.0, frame_stride=2)
    frames = len(found.times_s)
    assert 2 <= frames < 25
    assert found.ends[-1].reason == SATURATED
    assert found.concentration.shape == (1 + (frames - 1) // 2, *image.shape)
    assert found.concentration.max() <= slow.c_max_mol_m3
    assert found.summary["areal_capacity_mah_cm2"] > 0


def test_all_but_image_and_load_have_defaults_for_tf_serving(exported):
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((exported / "1" / "saved_model.pb").read_bytes())
    signature = content.meta_graphs[0].signature_def["profile"]
    assert set(signature.inputs) - set(signature.defaults) == {"phase", "c_rate_profile", "times_s"}
    table = tf.make_ndarray(signature.defaults["open_circuit_v"])[0]
    cell = parameter_set("nmc111").parameters
    np.testing.assert_allclose(table[1], cell.open_circuit_v(table[0]), atol=1e-8)
    assert tf.make_ndarray(signature.defaults["initial_dol"]) == [cell.initial_dol]


def test_the_card_and_the_metadata_name_the_cell(exported, served):
    metadata = json.loads((exported / "1" / "assets" / "signatures.json").read_text())
    inputs = metadata["signatures"]["serving_default"]["inputs"]
    assert inputs["solid_diffusivity"]["optional"]
    assert inputs["solid_diffusivity"]["shape"] == ["batch or 1", 3, "point"]
    card = (exported / "1" / "assets" / "MODEL_CARD.md").read_text()
    assert "| in | `voxel_size_m` |" in card
    assert "\n".join(table("porous-electrode")) in card
    assert (served.title, served.voxel_size_m, served.train_geometries) == ("porous-electrode", None, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial_dol": [1.0]}, "initial_dol: expected 0 < initial_dol < 1"),
        ({"c_max_mol_m3": [-1.0]}, "c_max_mol_m3: expected a number above 0"),
        ({"temperature_k": [np.nan]}, "temperature_k: expected"),
        ({"open_circuit_v": [[[0, 0.5, 0.5], [4, 3, 2], [0, 0, 0]]]}, "open_circuit_v: expected finite"),
        ({"solid_diffusivity": [[[0, 1], [1e-14, 1e-14]]]}, "solid_diffusivity: expected rows"),
        ({"salt_range_mol_m3": [[1200.0, 2000.0]]}, "salt_range_mol_m3: expected 0 < low"),
        ({"voxel_size_m": [0.0]}, "voxel_size_m: expected a number above 0"),
    ],
)
def test_cells_that_cannot_be_are_refused_in_the_graph(served, image, change, message):
    from tfmsnet.serving import cell

    inputs = cell.values(parameter_set("nmc111").parameters, 0.0, 0.5e-6)
    inputs |= {name: np.array(value, np.float64) for name, value in change.items()}
    with pytest.raises(UserError, match=message):
        served.call(
            "serving_default", {"phase": image.phase[None], "c_rate": np.ones(1, np.float32), **inputs}
        )


@pytest.mark.slow
def test_both_clients_ask_a_server_for_any_cell(exported, served, image, model_server):
    parameters = parameter_set("nmc532").parameters
    known = served.of_cell(parameters).curve(image, 1.0)
    with model_server.Started(exported) as running:
        for address in (running.grpc_url, running.rest_url):
            with Client(address) as client:
                found = client.of_cell(parameters).curve(image, 1.0)
                np.testing.assert_allclose(found.voltage_v, known.voltage_v, atol=1e-6)
                assert client.title == "porous-electrode"


@pytest.mark.slow
def test_resolved_particles_are_exported_too(image, tmp_path):
    base = tmp_path / "resolved"
    export("resolved-particles", base, parameters=parameter_set("lco").parameters)
    found = load_model(base).fields(image, 1.0)
    known = reduced_model("resolved-particles", parameter_set("lco").parameters).fields(image, 1.0)
    np.testing.assert_allclose(found.voltage_v, known.voltage_v, atol=2e-5)
    c_max = parameter_set("lco").parameters.c_max_mol_m3
    assert np.abs(found.concentration - known.concentration).max() / c_max < 1e-4


def test_a_network_keeps_its_cell(run, tmp_path):
    with pytest.raises(UserError, match="has the cell that it was trained on"):
        export(run, tmp_path / "served", parameters=parameter_set("lco").parameters)
