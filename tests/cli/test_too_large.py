"""What can't fit into memory is refused in a line, before any of it is taken."""

import tracemalloc

import numpy as np
import pytest

from tfmsnet import memory
from tfmsnet.electrode import PhaseImage
from tfmsnet.electrode.particles import Box, ParticleList, rasterise
from tfmsnet.errors import UserError
from tfmsnet.records.ingest.solution import VoxelGrid
from tfmsnet.serving.local import load_model

HUGE = ("--size", "100000", "100000", "100000")


@pytest.fixture
def image(tmp_path):
    """16 x 16 x 20 voxels; of 25 um each, 0.5 um are 128,000 times as many."""
    phase = np.ones((16, 16, 20), np.uint8)
    phase[..., 10:] = 0
    np.save(tmp_path / "image.npy", phase)
    return tmp_path / "image.npy"


@pytest.mark.parametrize(
    "arguments",
    [
        ("electrode", "make", *HUGE, "--out", "made.npy"),
        ("electrode", "make", "--engine", "lammps", *HUGE, "--out", "made.npy"),
        ("simulate", "--geometries", "1", *HUGE, "--c-rates", "1", "--jobs", "1", "--out", "made"),
        (
            *("simulate", "IMAGE", "--voxel-size-um", "25", "--resample-um", "0.5", "--c-rates", "1"),
            *("--out", "made"),
        ),
        ("describe", "IMAGE", "--voxel-size-um", "25", "--resample-um", "0.5"),
        ("predict", "IMAGE", "--voxel-size-um", "25", "--c-rate", "1", "--model", "RUN", "--out", "made"),
        (
            *("predict", "IMAGE", "--voxel-size-um", "25", "--resample-um", "0.5", "--c-rate", "1"),
            *("--model", "resolved-particles", "--out", "made"),
        ),
    ],
    ids=lambda arguments: " ".join(arguments[:4]),
)
def test_a_command_refuses_what_cannot_fit(tfmsnet, image, run, tmp_path, monkeypatch, arguments):
    there = {"IMAGE": str(image), "RUN": str(run)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1e9)
    tracemalloc.start()
    status, _, stderr = tfmsnet(*(there.get(part, part) for part in arguments))
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    line = stderr.strip().splitlines()[-1]
    assert status in (1, 2)
    assert "GB of memory, 1 GB are free here; " in line
    assert taken < 100e6
    assert not list(tmp_path.rglob("made/*.h5"))


def test_training_that_cannot_fit_is_refused(tfmsnet, records, tmp_path):
    status, _, stderr = tfmsnet("train", records, "--out", tmp_path / "run", "--set", "batch_size=1000000000")
    assert status == 2
    assert "training: takes about" in stderr
    assert "--dry-run" in stderr
    assert not (tmp_path / "run").exists()


def test_particles_make_no_image_that_cannot_fit(monkeypatch):
    one = ParticleList(
        np.full((1, 3), 50e-6), np.array([20e-6]), np.array([1], np.uint8), Box((0,) * 3, (1e-4,) * 3)
    )
    assert rasterise(one, 1e-6).shape == (100,) * 3
    monkeypatch.setattr(memory, "available_bytes", lambda: 1e7)
    with pytest.raises(UserError, match=r"box: an image of 200x200x200 voxels: .*--voxel-size-um"):
        rasterise(one, 0.5e-6)
    with pytest.raises(UserError, match=r"box: an image of 100x100x100 voxels: .*--supersample"):
        rasterise(one, 1e-6, supersampling=8)


def test_a_mesh_makes_no_voxels_that_cannot_fit(monkeypatch):
    assert VoxelGrid.over((0, 0, 0), (1e-4,) * 3, 1e-6).shape == (100, 100, 100)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1e7)
    with pytest.raises(UserError, match=r"box: 100 x 100 x 100 voxels: takes about .*--voxel-size-um"):
        VoxelGrid.over((0, 0, 0), (1e-4,) * 3, 1e-6)


def test_models_here_answer_for_what_fits(run, monkeypatch):
    models = [load_model(run), load_model("porous-electrode")]
    labels = np.ones((12, 12, 16), np.uint8)
    labels[..., 8:] = 0
    phase = PhaseImage(labels, 0.5e-6)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1e6)
    for model in models:
        assert model.bytes_per_voxel > 0
        with pytest.raises(UserError, match=r"image: an answer for .* takes about .*--crop"):
            model.fields(phase, 1.0)
