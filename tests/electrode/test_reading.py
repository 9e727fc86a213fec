import numpy as np
import pytest
import tifffile

from tfmsnet.electrode import AM, CBD, Recipe, generate, read_image
from tfmsnet.errors import UserError


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(size=(10, 12, 16)))


def save(path, phase):
    """Write (x, y, z) labels as the format has them: TIFF pages along z, .npy as they are."""
    if path.suffix == ".npy":
        np.save(path, phase)
    else:
        tifffile.imwrite(path, np.ascontiguousarray(phase.transpose(2, 1, 0)), photometric="minisblack")
    return path


@pytest.mark.parametrize("name", ["a.tif", "a.tiff", "a.TIFF", "a.npy"])
def test_what_was_written_is_read(tmp_path, image, name):
    read = read_image(save(tmp_path / name, image.phase), image.voxel_size_m)
    np.testing.assert_array_equal(read.phase, image.phase)
    assert read.geometry_id == image.geometry_id


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_known_grey_values_are_mapped_without_being_told(tmp_path, image, dtype):
    path = save(tmp_path / "grey.tif", (image.phase * 85).astype(dtype))
    np.testing.assert_array_equal(read_image(path, 0.5e-6).phase, image.phase)


def test_labels_in_any_order_are_mapped_as_told(tmp_path, image):
    path = save(tmp_path / "grey.npy", np.array([255, 0, 7])[image.phase])
    np.testing.assert_array_equal(read_image(path, 0.5e-6, labels=(255, 0, 7)).phase, image.phase)


def test_given_labels_win_over_the_known_ones(tmp_path, image):
    path = save(tmp_path / "swapped.npy", np.array([2, 1, 0], dtype=np.uint8)[image.phase])
    np.testing.assert_array_equal(read_image(path, 0.5e-6, labels=(2, 1, 0)).phase, image.phase)


def test_labels_without_binder(tmp_path, image):
    path = save(tmp_path / "binary.npy", (image.phase > 0).astype(np.uint8))
    with pytest.raises(UserError, match=r"which label .* 0 \(\d+ voxels\), 1 \(\d+ voxels\)"):
        read_image(path, 0.5e-6)
    np.testing.assert_array_equal(read_image(path, 0.5e-6, labels=(0, 1, 2)).phase, image.phase > 0)


def test_axes_and_foil_side(tmp_path, image):
    path = save(tmp_path / "yzx.npy", image.phase.transpose(1, 2, 0)[:, ::-1])
    read = read_image(path, 0.5e-6, axes="yzx", foil_last=True)
    np.testing.assert_array_equal(read.phase, image.phase)


def test_pages_of_a_tiff_saved_one_by_one_are_planes_of_z(tmp_path, image):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as tiff:
        for plane in image.phase.transpose(2, 1, 0):
            tiff.write(plane, contiguous=False, metadata=None)
    np.testing.assert_array_equal(read_image(path, 0.5e-6).phase, image.phase)


