"""The command line as a user meets it: help, the whole path, and one clear line for every mistake."""

import json
import re

import h5py
import numpy as np
import pytest
import tifffile

from tfmsnet.cli.main import COMMANDS
from tfmsnet.electrode import PhaseImage
from tfmsnet.electrode.writing import write_image
from tfmsnet.records.split import split_geometries


@pytest.fixture
def image(sample, tmp_path):
    """The phase image of a sample as a file."""
    path = tmp_path / "image.tif"
    write_image(PhaseImage(sample.phase), path)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tfmsnet, command):
    status, out, _ = tfmsnet(command, "--help")
    assert status == 0
    assert f"Usage: tfmsnet {command}" in out
    assert len(out.splitlines()) > 5


def test_help_lists_every_command(tfmsnet):
    status, out, _ = tfmsnet("--help")
    assert status == 0
    assert all(command in out for command in COMMANDS)


def test_predict_answers_with_files_of_the_same_numbers(tfmsnet, run, image, tmp_path):
    out = tmp_path / "answer"
    status, printed, _ = tfmsnet("predict", image, "--c-rate", "1", "--model", run, "--out", out)
    assert status == 0
    names = {"fields.h5", "curve.csv", "curve.png", "slices.png", "answer.json"}
    assert {path.name for path in out.iterdir()} == names
    assert str(out / "curve.csv") in printed
    curve = np.genfromtxt(out / "curve.csv", delimiter=",", names=True)
    with h5py.File(out / "fields.h5") as file:
        np.testing.assert_allclose(curve["voltage_v"], file["voltage_v"], rtol=1e-5)
        solid = file["phase"][..., 0] != 0
        mean = file["potential"][..., 0][:, solid].mean(1, dtype=np.float64)
        np.testing.assert_allclose(curve["voltage_v"], mean, rtol=1e-5)
    assert (out / "slices.png").read_bytes()[:4] == b"\x89PNG"
    about = json.loads((out / "answer.json").read_text())
    mean = np.trapezoid if hasattr(np, "trapezoid") else np.trapz  # noqa: NPY201
    dol, voltage = curve["degree_of_lithiation"], curve["voltage_v"]
    expected = mean(voltage, dol) / (dol[-1] - dol[0])
    assert about["summary"]["mean_voltage_v"] == pytest.approx(expected, rel=1e-4)
    assert about["units"]["mean_voltage_v"] == "V"
    assert about["domain"]["ranges"]["c_rate"] == [1.0, 2.0]
    again = ("predict", image, "--model", run, "--out", out)
    refused(tfmsnet, "holds an answer under another load; choose another --out", *again, "--c-rate", "2")
    assert tfmsnet(*again, "--c-rate", "1")[0] == 0


def test_a_network_does_not_know_when_to_fall_back(tfmsnet, run, image, tmp_path):
    ask = ("predict", image, "--c-rate", "1", "--model", run, "--fallback", "simulate")
    status, _, err = tfmsnet(*ask, "--out", tmp_path / "answer")
    assert status == 0
    assert "doesn't say how far it may be off, so its answer stands" in err


def test_predict_says_what_it_was_not_trained_on(tfmsnet, run, image, tmp_path):
    asked = ("predict", image, "--c-rate", "5", "--model", run, "--out", tmp_path / "answer", "--json")
    status, printed, err = tfmsnet(*asked)
    assert status == 0
    warning = "largest C-rate: 5, trained on 1 to 2; the answer is extrapolated"
    assert f"warning: {warning}" in err.splitlines()
    assert warning in json.loads(printed)["warnings"]
    assert json.loads(printed) == json.loads((tmp_path / "answer" / "answer.json").read_text())


def test_predict_takes_a_model_or_a_server(tfmsnet, run, image, tmp_path):
    both = ("--model", run, "--server", "grpc://127.0.0.1:8500")
    arguments = ("predict", image, "--c-rate", "1", "--out", tmp_path / "answer", *both)
    refused(tfmsnet, "--model and --server: give one of them, or none", *arguments)
    arguments = ("predict", image, "--c-rate", "1", "--out", tmp_path / "answer")
    refused(tfmsnet, "server: expected grpc://HOST:PORT/NAME", *arguments, "--server", "localhost:8500")


