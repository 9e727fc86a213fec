"""Reads every byte of a data set of records: what isn't as it was written is named by file and record."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.records.hdf5 import check_sample
from tfmsnet.records.manifest import FILE, Manifest, cheap_problems, load_manifest
from tfmsnet.records.pipeline import ANOTHER_RECORD
from tfmsnet.records.sample import Sample
from tfmsnet.records.shard import decode, describe, read_record
from tfmsnet.records.split import SPLITS
from tfmsnet.records.statistics import Moments, merged, sample_moments, summary
from tfmsnet.seals import sha256

# Sums may be rounded otherwise on another machine.
_STATISTICS_RTOL = 1e-8


def verify(directory: str | Path, progress=None) -> list[str]:
    """Read every shard of a data set in full.

    Args:
        directory: of the records.
        progress: called with the fraction done after each shard.

    Returns:
        One line per problem, naming file and record; empty when all is well.

    Raises:
        UserError: no records there, or a manifest that can't be read.
    """
    directory = Path(directory)
    manifest = load_manifest(directory)
    problems = [*_manifest_problems(manifest, directory), *cheap_problems(manifest, directory)]
    listed = {shard["file"] for shards in manifest.splits.values() for shard in shards}
    for path in sorted(directory.glob("*.tfrecord")):
        if path.name not in listed:
            problems.append(f"{path}: not in the manifest; remove it or write the records again")
    shards = [(split, shard) for split in SPLITS for shard in manifest.splits.get(split, [])]
    trained = []
    for done, (split, shard) in enumerate(shards, 1):
        path = directory / shard["file"]
        if path.is_file():
            found, moments = _shard_problems(manifest, shard, path, split == "train")
            problems += found
            trained += moments
        if progress:
            progress(done / len(shards))
    if not problems:
        problems = list(_statistics_problems(manifest, trained, directory))
    return problems


def _manifest_problems(manifest: Manifest, directory: Path) -> Iterator[str]:
    path = directory / FILE
    for split in ("train", "test"):
        if not manifest.samples(split):
            yield f"{path}: split {split!r} is empty; write the records with another --split"
    for split in set(manifest.splits) - set(SPLITS):
        yield f"{path}: splits: expected {', '.join(SPLITS)}, found {split!r}"
    home: dict[str, str] = {}
    seen: set[str] = set()
    for split in manifest.splits:
        for sample in manifest.samples(split):
            if home.setdefault(sample["geometry_id"], split) != split:
                yield (
                    f"{path}: geometry {sample['geometry_id']} is in {home[sample['geometry_id']]} and in "
                    f"{split}; write the records again"
                )
            if sample["sample_id"] in seen:
                yield f"{path}: sample {sample['sample_id']} is there twice; write the records again"
            seen.add(sample["sample_id"])


def _shard_problems(
    manifest: Manifest, shard: dict, path: Path, train: bool
) -> tuple[list[str], list[dict[str, dict[str, Moments]]]]:
    problems, moments = [], []
    if sha256(path) != shard["sha256"]:
        problems.append(f"{path}: its checksum isn't the manifest's; write the records again")
    for index, place in enumerate(_places(path, manifest.compression, shard["records"])):
        name = f"{path}: record {index}"
        try:
            sample = _sample_at(manifest, path, place, name)
            problems += _record_problems(manifest, shard, index, sample, name)
            if train:
                moments.append(sample_moments(sample))
        except UserError as error:
            problems.append(str(error))
    return problems, moments


def _places(path: Path, compression: str, records: int) -> list[int]:
    """As `record_places`, but as far as the lengths lead: the last may be of a record that was cut."""
    if compression:
        return list(range(records))
    places, offset, size = [], 0, path.stat().st_size
    with open(path, "rb") as file:
        while offset < size:
            places.append(offset)
            file.seek(offset)
            offset += 16 + int.from_bytes(file.read(8), "little")
    return places


def _sample_at(manifest: Manifest, path: Path, place: int, name: str) -> Sample:
    try:
        record = _reader(manifest.compression)(str(path), place)
    except (tf.errors.OpError, ValueError) as error:
        message = str(getattr(error, "message", error)).split("\n")[0]
        raise UserError(f"{name}: {message}; write the records again") from None
    return decode(record.numpy(), manifest.parameters, name)


@functools.cache
def _reader(compression: str) -> tf.types.experimental.PolymorphicFunction:
    """`read_record`, traced once: it is called for every record."""
    signature = [tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int64)]
    return tf.function(lambda file, place: read_record(file, place, compression), input_signature=signature)


def _record_problems(manifest: Manifest, shard: dict, index: int, sample: Sample, name: str) -> Iterator[str]:
    check_sample(sample, name)
    if index >= len(shard["samples"]):
        yield f"{name}: not in the manifest; found sample {sample.sample_id}"
        return
    expected, found = shard["samples"][index], describe(sample)
    if expected["sample_id"] != found["sample_id"]:
        yield f"{name}: expected sample {expected['sample_id']}, found {found['sample_id']}"
        return
    voxel = (
        manifest.voxel_size_m if manifest.voxel_size_m is not None else expected.get("voxel_size_m", np.nan)
    )
    for key, value in found.items():
        if key != "voxel_size_m" and not _same(expected.get(key), value):
            yield f"{name}: {key}: expected {expected.get(key)} as in the manifest, found {value}"
    if not np.isclose(found["voxel_size_m"], voxel, rtol=1e-6, atol=0):  # records have it as float32
        yield f"{name}: voxel_size_m: expected {voxel}, found {sample.voxel_size_m}"


def _same(one, other) -> bool:
    """Equal, numbers within them to the rounding of another machine."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=_STATISTICS_RTOL, equal_nan=True))
    return one == other


def _statistics_problems(manifest: Manifest, trained: list, directory: Path) -> Iterator[str]:
    found = summary(merged(trained))
    for field, values in found.items():
        for name, value in values.items():
            expected = manifest.statistics.get(field, {}).get(name, np.nan)
            if not np.isclose(expected, value, rtol=_STATISTICS_RTOL, atol=0):
                yield (
                    f"{directory / FILE}: statistics of {field}: {name}: the training records give {value}, "
                    f"found {expected}; write the records again"
                )


@contextmanager
def named_errors(directory: str | Path) -> Iterator[None]:
    """Turn TensorFlow's error about a broken record, which names no file, into one that does.

    Raises:
        UserError: for the first thing that `verify` finds, or a record that isn't the manifest's.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError) as error:
        if isinstance(error, tf.errors.InvalidArgumentError) and ANOTHER_RECORD not in error.message:
            raise
        problems = verify(directory)
        if not problems:
            raise
        raise UserError(problems[0]) from error
