"""Sample files: round trip, and every way in which one can be wrong."""

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
        (spoil_version, "format_version: expected 1, found 9"),
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
