"""tfmsnet simulate as a user meets it: what it says, its exit status, and what lies in its directory."""

import re
from functools import partial

import numpy as np
import pytest

from tfmsnet import progress
from tfmsnet.electrode import PhaseImage
from tfmsnet.electrode.writing import write_image
from tfmsnet.load import gitt, read_load
from tfmsnet.records import read_sample

SMALL = ("--size", 12, 12, 16, "--frames", 4, "--jobs", 1)


@pytest.fixture
def simulate(tfmsnet):
    """`tfmsnet simulate ARGUMENTS` in this process -> (status, stdout, stderr)."""
    return partial(tfmsnet, "simulate")


@pytest.fixture
def images(tmp_path):
    """Two files: all of the CBD is joined to the foil through CBD, or half of it."""
    phase = np.zeros((8, 8, 12), np.uint8)
    phase[:, :, :7] = 1
    phase[:2, :, :4] = 2
    write_image(PhaseImage(phase), tmp_path / "wired.tif")
    phase[4:, :, 7:9] = 2
    write_image(PhaseImage(phase), tmp_path / "half.tif")
    return [tmp_path / "wired.tif", tmp_path / "half.tif"]


def test_a_failed_discharge_is_one_line_and_status_1_and_the_rest_is_there(simulate, tmp_path):
    out = tmp_path / "data"
    arguments = ("--geometries", 1, "--c-rates", "2,500", "--seed", 3, "--out", out, *SMALL)
    status, printed, err = simulate(*arguments)
    assert status == 1
    assert "1 of 2 discharges are in" in printed
    (line,) = [line for line in err.replace("\r", "\n").splitlines() if line.startswith("tfmsnet: ")]
    assert "seed300000_500C_4frames: " in line
    assert "lower C-rate" in line
    assert [path.name.endswith("seed300000_2C_4frames.h5") for path in out.iterdir()] == [True]


def test_a_cut_off_that_is_not_reached_is_said_and_not_in_the_name(simulate, images, tmp_path):
    out = tmp_path / "data"
    status, printed, err = simulate(
        "--image",
        images[0],
        "--c-rates",
        2,
        "--frames",
        3,
        "--cutoff-voltage",
        2.8,
        "--jobs",
        1,
        "--out",
        out,
    )
    assert status == 0
    assert [path.name for path in out.iterdir()] == ["wired_2C_3frames_or_2.8V.h5"]
    assert "wired_2C_3frames_or_2.8V: ended after its 3 frames at 3.98" in err
    assert "before the 2.8 V" in err
    assert "wired: 1C is 0.2096 mA/cm2" in printed
    assert "mA/cm2" in printed


def test_loads_from_files_are_discharges_of_one_electrode(simulate, images, tmp_path):
    out = tmp_path / "data"
    (tmp_path / "drive.csv").write_text("time_s,c_rate\n0,1\n10,-0.5\n20,0\n40,0\n")
    pulses = gitt(2.0, pulses=2, rest_s=60, limit_v=4.0)
    (tmp_path / "pulses.json").write_text(pulses.to_json())
    given = ("--load", tmp_path / "drive.csv", "--load", tmp_path / "pulses.json")
    status, _, err = simulate("--image", images[0], *given, "--jobs", 1, "--out", out)
    assert status == 0
    drive, pulsed = (read_sample(path) for path in sorted(out.iterdir()))
    assert drive.load == read_load(tmp_path / "drive.csv")
    assert drive.c_rate_profile.tolist() == [0, 1, -0.5, 0]
    assert pulsed.load == pulses
    assert f"wired_gitt-{pulses.digest}: segment 0 (2C) ended by voltage at 4.000 V" in err


