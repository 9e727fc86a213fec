"""Sample files: round trip, and every way in which one can be wrong."""

import os

import h5py
import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.records import read_sample, sample_files, write_sample
from tfmsnet.records.hdf5 import SCHEMA, read_header


def test_a_sample_comes_back_bit_for_bit(sample, tmp_path):
    write_sample(sample, tmp_path / "sample.h5")
    back = read_sample(tmp_path / "sample.h5")
    for field in SCHEMA:
        np.testing.assert_array_equal(getattr(back, field.name), getattr(sample, field.name))
    assert back.sample_id == sample.sample_id
    assert back.parameters == sample.parameters
    assert (back.am_wt_percent, back.voxel_size_m) == (sample.am_wt_percent, sample.voxel_size_m)


def test_a_header_is_the_sample_without_its_fields(sample, tmp_path):
    write_sample(sample, tmp_path / "sample.h5")
    header = read_header(tmp_path / "sample.h5")
    assert header.concentration is None
    assert (header.sample_id, header.frames, header.grid) == (sample.sample_id, 25, sample.grid)


def spoil_nan(file):
    file["potential"][3, 0, 0, 0] = np.nan


def spoil_outside(file):
    where = tuple(np.argwhere(file["phase"][...] == 0)[0])
    file["concentration"][(2, *where)] = 1.0


def spoil_label(file):
    file["phase"][0, 0, 0] = 85


def spoil_order(file):
    file["times_s"][4] = file["times_s"][3]


def spoil_missing(file):
    del file["dol"]


def spoil_type(file):
    voltage = file["voltage_v"][...]
    del file["voltage_v"]
    file["voltage_v"] = voltage.astype("f4")


def spoil_shape(file):
    dol = file["dol"][...]
    del file["dol"]
    file["dol"] = dol[:-1]


def spoil_version(file):
    file.attrs["format_version"] = 9


def spoil_attribute(file):
    del file.attrs["voxel_size_m"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_nan, r"dataset potential: not finite at .* = \(3, 0, 0, 0\)"),
        (spoil_outside, "dataset concentration: expected 0 outside its phase, found 1"),
        (spoil_label, "dataset phase: expected labels 0, 1, 2, found 85"),
        (spoil_order, "dataset times_s: expected frames in order"),
        (spoil_missing, r"dataset dol: expected float64 \(time\), but missing"),
        (spoil_type, r"dataset voltage_v: expected float64 \(time\), found float32"),
        (spoil_shape, r"dataset dol: expected shape \(25,\), found \(24,\)"),
        (spoil_version, "format_version: expected 1 or 2 or 3, found 9"),
        (spoil_attribute, "attribute voxel_size_m: expected, but missing"),
    ],
)
def test_a_wrong_file_is_named_with_what_was_expected(sample, tmp_path, spoil, message):
    path = tmp_path / "sample.h5"
    write_sample(sample, path)
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(UserError, match=message) as error:
        read_sample(path)
    assert str(path) in str(error.value)


def bits_of(sample):
    arrays = [getattr(sample, field.name).tobytes() for field in SCHEMA]
    recipe = (sample.am_wt_percent, sample.calendering_percent, sample.voxel_size_m)
    return arrays, recipe, sample.geometry_id, sample.parameters


def test_no_flipped_bit_changes_a_sample_unnoticed(make, tmp_path, rng):
    path, refused = tmp_path / "sample.h5", []
    sample = make(0, grid=(4, 4, 5), frames=3)
    write_sample(sample, path)
    written = path.read_bytes()
    for _ in range(300):
        content = bytearray(written)
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        try:
            assert bits_of(read_sample(path)) == bits_of(sample)  # a gap in the file, or what no reader takes
        except UserError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert all(str(path) in message for message in refused)


def test_a_flipped_bit_is_named_with_its_dataset(sample, tmp_path):
    path = tmp_path / "sample.h5"
    write_sample(sample, path)
    with h5py.File(path) as file:
        chunk = file["potential"].id.get_chunk_info(3)
        where = np.flatnonzero(file["potential"][3])[7]
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 4 * where] ^= 1  # the last digit of a number
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"sample\.h5: dataset potential: changed since it was written"):
        read_sample(path)
    with h5py.File(path, "r+") as file:
        file.attrs["calendering_percent"] = 12.0
    with pytest.raises(UserError, match=r"sample\.h5: attributes: changed since"):
        read_header(path)


def test_a_file_of_a_version_without_checksums_is_readable(sample, tmp_path):
    path = tmp_path / "sample.h5"
    write_sample(sample, path)
    with h5py.File(path, "r+") as file:
        del file.attrs["checksums"]
    with pytest.raises(UserError, match="attribute checksums: expected, but missing"):
        read_sample(path)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 1
    assert bits_of(read_sample(path))[0] == bits_of(sample)[0]


def elsewhere(file, folder):
    secret = folder / "secret"
    secret.write_bytes(bytes(range(200)))
    length = file["voltage_v"].shape[0]
    del file["voltage_v"]
    file.create_dataset("voltage_v", (length,), "f8", external=[(str(secret), 0, 8 * length)])


def linked(file, folder):
    os.mkfifo(folder / "fifo")
    del file["voltage_v"]
    file["voltage_v"] = h5py.ExternalLink(str(folder / "fifo"), "/voltage_v")


def virtual(file, folder):
    shape = file["voltage_v"].shape
    layout = h5py.VirtualLayout(shape, "f8")
    layout[:] = h5py.VirtualSource(str(folder / "fifo"), "voltage_v", shape)
    del file["voltage_v"]
    file.create_virtual_dataset("voltage_v", layout)


def vast(file, folder):
    del file["potential"]
    file.create_dataset("potential", (10**6, 400, 400, 400), "f4", chunks=(1, 400, 400, 400))


def hollow(file, folder):
    shape = file["potential"].shape
    del file["potential"]
    file.create_dataset("potential", shape, "f4", chunks=(1, *shape[1:]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (elsewhere, "found it in another one"),
        (linked, "found a link to elsewhere"),
        (virtual, "found it in another one"),
        (vast, "potential would take .* GB, but the file has"),
        (hollow, "declares .* bytes, holds 0"),
    ],
)
def test_what_is_not_within_the_file_is_not_read(sample, tmp_path, spoil, message):
    path = tmp_path / "sample.h5"
    write_sample(sample, path)
    with h5py.File(path, "r+") as file:
        spoil(file, tmp_path)
    for read in (read_sample, read_header):
        with pytest.raises(UserError, match=message):
            read(path)


def test_foreign_and_missing_files_are_named(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"no HDF5")
    with pytest.raises(UserError, match=r"a\.h5: not readable as HDF5"):
        read_sample(tmp_path / "a.h5")
    with pytest.raises(UserError, match=r"b\.h5: no such file"):
        read_sample(tmp_path / "b.h5")
    with pytest.raises(UserError, match="no such directory"):
        sample_files(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no samples"):
        sample_files(tmp_path.parent / tmp_path.name / "..")


def test_a_bad_sample_leaves_no_file_behind(sample, tmp_path):
    from dataclasses import replace

    with pytest.raises(UserError, match="dol"):
        write_sample(replace(sample, dol=sample.dol[:-1]), tmp_path / "sample.h5")
    assert list(tmp_path.iterdir()) == []
