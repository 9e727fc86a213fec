"""tfmsnet voxelise: from particles to an image that the other commands take."""

import numpy as np
import pytest

from tfmsnet.electrode import AM, CBD, read_image

ROWS = """x,y,z,radius,type
2,2,2,2.2,1
6,6,2,2.2,1
4,4,4.5,2,1
2,6,2,2,2
6,2,2,2,2
"""


@pytest.fixture
def particles(tmp_path):
    path = tmp_path / "particles.csv"
    path.write_text(ROWS)
    return path


BOX = ("--box", 0, 8, 0, 8, 0, 8)


def test_particles_are_described_and_discharged(tfmsnet, particles, tmp_path):
    image = tmp_path / "image.tif"
    status, out, _ = tfmsnet(
        "voxelise", particles, "--out", image, *BOX, "--periodic", "xy", "--supersample", 2
    )
    assert status == 0
    assert "5 particles, 16x16x16 voxels" in out
    assert {AM, CBD} < set(np.unique(read_image(image).phase))
    status, out, _ = tfmsnet("describe", image)
    assert status == 0
    assert "tortuosity" in out
    options = ("--c-rates", 1, "--frames", 2, "--jobs", 1, "--remove-islands")
    status, out, err = tfmsnet("simulate", "--image", image, "--out", tmp_path / "data", *options)
    assert status == 0, err
    assert len(list((tmp_path / "data").glob("*.h5"))) == 1


def test_types_can_be_ranges(tfmsnet, particles, tmp_path):
    status, out, err = tfmsnet(
        "voxelise", particles, "--out", tmp_path / "a.npy", "--am-types", "1-2", "--cbd-types", ""
    )
    assert status == 0
    assert "0.0 % CBD" in out
    assert "--labels 0 1 2" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--unit", "ell"), "unit 'ell' isn't known"),
        (("--unit", "m"), "check the unit"),
        (("--am-types", "one"), "--am-types: expected whole numbers"),
        (("--am-types", "3"), r"types: 1 (3 particles) is neither AM [3] nor CBD [2]"),
        (("--timestep", 3), "a table has no timesteps"),
        (("--periodic", "xy"), "give a box"),
    ],
)
def test_a_mistake_is_one_line_and_no_file(tfmsnet, particles, tmp_path, arguments, message):
    status, _, err = tfmsnet("voxelise", particles, "--out", tmp_path / "a.tif", *arguments)
    assert status == 2
    assert message in err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["particles.csv"]


def test_a_range_of_types_has_an_end(tfmsnet, particles, tmp_path):
    status, _, stderr = tfmsnet(
        "voxelise", particles, *BOX, "--am-types", f"1-{10**30}", "--out", tmp_path / "x.npy"
    )
    assert status == 2
    assert "--am-types: expected whole numbers such as 1,3-5" in stderr


def test_the_image_must_be_one(tfmsnet, particles, tmp_path):
    status, _, err = tfmsnet("voxelise", particles, "--out", tmp_path / "a.png")
    assert status == 2
    assert "ends in .tif, .tiff or .npy" in err
