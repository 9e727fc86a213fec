"""Other people's image files: what they say is followed, what they leave open is asked for."""

import os

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tfmsnet.electrode import Recipe, generate, read_image, resample
from tfmsnet.electrode.image_files import open_image
from tfmsnet.electrode.writing import write_image
from tfmsnet.errors import UserError

UM = 1e-6


@pytest.fixture(scope="module")
def phase():
    return generate(Recipe(size=(10, 12, 16))).phase


def planes(phase):
    return np.ascontiguousarray(phase.transpose(2, 1, 0))


def imagej(path, phase, edges_um):
    x, y, z = edges_um
    metadata = {"axes": "ZYX", "spacing": z, "unit": "um"}
    tifffile.imwrite(path, planes(phase), imagej=True, resolution=(1 / x, 1 / y), metadata=metadata)


def ome(path, phase, edges_um):
    sizes = {f"PhysicalSize{axis}": 1e3 * edge for axis, edge in zip("XYZ", edges_um, strict=True)}
    units = {f"PhysicalSize{axis}Unit": "nm" for axis in "XYZ"}
    metadata = {"axes": "ZYX", **sizes, **units}
    tifffile.imwrite(path, planes(phase), ome=True, photometric="minisblack", metadata=metadata)


def compressed(path, phase, edges_um):
    """Centimetres in the tags; nothing along z."""
    resolution = (1e4 / edges_um[0], 1e4 / edges_um[1])
    tifffile.imwrite(
        path,
        planes(phase),
        compression="zlib",
        resolution=resolution,
        resolutionunit=3,
        photometric="minisblack",
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**20),
    writer=st.sampled_from([imagej, ome, compressed]),
    edge=st.sampled_from([0.2, 0.25, 0.5, 0.8]),
    data=st.data(),
)
def test_voxels_and_their_size_come_from_the_file_in_any_crop(tmp_path, seed, writer, edge, data):
    rng = np.random.default_rng(seed)
    phase = rng.integers(0, 3, rng.integers(4, 9, 3)).astype(np.uint8)
    phase[:2, 0, 0] = 0, 1
    writer(tmp_path / "image.tif", phase, (edge,) * 3)
    read = read_image(tmp_path / "image.tif", labels=(0, 1, 2))
    np.testing.assert_array_equal(read.phase, phase)
    assert read.voxel_size_m == pytest.approx(edge * UM)
    box = []
    for count in phase.shape:
        begin = data.draw(st.integers(0, count - 1))
        box.append((begin, data.draw(st.integers(begin + 1, count))))
    wanted = phase[tuple(slice(*pair) for pair in box)]
    if {0, 1} <= set(np.unique(wanted)):
        part = read_image(tmp_path / "image.tif", labels=(0, 1, 2), crop=tuple(box))
        np.testing.assert_array_equal(part.phase, wanted)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), ratios=st.tuples(*[st.floats(0.4, 3.0)] * 3))
def test_a_crop_is_the_part_of_the_resampled_whole(seed, ratios):
    from tfmsnet.electrode.resampling import source_range, target_count

    rng = np.random.default_rng(seed)
    phase = rng.integers(0, 3, (9, 11, 13)).astype(np.uint8)
    edges = [UM / ratio for ratio in ratios]
    whole = resample(phase, edges, UM)
    windows, spans = [], []
    for count, ratio in zip(phase.shape, ratios, strict=True):
        targets = target_count(count, ratio)
        begin = int(rng.integers(0, targets))
        end = int(rng.integers(begin + 1, targets + 1))
        spans.append(source_range(begin, end, ratio, count))
        windows.append((begin, end, spans[-1][0]))
    part = resample(phase[tuple(slice(*span) for span in spans)], edges, UM, windows)
    np.testing.assert_array_equal(part, whole[tuple(slice(a, b) for a, b, _ in windows)])


def test_unequal_edges_become_cubes(tmp_path, phase):
    imagej(tmp_path / "fib.tif", phase, (0.25, 0.25, 0.5))
    said = []
    read = read_image(tmp_path / "fib.tif", target_voxel_size_m=0.25e-6, say=said.append)
    np.testing.assert_array_equal(read.phase, phase.repeat(2, axis=2))
    assert "resampled from 0.25 x 0.25 x 0.5 um" in said[-1]
    given = read_image(tmp_path / "fib.tif", (0.25e-6, 0.25e-6, 0.5e-6))  # the smallest edge, by default
    np.testing.assert_array_equal(given.phase, read.phase)


def test_a_file_is_not_contradicted_in_silence(tmp_path, phase):
    write_image(generate(Recipe(size=(10, 12, 16))), tmp_path / "own.tif")
    assert read_image(tmp_path / "own.tif").voxel_size_m == pytest.approx(0.5e-6)
    with pytest.raises(UserError, match=r"own\.tif: voxel size along x: the file says 0\.5 um, .* 0\.25 um"):
        read_image(tmp_path / "own.tif", 0.25e-6)
    assert read_image(tmp_path / "own.tif", 0.25e-6, trust="command").voxel_size_m == 0.25e-6


