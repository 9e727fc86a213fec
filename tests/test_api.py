"""The obvious way in, and that what predict answers is what evaluate scores, of any kind of model."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

import tfmsnet
from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.evaluation.scores import score
from tfmsnet.records import Split
from tfmsnet.serving import Client

NAMES = {
    *("evaluate", "export", "load_model", "predict", "read_sample"),
    *("register_network", "simulate", "train", "write_sample"),
}


def test_the_names_are_there_and_annotated():
    assert set(dir(tfmsnet)) >= NAMES
    for name in NAMES:
        signature = inspect.signature(getattr(tfmsnet, name))
        assert signature.return_annotation is not inspect.Signature.empty, name
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, (name, parameter.name)


PARTS = (
    *("electrode", "evaluation", "halfcell", "networks", "predictors"),
    *("records", "references", "serving", "training", "tuning"),
)


def test_dir_shows_what_a_part_offers_and_it_is_there():
    code = f"""
import importlib
for name in {PARTS}:
    part = importlib.import_module(f"tfmsnet.{{name}}")
    offered = [name for name in dir(part) if name[0] != "_"]
    assert len(offered) >= 3, name
    for attribute in offered:
        getattr(part, attribute)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_it_is_light():
    heavy = "{'numpy', 'tensorflow', 'keras', 'matplotlib'}"
    subprocess.run(
        [sys.executable, "-c", f"import sys, tfmsnet; assert not {heavy} & set(sys.modules)"], check=True
    )


@pytest.fixture(scope="module")
def trained(judged, make_config, tmp_path_factory):
    """A run with a validation split, so with a best/."""
    out = tmp_path_factory.mktemp("trained") / "run"
    tfmsnet.train(judged, out, make_config())
    return out


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "cathode"
    tfmsnet.export(trained, out)
    return out


def test_every_kind_of_model_is_scored_by_what_it_answers(trained, exported, judged, tmp_path):
    sample = next(iter(Split(judged, "test")))
    image = PhaseImage(sample.phase, sample.voxel_size_m)
    sources = {"run": trained, "best": trained / "best", "saved": exported}
    # Only best/ stays a path: whoever gets one loads and compiles it anew.
    models = {kind: tfmsnet.load_model(source) for kind, source in sources.items() if kind != "best"}
    for kind, source in {**sources, **models}.items():
        report = tfmsnet.evaluate(source, judged, tmp_path / kind, reduced=False)
        found = next(case for case in report.cases if case.sample_id == sample.sample_id)
        answer = tfmsnet.predict(image, sample.c_rate, source)
        expected = score(found.model, sample, answer)
        assert found.summary() == pytest.approx(expected.summary(), rel=1e-4, nan_ok=True), kind


def test_a_server_is_scored_too(exported, trained, judged, tmp_path):
    pytest.importorskip("tensorflow_serving.apis", reason="needs the extra `serving`")
    from model_server import Started

    with Started(exported) as server, Client(server.grpc_url, attempts=1) as client:
        served = tfmsnet.evaluate(client, judged, tmp_path / "served", reduced=False)
    here = tfmsnet.evaluate(trained, judged, tmp_path / "here", reduced=False)
    one, other = served.cases[0].summary(), here.cases[0].summary()
    # An exported graph adds in another order.  Potentials of 4 V are float32, 0.5 uV apart, and these small
    # electrodes' frames spread over some uV, which VRMSE is relative to; concentrations have no such offset.
    for name, value in one.items():
        rel = 1e-3 if name.startswith(("potential", "curve")) else 1e-5
        assert value == pytest.approx(other[name], rel=rel, abs=1e-7, nan_ok=True), name


@pytest.mark.parametrize("kind", ["run", "best", "saved", "tuned"])
def test_scores_on_what_it_was_trained_on_are_refused(
    trained, exported, judged, data, make_config, tmp_path, kind
):
    """Whatever way the weights took to the model."""
    from tfmsnet.records import sample_files, write_records

    seen = sorted(json.loads((trained / "surrogate.json").read_text())["train_geometries"])
    turned = tmp_path / "turned"
    write_records(sample_files(data), turned, split="0/2", seed=1)
    tested = {sample["geometry_id"] for sample in Split(turned, "test").manifest.samples("test")}
    assert tested & set(seen)
    source = {"run": trained, "best": trained / "best", "saved": exported, "tuned": tmp_path / "tuned"}[kind]
    if kind == "tuned":
        tfmsnet.train(judged, source, make_config(steps=2, horizon=((1.0, 1),)), init=trained / "best")
    with pytest.raises(UserError, match=r"was trained on .* of the test geometries"):
        tfmsnet.evaluate(source, turned, tmp_path / "report", reduced=False)


def test_a_model_of_before_is_scored_with_a_warning(trained, judged, altered, tmp_path):
    older = altered("older", lambda content: content.pop("train_geometries"), trained)
    warnings = []
    tfmsnet.evaluate(older, judged, tmp_path / "report", warn=warnings.append, reduced=False)
    assert "isn't recorded" in warnings[0]


def test_models_say_what_they_are(trained):
    model = tfmsnet.load_model(trained)
    assert repr(model) == "Model(concentration and potential, voxels of 0.5 um)"
    curve = model.curve(PhaseImage(np.array([[[1, 0] * 4] * 8] * 8, np.uint8)), 1.0)
    assert repr(curve).startswith("Curve(load=Load(1C: ")
