"""Images that were written are read again, by tfmsnet and by others."""

import numpy as np
import pytest
import tifffile

from tfmsnet.electrode import Recipe, generate, read_image
from tfmsnet.electrode.writing import write_image
from tfmsnet.errors import UserError


@pytest.mark.parametrize("name", ["a.tif", "a.TIFF", "a.npy"])
def test_an_image_comes_back(tmp_path, name):
    image = generate(Recipe(size=(10, 12, 16)))
    write_image(image, tmp_path / name)
    back = read_image(tmp_path / name, 0.5e-6 if name.endswith("npy") else None)
    np.testing.assert_array_equal(back.phase, image.phase)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_tiff_says_how_large_its_voxels_are(tmp_path):
    write_image(generate(Recipe(size=(10, 12, 16))), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.series[0].axes == "ZYX"
        assert tiff.imagej_metadata["spacing"] == pytest.approx(0.5)
        pixels, per = tiff.pages[0].tags["XResolution"].value
        assert pixels / per == pytest.approx(20000)  # per cm


def test_other_names_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"a\.png: expected a name that ends in"):
        write_image(generate(Recipe(size=(10, 12, 16))), tmp_path / "a.png")
