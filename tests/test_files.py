"""Files are whole or absent, whatever happens while they are written."""

import gzip
import json

import pytest

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing, replacing_directory, write_json


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


def test_an_existing_directory_is_not_replaced(tmp_path):
    (tmp_path / "made").mkdir()
    with pytest.raises(UserError, match="exists already"), replacing_directory(tmp_path / "made"):
        pass


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
