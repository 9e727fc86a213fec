"""The exported directory: whole versions, documents for people and programs, nothing foreign touched."""

import json
import os
import shutil

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfmsnet.errors import UserError
from tfmsnet.evaluation.report import read_headline
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.serving.card import MODEL_CARD, documents
from tfmsnet.serving.endpoints import Endpoints
from tfmsnet.serving.local import load_model, seal
from tfmsnet.serving.saved_model import export


@pytest.fixture(scope="module")
def signatures(served):
    """The signatures in the file, as TF Serving reads them."""
    content = (served / "1" / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def


def test_the_metadata_says_what_the_graph_has(served, signatures):
    metadata = json.loads((served / "1" / "assets" / "signatures.json").read_text())
    assert metadata["labels"] == {
        "0": "electrolyte (pore)",
        "1": "active material (AM)",
        "2": "carbon-binder domain (CBD)",
    }
    assert metadata["voxel_size_m"] == 0.5e-6
    assert metadata["limits"]["max_voxels"] == 20_000
    assert set(metadata["signatures"]) == {name for name in signatures if not name.startswith("__")}
    for name, described in metadata["signatures"].items():
        for side in ("inputs", "outputs"):
            infos = getattr(signatures[name], side)
            assert set(infos) == set(described[side])
            for key, quantity in described[side].items():
                assert tf.as_dtype(infos[key].dtype).name == quantity["dtype"]
                assert len(infos[key].tensor_shape.dim) == len(quantity["shape"])
                assert quantity["unit"]
                assert quantity["meaning"]
    assert all("values" in quantity for quantity in metadata["signatures"]["fields"]["inputs"].values())


def test_stride_and_region_have_defaults_for_tf_serving(signatures):
    defaults = {name: tf.make_ndarray(value) for name, value in signatures["fields"].defaults.items()}
    assert {name: value.tolist() for name, value in defaults.items()} == {
        "frame_stride": [1],
        "region": [[0] * 6],
    }


def test_the_card_names_the_domain_the_signatures_and_the_versions(served, records):
    card = (served / "1" / "assets" / "MODEL_CARD.md").read_text()
    assert "4 discharges of 2 electrodes" in card
    assert "c_rate: 1 to 2" in card
    for name in ("### serving_default", "### fields", "### step", "### profile", "| `region` |"):
        assert name in card
    assert f"tensorflow {tf.__version__}" in card


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"architecture": "unet", "autoregressive": False, "basis": 4}, "time-basis U-Net, 3 scales"),
        ({"autoregressive": False}, "direct MSNet, 3 scales"),
    ],
)
def test_the_card_calls_a_network_what_reports_do(values, name):
    network = NetworkConfig.of(**values)
    description = {"network": json.loads(json.dumps(network.as_dict())), "voxel_size_m": 5e-7}
    card = documents(description, {}, 1000, 4.0, {})[MODEL_CARD]
    assert f"({name}, filters 16, growth 2.0, " in card


def test_the_card_has_the_scores_of_a_report_on_the_model(run, tmp_path):
    row = {"concentration_vrmse_median": {"median": 0.0654, "worst": 0.244}}
    report = {"format": "tfmsnet-report", "model": "direct MSNet", "headline": {"1C": {"direct MSNet": row}}}
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    model, scores = read_headline(tmp_path)
    network = NetworkConfig.of(autoregressive=False)
    description = {"network": json.loads(json.dumps(network.as_dict())), "voxel_size_m": 5e-7}
    assert "Not recorded: `tfmsnet evaluate`" in documents(description, {}, 1000, 4.0, {})[MODEL_CARD]
    card = documents(description | {"scores": scores}, {}, 1000, 4.0, {})[MODEL_CARD]
    assert f"| 1C | {model} | 0.0654 (0.244) |" in card
    with pytest.raises(UserError, match="is a report on direct MSNet, expected one on AR-MSNet"):
        export(run, tmp_path / "served", report=tmp_path)
    of_it = report | {"model": "AR-MSNet", "headline": {"1C": {"AR-MSNet": row}}}
    (tmp_path / "metrics.json").write_text(json.dumps(of_it))
    export(run, tmp_path / "served", report=tmp_path)
    assert load_model(tmp_path / "served").description["scores"] == {"1C": {"AR-MSNet": row}}
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(UserError, match="expected a report of this version's"):
        export(run, tmp_path / "served", report=tmp_path)


