"""Sample files -> a directory of TFRecord shards with its manifest."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import replacing_directory
from tfmsnet.records.hdf5 import read_header, read_sample
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.sample import Sample
from tfmsnet.records.shard import SCHEMA_VERSION, write_shard
from tfmsnet.records.short import REFUSE, without_short
from tfmsnet.records.split import SPLITS, split_geometries
from tfmsnet.records.statistics import StatisticsAccumulator

SHARD_BYTES = 128e6


def write_records(
    files: Sequence[Path],
    directory: str | Path,
    *,
    split: str = "paper",
    seed: int = 0,
    compression: str = "",
    shard_bytes: float = SHARD_BYTES,
    short: str = REFUSE,
    progress: Callable[[float], None] | None = None,
) -> Manifest:
    """Write a data set of records; the directory appears when it is complete.

    Args:
        files: sample files (HDF5).
        directory: where to; must not exist.
        split: see `split_geometries`.
        seed: of the split's draw.
        compression: "" or "GZIP".
        shard_bytes: about how large a shard grows.
        short: what to do with discharges that ended before the others, see `without_short`.
        progress: called with the fraction done after each sample.

    Returns:
        The manifest.

    Raises:
        UserError: a sample that can't be read, or that doesn't fit the others (voxel size, parameters,
            the same id twice, fewer frames); a split that can't be made; a directory that exists.
    """
    if compression not in ("", "GZIP"):
        raise UserError(f"compression: expected '' or 'GZIP', found {compression!r}")
    with replacing_directory(directory) as partial:
        files, headers = without_short(files, _headers(files), short)
        splits = split_geometries(
            {h.geometry_id: (h.am_wt_percent, h.calendering_percent) for h in headers}, split, seed
        )
        accumulator, done = StatisticsAccumulator(), 0

        def samples(paths: Sequence[Path]):
            nonlocal done
            for path in paths:
                sample = read_sample(path)
                if splits[sample.geometry_id] == "train":
                    accumulator.add(sample)
                yield sample
                done += 1
                if progress:
                    progress(done / len(files))

        shards: dict[str, list[dict]] = {}
        for name in SPLITS:
            members = [
                file
                for file, header in zip(files, headers, strict=True)
                if splits[header.geometry_id] == name
            ]
            groups = _grouped(members, shard_bytes)
            shards[name] = [
                write_shard(
                    samples(group), partial / f"{name}-{i:05d}-of-{len(groups):05d}.tfrecord", compression
                )
                for i, group in enumerate(groups)
            ]
        manifest = Manifest(
            SCHEMA_VERSION,
            compression,
            headers[0].voxel_size_m,
            headers[0].parameters,
            accumulator.result(),
            shards,
        )
        manifest.save(partial)
    return manifest


def _headers(files: Sequence[Path]) -> list[Sample]:
    """The samples without their fields, checked against each other."""
    headers, seen = [], {}
    for file in files:
        header = read_header(file)
        if header.sample_id in seen:
            raise UserError(f"{file}: the same geometry and C-rate as {seen[header.sample_id]}; remove one")
        seen[header.sample_id] = file
        headers.append(header)
        for name in ("voxel_size_m", "parameters"):
            if getattr(header, name) != getattr(headers[0], name):
                raise UserError(f"{file}: {name} differs from that of {files[0]}; a data set has one of it")
    return headers


def _grouped(files: Sequence[Path], shard_bytes: float) -> list[list[Path]]:
    groups, size = [], float("inf")
    for file in files:
        if size + file.stat().st_size > shard_bytes:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.stat().st_size
    return groups
