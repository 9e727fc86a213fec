"""The manifest notices what TensorFlow doesn't: cut, changed, missing and foreign shards."""

import json

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.records import Split, open_manifest, sample_files, verify, write_records
from tfmsnet.records.info import table
from tfmsnet.records.split import split_geometries


def shard(directory, split="train"):
    return sorted(directory.glob(f"{split}-*.tfrecord"))[0]


def test_records_hold_every_sample_once_and_geometries_on_one_side(records, samples):
    manifest = open_manifest(records)
    assert verify(records) == []
    found = [s["sample_id"] for split in manifest.splits for s in manifest.samples(split)]
    assert sorted(found) == sorted(s.sample_id for s in samples)
    train = {s["geometry_id"] for s in manifest.samples("train")}
    test = {s["geometry_id"] for s in manifest.samples("test")}
    assert (len(train), len(test)) == (2, 1)
    assert not train & test
    assert len(manifest.splits["train"]) > 1


def test_reading_a_split_gives_the_samples(records, samples):
    by_id = {s.sample_id: s for s in samples}
    for sample in Split(records, "test"):
        np.testing.assert_array_equal(sample.concentration, by_id[sample.sample_id].concentration)


def test_info_prints_what_there_is(records):
    text = table(open_manifest(records))
    assert "1C, 2C; 25 frames; 12x12x16" in text
    assert "voxel size 0.5 um" in text


def test_a_shard_cut_between_two_records_is_noticed_on_opening(broken):
    path = shard(broken)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little") + 16
    path.write_bytes(content[:length])
    with pytest.raises(UserError, match=f"{path.name}: expected {len(content)} bytes, found {length}"):
        open_manifest(broken)


def test_a_missing_shard_is_noticed_on_opening(broken):
    shard(broken).unlink()
    with pytest.raises(UserError, match="missing"):
        open_manifest(broken)


def test_a_changed_byte_is_noticed_by_verify_anywhere(broken, rng):
    path = shard(broken)
    original = path.read_bytes()
    for position in rng.integers(len(original), size=8):
        content = bytearray(original)
        content[position] ^= 1
        path.write_bytes(bytes(content))
        problems = verify(broken)
        assert any(path.name in problem and "checksum" in problem for problem in problems)


def test_swapped_and_extra_shards_are_noticed_by_verify(broken):
    one, two = sorted(broken.glob("train-*.tfrecord"))[:2]
    (broken / "extra.tfrecord").write_bytes(one.read_bytes())
    a, b = one.read_bytes(), two.read_bytes()
    one.write_bytes(b)
    two.write_bytes(a)
    text = "\n".join(verify(broken))
    assert "extra.tfrecord: not in the manifest" in text
    assert "record 0: expected sample" in text


def test_a_directory_without_records_and_an_old_schema_are_refused(broken, tmp_path):
    with pytest.raises(UserError, match="holds no manifest"):
        open_manifest(tmp_path / "nowhere")
    manifest = json.loads((broken / "manifest.json").read_text())
    (broken / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 0}))
    with pytest.raises(UserError, match="schema_version: expected 3 or 4, found 0"):
        open_manifest(broken)
    (broken / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: not readable"):
        open_manifest(broken)


def test_writing_twice_makes_the_same_bytes_and_an_existing_directory_is_kept(data, records, tmp_path):
    again = tmp_path / "again"
    write_records(sample_files(data), again, split="0/1", shard_bytes=1.1e6)
    assert (again / "manifest.json").read_bytes() == (records / "manifest.json").read_bytes()
    with pytest.raises(UserError, match="exists already"):
        write_records(sample_files(data), again, split="0/1")


def test_a_bad_sample_leaves_no_directory(data, tmp_path):
    files = sample_files(data)
    (tmp_path / "bad.h5").write_bytes(files[0].read_bytes()[:1000])
    with pytest.raises(UserError, match=r"bad\.h5"):
        write_records([*files, tmp_path / "bad.h5"], tmp_path / "records")
    with pytest.raises(UserError, match="the same geometry and load"):
        write_records([files[0], files[0]], tmp_path / "records")
    assert not (tmp_path / "records").exists()
    assert not list(tmp_path.glob(".*"))


RECIPES = {
    f"g{i}": (am, c) for i, (am, c) in enumerate([(85.0, 0.0), (90.0, 10.0), (95.0, 20.0), (90.0, 0.0)])
}


def test_the_papers_split_holds_out_90_percent_am_at_10_percent_calendering():
    assert split_geometries(RECIPES, "paper") == {"g0": "train", "g1": "test", "g2": "train", "g3": "train"}


def test_a_drawn_split_has_the_asked_numbers_and_depends_on_the_seed_alone():
    one = split_geometries(RECIPES, "1/2", seed=3)
    assert sorted(one.values()) == ["test", "test", "train", "validation"]
    assert one == split_geometries(dict(reversed(RECIPES.items())), "1/2", seed=3)


@pytest.mark.parametrize(
    ("rule", "message"), [("2/2", "no geometry is left for train"), ("a", "expected 'paper'")]
)
def test_an_impossible_split_says_why(rule, message):
    with pytest.raises(UserError, match=message):
        split_geometries(RECIPES, rule)
