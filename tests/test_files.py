"""Files are whole or absent, whatever happens while they are written."""

import errno
import gzip
import json
import os
from pathlib import Path

import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.files import DiskFull, full_disk_named, read_json, replacing, replacing_directory, write_json


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail_halfway():
        with replacing(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_directory_never_appears(tmp_path):
    def fail_halfway():
        with replacing_directory(tmp_path / "made") as partial:
            (partial / "file").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError("49152 requested and 36496 written"),  # NumPy's
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        tf.errors.ResourceExhaustedError(None, None, f"events; {os.strerror(errno.ENOSPC)}\n of it"),
        tf.errors.DataLossError(None, None, "couldn't flush"),
    ],
)
def test_a_full_disk_is_named_whichever_library_wrote(tmp_path, error):
    with pytest.raises(OSError, match="room") as found, replacing(tmp_path / "file"):
        raise error
    assert found.value.filename == str(tmp_path / "file")


def test_a_full_disk_is_named_by_what_was_asked_for(tmp_path):
    with (
        pytest.raises(DiskFull) as within,
        full_disk_named(tmp_path),
        replacing(tmp_path / "file"),
    ):
        raise OSError(errno.ENOSPC, "")
    assert within.value.filename == str(tmp_path / "file")
    with (
        pytest.raises(DiskFull) as made,
        replacing_directory(tmp_path / "made") as partial,
        replacing(partial / "file"),
    ):
        raise OSError(errno.ENOSPC, "")
    assert made.value.filename == str(tmp_path / "made")


def test_an_existing_directory_is_not_replaced(tmp_path):
    (tmp_path / "made").mkdir()
    with pytest.raises(UserError, match="exists already"), replacing_directory(tmp_path / "made"):
        pass


def test_a_directory_may_take_the_place_of_an_earlier_one_when_it_is_whole(tmp_path):
    made = tmp_path / "made"
    for text in ("first", "second"):
        with replacing_directory(made, over=True) as partial:
            (partial / text).write_text(text)
            assert not (made / text).exists()
        assert [path.name for path in made.iterdir()] == [text]
    with pytest.raises(RuntimeError), replacing_directory(made, over=True):
        raise RuntimeError
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "second"]


def test_nothing_takes_its_name_before_it_is_on_the_disk(tmp_path, monkeypatch):
    """A power cut loses what isn't synchronised: a name would be left without content."""
    kept, sync = set(), os.fsync

    def synchronised(descriptor):
        sync(descriptor)
        kept.add(os.fstat(descriptor).st_ino)

    def after(rename):
        def call(source, target):
            inside = [Path(source), *Path(source).rglob("*")]
            assert {path.stat().st_ino for path in inside} <= kept
            rename(source, target)
            kept.discard(tmp_path.stat().st_ino)

        return call

    monkeypatch.setattr(os, "fsync", synchronised)
    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, after(getattr(os, name)))
    write_json(tmp_path / "file.json", {})
    assert tmp_path.stat().st_ino in kept  # the directory, which has the new name
    with replacing_directory(tmp_path / "made") as partial:
        (partial / "part").mkdir()
        (partial / "part" / "file").write_text("content")
    assert tmp_path.stat().st_ino in kept


def test_json_comes_back_and_what_is_none_is_named(tmp_path):
    path = tmp_path / "file.json"
    write_json(path, {"a": [1, 2]})
    assert read_json(path, "a test") == {"a": [1, 2]}
    path.write_text(json.dumps([1]))
    with pytest.raises(UserError, match=r"file\.json: expected a test \(a JSON object\), got list"):
        read_json(path, "a test")
    for text in ("[" * 100_000, "9" * 5000, '{"a": 1', ""):
        path.write_text(text)
        with pytest.raises(UserError, match=r"file\.json: (not readable as|expected) a test"):
            read_json(path, "a test")
    path.write_bytes(gzip.compress(b" " * (1 << 25) + b"{}"))
    with pytest.raises(UserError, match="more than 16777216 characters"):
        read_json(path, "a test")
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"file\.json: not readable as a test"):
        read_json(path, "a test")