def test_predict_reads_a_tiff_with_other_labels(tfmsnet, run, sample, tmp_path):
    pages = np.array([0, 85, 170], np.uint8)[sample.phase].transpose(2, 1, 0)
    tifffile.imwrite(tmp_path / "image.tif", pages)
    np.save(tmp_path / "image.npy", sample.phase)
    for kind in ("tif", "npy"):
        status, _, err = tfmsnet(
            *("predict", tmp_path / f"image.{kind}", "--c-rate", "2", "--voxel-size-um", "0.5"),
            *("--model", run, "--out", tmp_path / kind),
        )
        assert status == 0, err
    assert (tmp_path / "tif" / "curve.csv").read_text() == (tmp_path / "npy" / "curve.csv").read_text()


def test_the_path_from_samples_to_scores(tfmsnet, data, run, tmp_path):
    assert tfmsnet("records", "write", data, tmp_path / "records", "--split", "0/1")[0] == 0
    status, out, _ = tfmsnet("records", "info", tmp_path / "records")
    assert status == 0
    assert "12x12x16" in out
    info = json.loads(tfmsnet("records", "info", tmp_path / "records", "--json")[1])
    assert [len(info["splits"][split]["samples"]) for split in ("train", "test")] == [4, 2]
    assert tfmsnet("records", "verify", tmp_path / "records")[0] == 0
    arguments = ("evaluate", run, tmp_path / "records", "--no-reduced", "--json")
    status, out, _ = tfmsnet(*arguments, "--out", tmp_path / "report")
    assert status == 0
    scores = json.loads(out)["1C"]
    assert scores["0-D cell"]["concentration_vrmse_median"]["median"] == pytest.approx(1, rel=1e-3)
    assert {"AR-MSNet", "linear regression", "persistence (true frames)"} <= set(scores)
    assert (tmp_path / "report" / "report.html").is_file()
    assert tfmsnet("export", run, tmp_path / "served")[0] == 0
    assert (tmp_path / "served" / "1" / "saved_model.pb").is_file()


def test_simulate_makes_samples_and_keeps_those_that_are_there(tfmsnet, tmp_path):
    arguments = ("simulate", "--geometries", 1, "--size", 12, 12, 16, "--c-rates", "2", "--jobs", 1)
    assert tfmsnet(*arguments, "--out", tmp_path)[0] == 0
    (sample,) = tmp_path.glob("*.h5")
    written = sample.stat().st_mtime_ns
    status, out, _ = tfmsnet(*arguments, "--out", tmp_path)
    assert (status, sample.stat().st_mtime_ns) == (0, written)
    assert "1 of 1 discharges" in out


def without_cbd_and_am(phase):
    return np.zeros_like(phase)


def wrong_labels(phase):
    return phase + 7


def off_the_foil(phase):
    phase = phase.copy()
    phase[:, :, :2] = 0
    return phase


def flat(phase):
    return phase[:, :, :4]