def test_a_size_that_nobody_says_is_asked_for(tmp_path, phase):
    np.save(tmp_path / "image.npy", phase)
    # A photograph's resolution is no voxel.
    tifffile.imwrite(tmp_path / "dpi.tif", planes(phase), resolution=(72, 72), resolutionunit=2)
    for name in ("image.npy", "dpi.tif"):
        with pytest.raises(UserError, match="neither the file nor the command says it"):
            read_image(tmp_path / name)


def test_several_images_in_a_file_are_not_one(tmp_path, phase):
    with tifffile.TiffWriter(tmp_path / "two.tif") as tiff:
        tiff.write(planes(phase), photometric="minisblack")
        tiff.write(planes(phase[:, :, :6]), photometric="minisblack")
    with pytest.raises(UserError, match=r"holds 2 images \(0: 16x12x10, 1: 6x12x10\)"):
        read_image(tmp_path / "two.tif", 0.5e-6)
    np.testing.assert_array_equal(
        read_image(tmp_path / "two.tif", 0.5e-6, dataset="1").phase, phase[:, :, :6]
    )
    for plane in planes(phase):
        tifffile.imwrite(tmp_path / "pages.tif", plane, append=(tmp_path / "pages.tif").exists())
    said = []
    read = read_image(tmp_path / "pages.tif", 0.5e-6, say=said.append)
    np.testing.assert_array_equal(read.phase, phase)
    assert "16 pages that were written one by one" in said[0]


@pytest.mark.parametrize("axes", ["ZYX", "XYZ", "YXZ"])
def test_stated_axes_are_followed(tmp_path, phase, axes):
    array = np.ascontiguousarray(phase.transpose(["XYZ".index(axis) for axis in axes]))
    tifffile.imwrite(tmp_path / "axes.tif", array, photometric="minisblack", metadata={"axes": axes})
    if open_image(tmp_path / "axes.tif").axes == axes.lower():
        np.testing.assert_array_equal(read_image(tmp_path / "axes.tif", 0.5e-6).phase, phase)
    told = read_image(tmp_path / "axes.tif", 0.5e-6, axes=axes.lower())
    np.testing.assert_array_equal(told.phase, phase)


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.mat"])
def test_arrays_of_other_programs(tmp_path, phase, name):
    import h5py
    import scipy.io

    arrays = {"segmented": phase, "mask": np.ones(phase.shape, np.uint8), "note": np.arange(3)}
    path = tmp_path / name
    if name.endswith("npz"):
        np.savez(path, **arrays)
    elif name.endswith("mat"):
        scipy.io.savemat(path, arrays)
    else:
        with h5py.File(path, "w") as file:
            for key, value in arrays.items():
                file[key] = value
            file.attrs["voxel_size_m"] = 0.3e-6
    with pytest.raises(
        UserError, match=r"expected one array of three axes, found .*segmented \(10, 12, 16\)"
    ):
        read_image(path, 0.3e-6)
    read = read_image(path, None if name.endswith("h5") else 0.3e-6, dataset="segmented")
    np.testing.assert_array_equal(read.phase, phase)
    assert read.voxel_size_m == pytest.approx(0.3e-6)


def test_a_folder_of_slices(tmp_path, phase):
    for number, plane in enumerate(planes(phase)):
        Image.fromarray(plane).save(tmp_path / f"slice_{number + 8}.png")
    (tmp_path / "notes.txt").write_text("made somewhere")
    np.testing.assert_array_equal(read_image(tmp_path, 0.5e-6).phase, phase)
    (tmp_path / "slice_9.png").unlink()
    with pytest.raises(UserError, match=r"slice_8\.png is followed by another number than 9"):
        read_image(tmp_path, 0.5e-6)


def test_labels_of_any_kind(tmp_path, phase):
    particles = np.where(phase == 1, np.arange(phase.size).reshape(phase.shape) % 40 + 10, phase * 2)
    np.save(tmp_path / "numbers.npy", particles)
    read = read_image(tmp_path / "numbers.npy", 0.5e-6, labels="pore=0 am=10-49 cbd=4")
    np.testing.assert_array_equal(read.phase, phase)
    two = read_image(tmp_path / "numbers.npy", 0.5e-6, labels={"pore": [0, 4], "am": list(range(10, 50))})
    np.testing.assert_array_equal(two.phase, phase == 1)
    np.save(tmp_path / "padded.npy", np.pad(phase, ((3, 1), (0, 2), (4, 0)), constant_values=255))
    padded = read_image(tmp_path / "padded.npy", 0.5e-6, labels="pore=0 am=1 cbd=2 outside=255")
    np.testing.assert_array_equal(padded.phase, phase)
    for text in ("pore=0 am=1", "pore=0 am=1 cbd=1 outside=255", "am=1", "pore=x am=1", "pore 0"):
        with pytest.raises(UserError, match="labels"):
            read_image(tmp_path / "padded.npy", 0.5e-6, labels=text)


