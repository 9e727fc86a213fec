"""No corruption of a data set goes unnoticed by `verify`, and each is named."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.records import open_manifest, verify, write_records
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.shard import encode, read_shard, record_offsets, write_shard
from tfmsnet.records.verification import named_errors


@pytest.fixture
def victim(small, tmp_path):
    """A copy of the small records to be damaged."""
    return shutil.copytree(small, tmp_path / "victim")


def found(directory):
    """What `verify` says, whether it lists problems or refuses the manifest."""
    try:
        return verify(directory)
    except UserError as error:
        return [str(error)]


def shards(directory):
    return sorted(directory.glob("*.tfrecord"))


def flip(directory, rng):
    path = sorted(directory.iterdir())[rng.integers(len(list(directory.iterdir())))]
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(bytes(content))
    return path.name


def overwrite(directory, rng):
    path = shards(directory)[rng.integers(len(shards(directory)))]
    content = bytearray(path.read_bytes())
    start = rng.integers(len(content))
    content[start : start + 64] = rng.bytes(len(content[start : start + 64]))
    path.write_bytes(bytes(content))
    return path.name


def truncate(directory, rng):
    path = sorted(directory.iterdir())[rng.integers(len(list(directory.iterdir())))]
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(len(content))])
    return path.name


def truncate_at_a_record(directory, rng):
    path = shards(directory)[rng.integers(len(shards(directory)))]
    offsets = record_offsets(path)
    path.write_bytes(path.read_bytes()[: offsets[rng.integers(len(offsets))]])
    return path.name


def append(directory, rng):
    path = shards(directory)[rng.integers(len(shards(directory)))]
    path.write_bytes(path.read_bytes() + rng.bytes(rng.integers(1, 40)))
    return path.name


def remove(directory, rng):
    path = sorted(directory.iterdir())[rng.integers(len(list(directory.iterdir())))]
    path.unlink()
    return path.name


def add(directory, rng):
    path = shards(directory)[rng.integers(len(shards(directory)))]
    shutil.copy(path, directory / "train-00009-of-00009.tfrecord")
    return "train-00009-of-00009.tfrecord"


def swap(directory, rng):
    one, other = rng.choice(len(shards(directory)), 2, replace=False)
    one, other = shards(directory)[one], shards(directory)[other]
    a, b = one.read_bytes(), other.read_bytes()
    one.write_bytes(b)
    other.write_bytes(a)
    return one.name


def swap_records(directory, rng):
    path = next(path for path in shards(directory) if len(record_offsets(path)) > 1)
    content, (_, second, *_) = path.read_bytes(), record_offsets(path)
    path.write_bytes(content[second:] + content[:second])
    return path.name


def compress(directory, rng):
    import gzip

    path = shards(directory)[rng.integers(len(shards(directory)))]
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path.name


DAMAGE = {
    flip: 120,
    overwrite: 10,
    truncate: 40,
    truncate_at_a_record: 10,
    append: 10,
    remove: 8,
    add: 4,
    swap: 6,
    swap_records: 2,
    compress: 4,
}


def test_a_walk_of_random_corruptions_finds_none_that_goes_unnoticed(small, tmp_path):
    assert sum(DAMAGE.values()) >= 200
    rng = np.random.default_rng(11)
    for damage, times in DAMAGE.items():
        for _ in range(times):
            victim = shutil.copytree(small, tmp_path / "victim")
            name = damage(victim, rng)
            problems = found(victim)
            assert problems, f"{damage.__name__} of {name} goes unnoticed"
            assert any(name in problem for problem in problems), (damage.__name__, name, problems)
            shutil.rmtree(victim)


@pytest.mark.parametrize("damage", [truncate_at_a_record, append, remove])
def test_what_a_cheap_check_can_see_is_refused_on_opening(victim, rng, damage):
    name = damage(victim, rng)
    with pytest.raises(UserError, match=name if name != "manifest.json" else "manifest"):
        open_manifest(victim)


def test_every_bad_record_is_named_and_the_good_ones_are_not(victim):
    path = next(path for path in shards(victim) if len(record_offsets(path)) > 1)
    content = bytearray(path.read_bytes())
    offsets = record_offsets(path)
    content[offsets[0] + 500] ^= 1
    path.write_bytes(bytes(content))
    text = "\n".join(verify(victim))
    assert "record 0: " in text
    assert "record 1" not in text


def resealed(directory, change):
    """Change a manifest and seal it again, as another program would."""
    content = json.loads((directory / "manifest.json").read_text())
    content.pop("checksum")
    change(content)
    parameters = open_manifest(directory).parameters
    Manifest(**{**content, "parameters": parameters}).save(directory)


def forge(directory, sample_of):
    """Replace the first training shard by one of changed samples, and the manifest to match."""
    manifest = open_manifest(directory)
    path = directory / manifest.splits["train"][0]["file"]
    samples = list(read_shard(path, "", manifest.parameters))
    shard = write_shard([sample_of(sample) for sample in samples], path, "")
    resealed(directory, lambda content: content["splits"]["train"].__setitem__(0, shard))
    return path.name


def with_value(sample, field, where, value):
    array = getattr(sample, field).copy()
    array[where] = value
    return replace(sample, **{field: array})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda s: with_value(s, "potential", (1, 2, 3, 4), np.nan),
            "record 0: dataset potential: not finite at",
        ),
        (
            lambda s: with_value(s, "concentration", (2, *np.argwhere(s.phase == 0)[0]), 1.0),
            "record 0: dataset concentration: expected 0 outside its phase, found 1",
        ),
        (
            lambda s: replace(s, times_s=s.times_s[[0, 2, 1, 3]]),
            "record 0: dataset times_s: expected frames in order",
        ),
        (lambda s: with_value(s, "phase", (0, 0, 0), 7), "record 0: dataset phase: expected labels"),
        (lambda s: replace(s, voxel_size_m=1e-6), "record 0: voxel_size_m: expected 5e-07"),
    ],
)
def test_a_wrong_sample_in_an_intact_shard_is_named(victim, spoil, message):
    name = forge(victim, spoil)
    problems = verify(victim)
    assert any(name in problem and message in problem for problem in problems), problems


def test_a_record_of_another_schema_version_is_named(victim, monkeypatch):
    def under_another_version(sample):
        monkeypatch.setattr("tfmsnet.records.shard.SCHEMA_VERSION", 7)
        return sample

    name = forge(victim, under_another_version)
    monkeypatch.undo()
    assert any(f"{name}: record 0: schema_version: expected 3 or 4, found [7]" in p for p in verify(victim))


def stale_statistics(content):
    content["statistics"]["potential"]["mean"] *= 1.0001


def empty_test(content):
    content["splits"]["test"] = []


def leaking(content):
    moved = content["splits"]["test"].pop()
    moved["samples"][0]["geometry_id"] = content["splits"]["train"][0]["samples"][0]["geometry_id"]
    content["splits"]["test"].append(moved)


def other_compression(content):
    content["compression"] = "GZIP"


def unknown_compression(content):
    content["compression"] = "LZMA"


def other_frames(content):
    content["splits"]["train"][0]["samples"][0]["frames"] = 99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (stale_statistics, "statistics of potential: mean: the training records give"),
        (empty_test, "split 'test' is empty"),
        (leaking, "is in train and in test"),
        (other_compression, "record 0: "),
        (unknown_compression, "compression: expected one of"),
        (other_frames, "record 0: frames: expected 99 as in the manifest, found 4"),
    ],
)
def test_a_manifest_that_is_not_the_one_of_its_shards_is_named(victim, change, message):
    resealed(victim, change)
    assert any(message in problem for problem in found(victim)), found(victim)


def test_a_manifest_of_another_writing_is_noticed(small_files, victim, tmp_path):
    write_records(small_files, tmp_path / "other", split="1/2", seed=5)
    shutil.copy(tmp_path / "other" / "manifest.json", victim)
    assert any("checksum isn't the manifest's" in problem for problem in verify(victim))


def test_a_record_that_isn_t_an_example_is_named(victim):
    manifest = open_manifest(victim)
    shard = manifest.splits["train"][0]
    samples = list(read_shard(victim / shard["file"], "", manifest.parameters))
    with tf.io.TFRecordWriter(str(victim / shard["file"])) as writer:
        writer.write(b"\xff" * 100)
        for sample in samples[1:]:
            writer.write(encode(sample))
    assert any("record 0: not a tf.train.Example" in problem for problem in verify(victim))


def test_tensorflow_s_error_about_a_broken_record_becomes_one_that_names_it(victim):
    name = overwrite(victim, np.random.default_rng(0))
    with pytest.raises(UserError, match=name), named_errors(victim):
        raise tf.errors.DataLossError(None, None, "corrupted record at 0")