@pytest.mark.parametrize("command", ["predict", "simulate"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_cbd_and_am, "0 (2304 voxels)"),
        (wrong_labels, "labels"),
        (off_the_foil, "foil"),
        (flat, "from foil to separator"),
    ],
)
def test_an_image_that_cannot_be_discharged(tfmsnet, run, sample, tmp_path, command, spoil, message):
    path = tmp_path / "bad.npy"
    np.save(path, spoil(sample.phase))
    arguments = {
        "predict": ("predict", path, "--c-rate", "1", "--voxel-size-um", "0.5", "--model", run),
        "simulate": ("simulate", "--image", path, "--voxel-size-um", "0.5", "--c-rates", "1"),
    }
    refused(tfmsnet, message, *arguments[command], "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def refused(tfmsnet, message, *arguments):
    """One line on stderr that says it, status 2."""
    status, _, err = tfmsnet(*arguments)
    assert status == 2, err
    lines = [line for line in err.splitlines() if not re.match(r"[\w ,]+: \d+ %, ", line)]
    lines = [
        line for line in lines if not line.startswith(("loading ", "predicting ", "exporting ", "asking "))
    ]
    assert len(lines) == 1, err
    assert lines[0].startswith("tfmsnet: ")
    assert message in lines[0]
    assert "Traceback" not in err


@pytest.mark.parametrize("c_rate", ["0", "1001", "nan", "one"])
def test_a_c_rate_that_is_none(tfmsnet, run, image, tmp_path, c_rate):
    out = tmp_path / "out"
    refused(tfmsnet, "", "predict", image, f"--c-rate={c_rate}", "--model", run, "--out", out)
    refused(tfmsnet, "", "simulate", f"--c-rates={c_rate}", "--out", out)
    assert not out.exists()


def test_other_mistakes(tfmsnet, run, records, broken, image, data, tmp_path):
    out = tmp_path / "out"
    missing, foreign = tmp_path / "missing", tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    predict = ("predict", image, "--c-rate", "1")
    refused(tfmsnet, "missing", *predict, "--model", missing, "--out", out)
    refused(tfmsnet, "foreign", *predict, "--model", foreign, "--out", out)
    for name, message in (
        ("missing.npy", "no such directory or file"),
        ("missing", "expected a folder of slices or a file"),
    ):
        arguments = ("predict", tmp_path / name, "--c-rate", "1", "--model", run)
        refused(tfmsnet, message, *arguments, "--out", out)
    refused(tfmsnet, "no such directory", "records", "write", missing, out)
    refused(tfmsnet, "holds no samples", "records", "write", foreign, out)
    refused(tfmsnet, "exists already", "records", "write", data, foreign)
    refused(tfmsnet, "no geometry is left", "records", "write", data, out, "--split", "2/1")
    refused(tfmsnet, "holds no manifest", "train", foreign, "--out", out)
    refused(tfmsnet, "new or empty directory", "train", records, "--out", foreign)
    refused(tfmsnet, "did you mean 'filters'", "train", records, "--out", out, "--set", "network.filter=3")
    refused(tfmsnet, "expected a run made by", "evaluate", foreign, records, "--out", out)
    refused(tfmsnet, "another --out", "demo", "--out", foreign)
    refused(tfmsnet, "No such command 'simulat'; did you mean 'simulate'?", "simulat")
    refused(tfmsnet, "No such command 'battery'", "battery")
    shard = next(iter(broken.glob("train-*.tfrecord")))
    shard.write_bytes(shard.read_bytes()[:-10])
    refused(tfmsnet, shard.name, "train", broken, "--out", out)
    refused(tfmsnet, shard.name, "evaluate", run, broken, "--out", out)
    status, _, err = tfmsnet("records", "verify", broken)
    assert status == 2
    assert shard.name in err
    assert not out.exists()
    assert [path.name for path in foreign.iterdir()] == ["notes.txt"]


def test_bare_commands_show_their_help(tfmsnet):
    for command in ((), ("records",)):
        status, out, _ = tfmsnet(*command)
        assert status == 0
        assert "Commands:" in out


def test_what_the_system_refuses(tfmsnet, run, records, image, data, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    predict = ("predict", image, "--c-rate", "1", "--model", run)
    refused(tfmsnet, "file", *predict, "--out", file)
    refused(
        tfmsnet, "at most 20", "predict", image, "--c-rate", "25", "--model", run, "--out", tmp_path / "out"
    )
    refused(tfmsnet, "file", "records", "write", data, file / "x", "--split", "0/1")
    refused(tfmsnet, "file", "export", run, file / "x")
    refused(tfmsnet, "file", "train", records, "--out", file / "x")
    assert file.read_text() == "mine"


@pytest.mark.parametrize("missing", ["network", "parameters", "statistics", "voxel_size_m"])
def test_a_damaged_run(tfmsnet, altered, image, tmp_path, missing):
    broken = altered("broken", lambda content: content.pop(missing))
    arguments = ("predict", image, "--c-rate", "1", "--model", broken, "--out", tmp_path / "out")
    refused(tfmsnet, "surrogate.json", *arguments)


def test_a_run_is_not_scored_on_what_it_was_trained_on(tfmsnet, run, samples, data, records, tmp_path):
    """Records of the same data split by another seed hold training geometries back."""
    recipes = {s.geometry_id: (s.am_wt_percent, s.calendering_percent) for s in samples}
    splits = {seed: split_geometries(recipes, "0/1", seed) for seed in range(20)}
    other = next(seed for seed, split in splits.items() if split != splits[0])
    assert tfmsnet("records", "write", data, tmp_path / "records", "--split", "0/1", "--seed", other)[0] == 0
    out = tmp_path / "report"
    refused(
        tfmsnet,
        "was trained on 1 of the test geometries",
        "evaluate",
        run,
        tmp_path / "records",
        "--out",
        out,
    )
    assert not out.exists()


def test_a_grid_smaller_than_the_scales_need(tfmsnet, run, records, tmp_path):
    phase = np.ones((1, 3, 9), np.uint8)
    phase[:, 1], phase[:, 2] = 2, 0
    np.save(tmp_path / "small.npy", phase)
    out = tmp_path / "out"
    message = "expected at least 2 along each edge"
    refused(
        *(tfmsnet, message, "predict", tmp_path / "small.npy", "--voxel-size-um", "0.5"),
        *("--c-rate", "1", "--model", run, "--out", out),
    )
    message = "12x12x16 voxels, expected at least 16 along each edge for 5 scales"
    refused(tfmsnet, message, "train", records, "--out", out, "--set", "scales=5")
    assert not out.exists()