def test_a_crop_of_a_huge_image_reads_the_crop_alone(tmp_path, phase):
    path = tmp_path / "huge.npy"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3000, 3000, 3000), }".ljust(117) + b"\n"
    with open(path, "wb") as file:  # sparse: 27 GB that take no disk
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        start = file.tell()
        file.truncate(start + 3000**3)
        for x in range(10):
            for y in range(12):
                file.seek(start + (x * 3000 + y) * 3000)
                file.write(phase[x, y].tobytes())
    read = read_image(path, 0.5e-6, labels=(0, 1, 2), crop=((0, 10), (0, 12), (0, 16)))
    np.testing.assert_array_equal(read.phase, phase)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a pointer of Git LFS"),
        (b"\x1f\x8b\x08\x00rest", "compressed by gzip"),
        (b"", "the file is empty"),
    ],
)
@pytest.mark.parametrize("name", ["a.tif", "a.npy", "a.h5"])
def test_what_stands_in_a_file_s_place_is_named(tmp_path, content, message, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_image(tmp_path / name, 0.5e-6)


def test_a_missing_codec_is_named(tmp_path, phase, monkeypatch):
    pytest.importorskip("tifffile")

    def fail(*_, **__):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    compressed(tmp_path / "lzw.tif", phase, (0.5, 0.5, 0.5))
    monkeypatch.setattr("tifffile.TiffPage.asarray", fail)
    monkeypatch.setattr("tifffile.TiffPageSeries.asarray", fail)
    monkeypatch.setattr("tifffile.TiffFrame.asarray", fail)
    with pytest.raises(UserError, match=r"lzw\.tif: .*needs imagecodecs .*tfmsnet\[images\]"):
        read_image(tmp_path / "lzw.tif")


def test_an_image_whose_values_lie_elsewhere_is_refused(tmp_path, phase):
    import h5py

    raw = tmp_path / "elsewhere.raw"
    raw.write_bytes(os.urandom(phase.size))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("phase", phase.shape, "u1", external=[(str(raw), 0, phase.size)])
    with pytest.raises(UserError, match="its values lie in other files"):
        read_image(tmp_path / "a.h5", 0.5e-6)


@pytest.mark.parametrize("name", ["a.mhd", "a.mha", "a.nrrd"])
def test_medical_images(tmp_path, phase, name):
    itk = pytest.importorskip("SimpleITK")
    image = itk.GetImageFromArray(planes(phase))
    image.SetSpacing((0.3e-3, 0.3e-3, 0.6e-3))
    itk.WriteImage(image, str(tmp_path / name))
    read = read_image(tmp_path / name, target_voxel_size_m=0.3e-6)
    np.testing.assert_array_equal(read.phase, phase.repeat(2, axis=2))
    unsaid = itk.GetImageFromArray(planes(phase))
    itk.WriteImage(unsaid, str(tmp_path / name))
    with pytest.raises(UserError, match="neither the file nor the command says it"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("compression", ["lzw", "zstd", "packbits"])
def test_codecs(tmp_path, phase, compression):
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "a.tif", planes(phase), compression=compression, photometric="minisblack")
    box = ((2, 9), (0, 12), (3, 16))
    found = read_image(tmp_path / "a.tif", 0.5e-6, labels=(0, 1, 2), crop=box).phase
    np.testing.assert_array_equal(found, phase[2:9, :, 3:])


def packed_npz(path, array):
    np.savez_compressed(path, phase=array)


def packed_tiff(path, array):
    tifffile.imwrite(path, array, compression="zlib", photometric="minisblack", rowsperstrip=640)


def packed_hdf5(path, array):
    with h5py.File(path, "w") as file:
        file.create_dataset("phase", data=array, compression="gzip", chunks=array.shape)


def hollow_hdf5(path, array):
    with h5py.File(path, "w") as file:
        file.create_dataset("phase", (10**4, 10**4, 10**4), "u1", chunks=(100, 100, 100))


def packed_mat(path, array):
    scipy.io.savemat(path, {"phase": array}, do_compression=True)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("bomb.npz", packed_npz),
        ("bomb.tif", packed_tiff),
        ("bomb.h5", packed_hdf5),
        ("hollow.h5", hollow_hdf5),
        ("bomb.mat", packed_mat),
    ],
)
def test_a_small_file_that_unpacks_to_a_large_image_is_refused_before_it_does(
    tmp_path, monkeypatch, name, write
):
    monkeypatch.setattr("tfmsnet.foreign_files._UNPACKED_BYTES", 10**5)
    write(tmp_path / name, np.zeros((10, 640, 640), np.uint8))
    with pytest.raises(UserError, match=r"would take .* GB, but the file has .* MB: expected at most 300"):
        read_image(tmp_path / name, 0.5e-6, labels="pore=0 am=1 cbd=2")


def test_an_image_that_does_not_fit_into_memory_is_refused(tmp_path, phase):
    np.save(tmp_path / "phase.npy", phase)
    with pytest.raises(UserError, match=r"voxels: takes about .* GB of memory, .* are free here; .*--crop"):
        read_image(tmp_path / "phase.npy", 1e-4, target_voxel_size_m=1e-8)
