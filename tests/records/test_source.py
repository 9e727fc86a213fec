"""h5py and tensorflow-io read the same samples bit for bit; which of them does is chosen silently right."""

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.records import source, write_records, write_sample
from tfmsnet.records.hdf5 import SCHEMA

HAS_TFIO = source.choose_reader() == "tfio"
needs_tfio = pytest.mark.skipif(not HAS_TFIO, reason="tensorflow-io isn't installed or doesn't load")


@needs_tfio
def test_both_readers_give_the_same_samples_bit_for_bit(small_files, data):
    from tfmsnet.records import sample_files

    files = [*small_files[:3], *sample_files(data)[:2]]
    pairs = list(zip(source.read_samples(files, "tfio"), source.read_samples(files, "h5py"), strict=True))
    assert len(pairs) == 5
    for one, other in pairs:
        for field in SCHEMA:
            a, b = getattr(one, field.name), getattr(other, field.name)
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        assert (one.sample_id, one.parameters, one.voxel_size_m) == (
            other.sample_id,
            other.parameters,
            other.voxel_size_m,
        )


@needs_tfio
def test_more_voxels_than_a_block_of_tensorflow_io(make, tmp_path):
    long = make(0, grid=(1030, 3, 2), frames=2)
    write_sample(long, tmp_path / "long.h5")
    (back,) = source.read_samples([tmp_path / "long.h5"], "tfio")
    np.testing.assert_array_equal(back.phase, long.phase)
    np.testing.assert_array_equal(back.potential, long.potential)


@needs_tfio
def test_a_file_that_was_written_again_is_read_again(make, tmp_path):
    for number in (1, 2):
        write_sample(make(number), tmp_path / "a.h5")
        (back,) = source.read_samples([tmp_path / "a.h5"], "tfio")
        np.testing.assert_array_equal(back.potential, make(number).potential)


def test_more_files_than_may_be_open_are_h5py_s():
    assert source.choose_reader("auto", 10**9) == "h5py"


@needs_tfio
def test_records_are_the_same_through_either(small_files, small, tmp_path):
    manifest = write_records(small_files, tmp_path / "records", split="1/2", reader="tfio")
    assert (tmp_path / "records" / "manifest.json").read_bytes() == (small / "manifest.json").read_bytes()
    shard = manifest.splits["train"][0]["file"]
    assert (tmp_path / "records" / shard).read_bytes() == (small / shard).read_bytes()


def test_without_tensorflow_io_it_is_h5py(monkeypatch, small_files):
    def absent(name):
        raise source.importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(source.importlib.metadata, "version", absent)
    assert source.choose_reader("auto") == "h5py"
    assert len(list(source.read_samples(small_files[:2]))) == 2
    with pytest.raises(UserError, match="tfio: tensorflow-io isn't installed"):
        source.choose_reader("tfio")


def test_with_a_tensorflow_that_it_was_not_built_for_it_is_h5py(monkeypatch):
    import sys

    monkeypatch.setattr(source.importlib.metadata, "version", lambda name: "0.37.1")
    monkeypatch.setitem(sys.modules, "tensorflow_io.python.ops", None)  # its import fails
    assert source.choose_reader("auto") == "h5py"
    with pytest.raises(UserError, match=r"tensorflow-io 0\.37\.1 doesn't load with TensorFlow"):
        source.choose_reader("tfio")


def test_another_reader_is_refused():
    with pytest.raises(UserError, match="expected one of auto, h5py, tfio, found 'pandas'"):
        source.choose_reader("pandas")


@pytest.mark.parametrize("reader", ["h5py", pytest.param("tfio", marks=needs_tfio)])
def test_a_bad_file_is_named_by_either(reader, make, tmp_path):
    import h5py

    write_sample(make(0), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["potential"][1, 0, 0, 0] = np.nan
    with pytest.raises(UserError, match=r"a\.h5: dataset potential: not finite"):
        list(source.read_samples([tmp_path / "a.h5"], reader))


@pytest.mark.parametrize("reader", ["h5py", pytest.param("tfio", marks=needs_tfio)])
def test_a_flipped_bit_is_named_by_either(reader, make, tmp_path):
    import h5py

    path = tmp_path / "a.h5"
    write_sample(make(0), path)
    with h5py.File(path, "r+") as file:
        where = tuple(np.argwhere(file["concentration"][...])[3])
        file["concentration"][where] = np.nextafter(file["concentration"][where], np.float32(np.inf))
    with pytest.raises(UserError, match=r"a\.h5: dataset concentration: changed since it was written"):
        list(source.read_samples([path], reader))
