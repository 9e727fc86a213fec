"""tfmsnet show: pictures of a sample, or one clear line."""

from dataclasses import replace
from functools import partial

import pytest
from PIL import Image

from tfmsnet.records.hdf5 import SCHEMA, write_sample


@pytest.fixture
def show(tfmsnet):
    """`tfmsnet show ARGUMENTS` in this process -> (status, stdout, stderr)."""
    return partial(tfmsnet, "show")


def test_a_sample_becomes_three_pictures(show, sample, tmp_path):
    path, in_time = tmp_path / "sample.h5", [field.name for field in SCHEMA if "time" in field.axes]
    write_sample(replace(sample, **{name: getattr(sample, name)[:3] for name in in_time}), path)
    status, printed, _ = show(path, "--out", tmp_path / "pictures")
    assert status == 0
    made = {path.name: path for path in (tmp_path / "pictures").iterdir()}
    assert made.keys() == {"slices.png", "curve.png", "film.gif"}
    assert all(str(path) in printed for path in made.values())
    for name in ("slices.png", "curve.png"):
        assert Image.open(made[name]).format == "PNG"
    assert Image.open(made["film.gif"]).n_frames == 3


def test_what_is_no_sample_is_one_line(show, tmp_path):
    (tmp_path / "notes.h5").write_text("mine")
    for name, message in (("missing.h5", "no such file"), ("notes.h5", "not readable as HDF5")):
        status, _, err = show(tmp_path / name, "--out", tmp_path / "pictures")
        assert status == 2
        (line,) = err.splitlines()
        assert line.startswith("tfmsnet: ")
        assert message in line
    assert not (tmp_path / "pictures").exists()


def test_what_is_drawn_is_chosen(show, samples, tmp_path):
    path, out = tmp_path / "sample.h5", tmp_path / "pictures"
    write_sample(samples[0], path)
    options = ("--plane", "z", "--at", 0, "--frames", "0,-1", "--over", "mAh/g", "--am-density-g-cm3", 4.7)
    status, _, err = show(path, "--out", out, "--no-film", "--format", "svg", *options)
    assert status == 0, err
    assert {made.name for made in out.iterdir()} == {"slices.svg", "curve.svg"}
    text = (out / "slices.svg").read_text()
    assert "0 s, DOL 0.46" in text
    assert "x (µm)" in text
    assert "mAh per g" in (out / "curve.svg").read_text()
    for wrong, message in (
        (("--frames", "0,99"), "frames: expected 0 to 24, got 99"),
        (("--frames", "last"), "--frames: expected numbers"),
        (("--over", "mAh/g"), "give the density of the active material"),
        (("--am-density-g-cm3", 4.7), "it is for --over mAh/g"),
    ):
        status, _, err = show(path, "--out", tmp_path / "none", *wrong)
        assert status == 2
        assert message in err