def test_a_failure_keeps_its_frames_under_a_name_that_says_so(simulate, images, tmp_path):
    (tmp_path / "steep.csv").write_text("time_s,c_rate\n0,1\n100,100\n110,0\n")
    out = tmp_path / "data"
    status, _, err = simulate(
        "--image", images[0], "--load", tmp_path / "steep.csv", "--jobs", 1, "--out", out
    )
    assert status == 1
    (kept,) = out.iterdir()
    assert "_until_10" in kept.name
    assert kept.name in err
    assert not read_sample(kept).complete


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--c-rates", "1"), "--load says current"),
        (("--cutoff-voltage", "3"), "--load says current"),
    ],
)
def test_a_load_takes_no_options_of_constant_current(simulate, tmp_path, arguments, message):
    status, _, err = simulate("--load", tmp_path / "drive.csv", *arguments, "--out", tmp_path / "data")
    assert status == 2
    assert message in err


def test_progress_counts_discharges_and_failures(simulate, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    _, _, err = simulate("--geometries", 1, "--c-rates", "2,500", "--out", tmp_path, *SMALL)
    states = err.splitlines()
    assert any("0 of 2 done, 0 failed" in state for state in states)
    assert any("50 %" in state and "1 of 2 done, 0 failed" in state for state in states)
    assert any("100 %" in state and "1 of 2 done, 1 failed" in state for state in states)


def test_images_of_too_little_cbd_percolation_are_refused_in_one_line(simulate, images, tmp_path):
    given = [word for image in images for word in ("--image", image)]
    out = tmp_path / "data"
    status, _, err = simulate(
        *given, "--c-rates", "1,2", "--min-cbd-percolation", 0.9, "--out", out, "--jobs", 1, "--frames", 4
    )
    assert status == 1
    (line,) = [line for line in err.replace("\r", "\n").splitlines() if line.startswith("tfmsnet: ")]
    assert "half_1C_4frames, half_2C_4frames: " in line
    assert "joined to the foil through CBD" in line
    assert {path.name for path in out.iterdir()} == {"wired_1C_4frames.h5", "wired_2C_4frames.h5"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backend", "ray://head:1"), "expected loky or dask://HOST:PORT"),
        (("--min-cbd-percolation", "1.5"), "0<=x<=1"),
        (("--frames", "1"), "x>=2"),
    ],
)
def test_options_that_cannot_be(simulate, tmp_path, arguments, message):
    status, _, err = simulate("--out", tmp_path / "data", *arguments)
    assert status == 2
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "data").exists()


def test_of_a_large_image_the_memory_is_told(simulate, images, tmp_path, monkeypatch):
    monkeypatch.setattr("tfmsnet.cli.simulate._LARGE_VOXELS", 700)
    _, _, err = simulate(
        "--image", images[0], "--c-rates", 1, "--frames", 2, "--jobs", 1, "--out", tmp_path / "d"
    )
    assert "wired: 0.000768 million voxels" in err
    assert "--crop" in err


def test_the_wide_design_refuses_what_it_draws(simulate, tmp_path):
    arguments = ("--design", "wide", "--size", 24, 24, 32, "--c-rates", "1", "--out", tmp_path / "data")
    status, _, err = simulate(*arguments)
    assert status == 2
    assert "--size, --c-rate: --design wide draws electrodes and loads itself" in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("of_an_image", "arguments", "named"),
    [
        (False, ("--crop", 0, 8, 0, 8, 0, 12, "--foil-last"), "--foil-last, --crop"),
        (False, ("--labels", "pore=0 am=1"), "--labels"),
        (True, ("--design", "paper", "--seed", 1), "--design, --seed"),
        (True, ("--size", 8, 8, 12, "--particle-diameter-um", 3), "--size, --particle-diameter-um"),
    ],
)
def test_options_that_would_be_ignored_are_refused(simulate, images, tmp_path, of_an_image, arguments, named):
    image = ("--image", images[0]) if of_an_image else ()
    status, _, err = simulate(*image, *arguments, "--out", tmp_path / "data")
    assert status == 2
    assert re.search(rf"{named}: .* image", err.splitlines()[-1])
    assert not (tmp_path / "data").exists()