def test_resampled_then_cropped(tmp_path, image):
    path = save(tmp_path / "fine.npy", image.phase.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    read = read_image(path, 0.25e-6, target_voxel_size_m=0.5e-6, crop=((1, 9), (0, 12), (4, 16)))
    np.testing.assert_array_equal(read.phase, image.phase[1:9, :, 4:])
    assert read.voxel_size_m == 0.5e-6


def test_solid_that_resampling_cuts_off_becomes_electrolyte_and_is_told(tmp_path):
    phase, said = np.zeros((8, 8, 24), np.uint8), []
    phase[:, :, :8] = phase[2:6, 2:6, 16:20] = AM
    phase[3, 3, 8:16] = CBD  # a bridge thinner than a voxel of the result
    path = save(tmp_path / "bridge.npy", phase)
    assert not read_image(path, 0.25e-6, target_voxel_size_m=0.5e-6, say=said.append).phase[:, :, 4:].any()
    assert said[-1] == "8 solid voxels that this cut off from the foil turned to electrolyte"
    # What was loose before is the user's to decide on.
    phase[3, 3, 10:16] = 0
    save(path, phase)
    assert read_image(path, 0.25e-6, target_voxel_size_m=0.5e-6).phase[:, :, 8:10].any()


def truncated(path, image):
    save(path, image.phase)
    path.write_bytes(path.read_bytes()[:-200])


def empty(path, image):
    path.touch()


def foreign(path, image):
    path.write_bytes(b"PK\x03\x04 not what the name says\n" * 20)


def flat(path, image):
    if path.suffix == ".npy":
        np.save(path, image.phase[0])
    else:
        tifffile.imwrite(path, image.phase[0])


def folder(path, image):
    path.mkdir()


def absent(path, image):
    pass


def unlabelled(path, image):
    save(path, (image.phase * 50 + 3).astype(np.uint8))


def words(path, image):
    save(path, np.full((3, 3, 3), "AM")) if path.suffix == ".npy" else save(path, image.phase * 1j)


@pytest.mark.parametrize("fault", [truncated, empty, foreign, flat, folder, absent, unlabelled, words])
@pytest.mark.parametrize("name", ["bad.tif", "bad.npy"])
def test_a_file_that_is_no_image_is_refused_in_one_line_with_its_name(tmp_path, image, fault, name):
    path = tmp_path / name
    fault(path, image)
    with pytest.raises(UserError) as caught:
        read_image(path, 0.5e-6)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_no_truncation_of_a_tiff_goes_unnoticed(tmp_path, image, one_by_one):
    planes = np.ascontiguousarray(image.phase.transpose(2, 1, 0))
    path = tmp_path / "whole.tif"
    if one_by_one:
        with tifffile.TiffWriter(path) as tiff:
            for plane in planes:
                tiff.write(plane, contiguous=False, metadata=None)
    else:
        tifffile.imwrite(path, planes, photometric="minisblack")
    whole = path.read_bytes()
    for kept in np.linspace(1, len(whole) - 1, 150).astype(int):
        path.write_bytes(whole[:kept])
        try:
            read = read_image(path, 0.5e-6).phase
        except UserError:
            continue
        np.testing.assert_array_equal(read, image.phase)  # only bytes that mean nothing were missing


def test_colours_are_refused(tmp_path, image):
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(path, np.stack([image.phase] * 3, axis=-1), photometric="rgb")
    with pytest.raises(UserError, match="3-D image of grey values"):
        read_image(path, 0.5e-6)


def test_pickles_and_archives_are_refused(tmp_path, image):
    pickled = tmp_path / "objects.npy"
    np.save(pickled, np.array([{}, None, 1], dtype=object), allow_pickle=True)
    archive = tmp_path / "archive.npy"
    with archive.open("wb") as file:
        np.savez(file, image.phase)
    for path in (pickled, archive):
        with pytest.raises(UserError, match="not readable as a NumPy array"):
            read_image(path, 0.5e-6)


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected a folder of slices or a file .tif"):
        read_image(tmp_path / "image.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": (0, 1)}, "three different numbers"),
        ({"labels": (0, 1, 1)}, "three different numbers"),
        ({"labels": (0, 1, 3)}, r"leave some out: found 0 .*, 2 \(\d+ voxels\)"),
        ({"labels": (0, 2, 9)}, "leave some out"),
        ({"axes": "zy"}, "letters x, y, z"),
        ({"voxel_size_m": 0.5}, "voxel_size_m"),
        ({"target_voxel_size_m": 0.5}, "target_voxel_size_m"),
        ({"target_voxel_size_m": 9e-6}, "smaller than one such voxel"),
        ({"crop": ((0, 10), (0, 12), (0, 17))}, "crop"),
        ({"crop": ((0, 10), (5, 5), (0, 16))}, "crop"),
        ({"crop": (8, 8, 8)}, "crop"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(tmp_path, image, options, message):
    path = save(tmp_path / "image.npy", image.phase)
    with pytest.raises(UserError, match=message):
        read_image(path, **{"voxel_size_m": 0.5e-6, **options})


def test_a_crop_without_active_material_is_refused_with_the_file(tmp_path, image):
    phase = image.phase.copy()
    phase[:, :, -4:] = 0
    path = save(tmp_path / "crop.npy", phase)
    with pytest.raises(UserError, match=r"crop\.npy: phase: no AM"):
        read_image(path, 0.5e-6, crop=((0, 10), (0, 12), (12, 16)))
