"""The manifest notices what TensorFlow doesn't: cut, changed, missing and foreign shards."""

import copy
import json

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.files import write_json
from tfmsnet.records import Split, open_manifest, sample_files, verify, write_records
from tfmsnet.records.info import table
from tfmsnet.records.split import split_geometries
from tfmsnet.seals import read_sealed, write_sealed


def resealed(directory, **entries):
    """Change entries of a manifest as someone who seals it again."""
    content = read_sealed(directory / "manifest.json", "a manifest", "")
    write_sealed(directory / "manifest.json", {**content, **entries})


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


@pytest.fixture
def swapped(broken):
    """Records two of whose shards have each other's name."""
    one, two = sorted(broken.glob("train-*.tfrecord"))[:2]
    a, b = one.read_bytes(), two.read_bytes()
    assert len(a) == len(b)
    one.write_bytes(b)
    two.write_bytes(a)
    return broken


def test_another_record_than_the_manifest_s_is_not_read(swapped, make_config, tmp_path):
    from tfmsnet.training.run import train

    with pytest.raises(UserError, match=r"tfrecord: record 0: expected sample \S+, found"):
        list(Split(swapped, "train"))
    with pytest.raises(UserError, match=r"tfrecord: its checksum isn't the manifest's"):
        train(swapped, tmp_path / "run", make_config())
    assert not list(tmp_path.glob("run/*.h5"))


def test_swapped_and_extra_shards_are_noticed_by_verify(swapped):
    (swapped / "extra.tfrecord").write_bytes(shard(swapped).read_bytes())
    text = "\n".join(verify(swapped))
    assert "extra.tfrecord: not in the manifest" in text
    assert "record 0: expected sample" in text


def test_a_directory_without_records_and_an_old_schema_are_refused(broken, tmp_path):
    with pytest.raises(UserError, match="holds no manifest"):
        open_manifest(tmp_path / "nowhere")
    resealed(broken, schema_version=0)
    with pytest.raises(UserError, match="schema_version: expected 3 or 4, found 0"):
        open_manifest(broken)
    (broken / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: not readable"):
        open_manifest(broken)


def test_a_manifest_without_its_checksum_is_refused(broken):
    content = json.loads((broken / "manifest.json").read_text())
    del content["checksum"]
    write_json(broken / "manifest.json", {**content, "voxel_size_m": 2 * content["voxel_size_m"]})
    for read in (open_manifest, verify):
        with pytest.raises(UserError, match="holds no checksum of itself; write the records again"):
            read(broken)


@pytest.mark.parametrize("edge", [-5e-7, 0, 1.0, 5e-13])
def test_voxels_have_a_size(broken, edge):
    splits = open_manifest(broken).splits
    resealed(broken, voxel_size_m=edge)
    with pytest.raises(UserError, match=r"manifest\.json: voxel_size_m: expected metres"):
        open_manifest(broken)
    splits["train"][0]["samples"][0]["voxel_size_m"] = edge
    resealed(broken, voxel_size_m=None, splits=splits)
    with pytest.raises(UserError, match=r"tfrecord: .*: voxel_size_m: expected metres"):
        open_manifest(broken)


@pytest.mark.parametrize("name", ["../train.tfrecord", "/tmp/train.tfrecord", "a\\b.tfrecord", "passwd", ""])
def test_a_shard_lies_beside_its_manifest(broken, name):
    splits = open_manifest(broken).splits
    splits["train"][0]["file"] = name
    resealed(broken, splits=splits)
    with pytest.raises(UserError, match=r"expected the name of a \.tfrecord file in the same directory"):
        open_manifest(broken)


ODD = (None, True, 0, -1, 10**400, 1e300, float("nan"), "", "x", [], [0], {}, {"a": 1}, [[[]]])


def places(content, path=()):
    """The places of a JSON tree that can be replaced, one of each kind of list."""
    yield from [path] if path else []
    items = content.items() if isinstance(content, dict) else enumerate(content[:1])
    for key, part in items:
        if isinstance(part, dict | list):
            yield from places(part, (*path, key))
        else:
            yield (*path, key)


def test_odd_values_in_a_sealed_manifest_are_named(broken, rng):
    """Whatever stands in place of a value: refused in one line, or as good as what was there."""
    original = read_sealed(broken / "manifest.json", "a manifest", "")
    for place in places(original):
        for odd in (ODD[i] for i in rng.choice(len(ODD), 4, replace=False)):
            content = copy.deepcopy(original)
            part = content
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = odd
            write_sealed(broken / "manifest.json", content)
            try:
                table(open_manifest(broken))
            except UserError as error:
                assert "manifest.json" in str(error) or ".tfrecord" in str(error)  # noqa: PT017


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