def test_the_documents_travel_in_the_graph(loaded, served):
    names = ["surrogate.json", "MODEL_CARD.md", "signatures.json"]
    answer = loaded.signatures["card"](name=tf.constant(names))["content"].numpy()
    for name, content in zip(names, answer, strict=True):
        assert content.decode() == (served / "1" / "assets" / name).read_text()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected some of surrogate\.json"):
        loaded.signatures["card"](name=tf.constant(["weights"]))


def test_a_polling_server_never_sees_half_a_version(run, tmp_path, monkeypatch):
    """Whatever has a number for its name is complete at the moment when it gets it."""
    seen, rename, functions = [], os.rename, Endpoints.functions
    monkeypatch.setattr(Endpoints, "functions", lambda self: {"card": functions(self)["card"]})  # fast

    def watch(source, target):
        if str(target).startswith(str(tmp_path)) and os.path.basename(target).isdigit():
            assert [name for name in os.listdir(tmp_path) if name.isdigit()] == []
            seen.append(sorted(os.listdir(source)))
        rename(source, target)

    monkeypatch.setattr(os, "rename", watch)
    export(run, tmp_path)
    assert set(seen[0]) >= {"assets", "saved_model.pb", "variables"}
    assert sorted(os.listdir(tmp_path)) == ["1"]


def test_the_next_version_and_what_is_foreign(served, run, tmp_path, monkeypatch):
    from tfmsnet.serving import saved_model as module

    (tmp_path / "cathode" / "7").mkdir(parents=True)
    assert module._next_version(tmp_path / "cathode") == 8

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(module, "documents", lambda *_: {"a": "b"})
    monkeypatch.setattr(module.keras.export, "ExportArchive", fail)
    with pytest.raises(OSError, match="disk full"):
        export(run, tmp_path / "cathode")
    assert os.listdir(tmp_path / "cathode") == ["7"]
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"expected nothing but version directories .*'(notes.txt|cathode)'"):
        export(run, tmp_path)
    with pytest.raises(UserError, match="max_voxels: expected at least 8"):
        export(run, tmp_path / "new", max_voxels=1)
    with pytest.raises(UserError, match="in the name of a directory: TensorFlow takes"):
        export(run, tmp_path / "cathode[1]")


def test_any_model_is_exported(basis_run, served, tmp_path):
    """A run, and a SavedModel, which stays what it is."""
    assert load_model(export(basis_run, tmp_path / "own")).network.basis
    again = export(served, tmp_path / "again")
    assert again == tmp_path / "again" / "1"
    for name in ("saved_model.pb", "assets/surrogate.json"):
        assert (again / name).read_bytes() == (served / "1" / name).read_bytes()
    with pytest.raises(UserError, match="max_voxels, max_gib: are in the SavedModel already"):
        export(served, tmp_path / "again", max_voxels=9)
    with pytest.raises(UserError, match="a server doesn't hand its weights out"):
        export("grpc://localhost:1/cathode", tmp_path / "never")


def test_what_is_no_model_is_refused(tmp_path, served):
    with pytest.raises(UserError, match="expected a run made by"):
        load_model(tmp_path)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "surrogate.json").write_text("{}")
    (tmp_path / "saved_model.pb").write_bytes(b"no")
    with pytest.raises(UserError, match=r"holds no checksums \(seal\.json\)"):
        load_model(tmp_path)
    with pytest.raises(UserError, match=r"surrogate\.json: format: expected 1"):
        seal(tmp_path)


def test_a_saved_model_is_used_as_it_was_exported_or_not_at_all(served, tmp_path):
    copy = shutil.copytree(served / "1", tmp_path / "copy")
    (weights,) = copy.glob("variables/variables.data*")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    for use in (load_model, lambda path: export(path, tmp_path / "again")):
        with pytest.raises(UserError, match=r"variables\.data-00000-of-00001: changed since it was written"):
            use(copy)
    weights.write_bytes(whole)
    (copy / "seal.json").unlink()
    with pytest.raises(UserError, match="where you trust it, `tfmsnet seal"):
        load_model(copy)
    assert seal(copy).read_bytes() == (served / "1" / "seal.json").read_bytes()
    load_model(copy)
