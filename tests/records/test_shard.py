"""Records: encode, parse and decode are inverses of each other."""

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.records.shard import ARRAYS, decode, encode, parse, read_shard, record_offsets, write_shard


def test_tensorflow_and_numpy_read_the_same_record(sample):
    record = encode(sample)
    decoded, parsed = decode(record, sample.parameters, "record"), parse(record)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(decoded, name), getattr(sample, name))
        np.testing.assert_array_equal(
            parsed[name], getattr(sample, name).astype(parsed[name].dtype.as_numpy_dtype)
        )
    assert parsed["sample_id"].numpy().decode() == decoded.sample_id == sample.sample_id


def test_the_same_samples_make_the_same_bytes(samples, tmp_path):
    one = write_shard(samples, tmp_path / "a.tfrecord", "")
    two = write_shard(samples, tmp_path / "b.tfrecord", "")
    assert one["sha256"] == two["sha256"]
    assert one["records"] == len(record_offsets(tmp_path / "a.tfrecord")) == len(samples)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_a_shard_comes_back(samples, tmp_path, compression):
    write_shard(samples, tmp_path / "a.tfrecord", compression)
    back = list(read_shard(tmp_path / "a.tfrecord", compression, samples[0].parameters))
    assert [s.sample_id for s in back] == [s.sample_id for s in samples]
    np.testing.assert_array_equal(back[-1].potential, samples[-1].potential)


def test_a_cut_record_is_named(samples, tmp_path):
    path = tmp_path / "a.tfrecord"
    write_shard(samples[:2], path, "")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"a\.tfrecord: ends within record 1"):
        record_offsets(path)
    with pytest.raises(UserError, match=r"a\.tfrecord: record 1"):
        list(read_shard(path, "", samples[0].parameters))


def test_another_schema_version_is_refused(sample, monkeypatch):
    monkeypatch.setattr("tfmsnet.records.shard.SCHEMA_VERSION", 7)
    record = encode(sample)
    monkeypatch.undo()
    with pytest.raises(UserError, match="schema_version: expected 3 or 4, found \\[7\\]"):
        decode(record, sample.parameters, "record 0")
