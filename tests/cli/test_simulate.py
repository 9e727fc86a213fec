"""tfmsnet simulate as a user meets it: what it says, its exit status, and what lies in its directory."""

from functools import partial

import numpy as np
import pytest

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
    np.save(tmp_path / "wired.npy", phase)
    phase[4:, :, 7:9] = 2
    np.save(tmp_path / "half.npy", phase)
    return [tmp_path / "wired.npy", tmp_path / "half.npy"]


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


def test_the_bar_counts_discharges_and_failures(simulate, tmp_path):
    _, _, err = simulate("--geometries", 1, "--c-rates", "2,500", "--out", tmp_path, *SMALL)
    states = err.replace("\r", "\n").splitlines()
    assert any("0 of 2 done, 0 failed" in state for state in states)
    assert any("50%" in state and "1 of 2 done, 0 failed" in state for state in states)
    assert any("100%" in state and "1 of 2 done, 1 failed" in state for state in states)


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
