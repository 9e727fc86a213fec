"""tfmsnet describe as a user meets it: what it is told of an image, and what the image says itself."""

import json

import numpy as np
import pytest
import tifffile

from tfmsnet.electrode import PhaseImage, Recipe, generate
from tfmsnet.electrode.writing import write_image


@pytest.fixture(scope="module")
def phase():
    return generate(Recipe(size=(10, 12, 16))).phase


def test_three_edges_and_labels_by_phase(tfmsnet, phase, tmp_path):
    labels = np.array([7, 20, 3], np.uint8)[phase]
    np.save(tmp_path / "image.npy", np.pad(labels, ((0, 2), (1, 0), (0, 0)), constant_values=255))
    words = ("--labels", "pore=7", "am=10-30", "cbd=3", "outside=255")
    status, printed, err = tfmsnet(
        *("describe", tmp_path / "image.npy", "--voxel-size-um", 0.5, 0.5, 1, "--resample-um", 0.5, *words)
    )
    assert status == 0, err
    assert "10 x 12 x 32" in printed
    assert "resampled from 0.5 x 0.5 x 1 um to 10 x 12 x 32 voxels of 0.5 um" in err
    assert "without the padding: voxels x 0 to 10, y 1 to 13, z 0 to 16" in err


def test_the_file_is_trusted_unless_told_otherwise(tfmsnet, phase, tmp_path):
    path = tmp_path / "image.tif"
    write_image(PhaseImage(phase, 0.25e-6), path)
    assert "2.5 x 3 x 4 um" in tfmsnet("describe", path)[1]
    status, _, err = tfmsnet("describe", path, "--voxel-size-um", 0.5)
    assert status == 2
    assert "the file says 0.25 um, the command 0.5 um" in err
    told = ("--voxel-size-um", 0.5, "--trust", "command")
    assert "5 x 6 x 8 um" in tfmsnet("describe", path, *told)[1]


def test_one_of_several_images_is_named(tfmsnet, phase, tmp_path):
    with tifffile.TiffWriter(tmp_path / "two.tif") as tiff:
        for image in (phase[:, :, :8], phase):
            tiff.write(np.ascontiguousarray(image.transpose(2, 1, 0)), photometric="minisblack")
    command = ("describe", tmp_path / "two.tif", "--voxel-size-um", 0.5)
    assert "holds 2 images" in tfmsnet(*command)[2]
    assert "10 x 12 x 16" in tfmsnet(*command, "--dataset", 1)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--voxel-size-um", 0.5, 0.5), "expected one edge or three"),
        (("--voxel-size-um", "0"), "expected one edge or three, from 0.001 to 100 um"),
        (("--voxel-size-um", 0.5, "--labels", 0, 1), "expected three different numbers"),
        (("--voxel-size-um", 0.5, "--labels", "am=1"), "expected pore and am"),
        (("--voxel-size-um", 0.5, "--labels", "grey"), "expected three numbers or pore=..."),
        ((), "neither the file nor the command says it"),
    ],
)
def test_a_mistake_is_one_line(tfmsnet, phase, tmp_path, arguments, message):
    np.save(tmp_path / "image.npy", phase)
    status, _, err = tfmsnet("describe", tmp_path / "image.npy", *arguments)
    assert status == 2
    assert message in err.splitlines()[-1]


def test_json_for_programs_and_quiet(tfmsnet, sample, tmp_path):
    write_image(PhaseImage(sample.phase), tmp_path / "image.tif")
    status, out, err = tfmsnet("describe", tmp_path / "image.tif", "--json", "--resample-um", 1, "--quiet")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["shape"] == [6, 6, 8]
    assert found["one_c_ma_cm2"] > 0
    ratio = found["liquid_fraction"] / found["effective_transport"]
    assert ratio == pytest.approx(found["tortuosity_factor"])
    status, out, err = tfmsnet("describe", tmp_path / "image.tif", "--resample-um", 1)
    assert "resampled" in err
    assert f"{found['pore_tortuosity_factor']:.2f}, the CBD closed" in out
