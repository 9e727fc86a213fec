"""Sample files -> a directory of TFRecord shards with its manifest, in parallel, resumable.

What identical samples and options make is identical to the byte, whatever the number of threads and
whether or not the writing was interrupted.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial as partial_of
from pathlib import Path
from threading import Lock

import joblib
import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.records.hdf5 import read_header, simulated_with
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.reference import REFERENCE, StoredReference
from tfmsnet.records.sample import Sample
from tfmsnet.records.shard import COMPRESSIONS, SCHEMA_VERSION
from tfmsnet.records.source import choose_reader
from tfmsnet.records.split import SPLITS, split_geometries
from tfmsnet.records.staging import Part, ShardPlan, StagingDirectory
from tfmsnet.records.statistics import merged, summary

REFUSE, KEEP, DROP = "refuse", "keep", "drop"
CHOICES = (REFUSE, KEEP, DROP)


def without_short(
    files: Sequence[Path], headers: Sequence[Sample], choice: str
) -> tuple[list[Path], list[Sample]]:
    """The files and headers to take; short are those of fewer frames than the longest under the same load.

    Samples that don't know their load are compared with each other.

    Args:
        files: of samples.
        headers: their samples, with or without the fields.
        choice: "refuse" takes none of a data set with short samples, "drop" leaves these out, "keep" takes
            all; the windows of a training are then no longer than its shortest sample.

    Raises:
        UserError: there are short samples and the choice is to refuse them, or it is another one.
    """
    _check_choice("short", choice)
    pairs, longest = list(zip(files, headers, strict=True)), {}
    for header in headers:
        longest[_load(header)] = max(longest.get(_load(header), 0), header.frames)
    short = [(file, header) for file, header in pairs if header.frames < longest[_load(header)]]
    if short and choice == REFUSE:
        file, header = min(short, key=lambda item: item[1].frames)
        frames, most = header.frames, longest[_load(header)]
        raise UserError(
            f"{file}: {frames} frames, where the longest discharge under its load has {most}; {len(short)} "
            f"of {len(files)} samples are short: leave them out (--short drop), or take them (--short keep) "
            f"and train on windows of at most {frames - 1} frames"
        )
    if choice == DROP:
        pairs = [(file, header) for file, header in pairs if header.frames == longest[_load(header)]]
    return [file for file, _ in pairs], [header for _, header in pairs]


def _load(header: Sample) -> str:
    """What tells the loads of samples apart; nothing where they aren't known."""
    return header.load.digest if header.load else ""


def without_partial(
    files: Sequence[Path], headers: Sequence[Sample], choice: str
) -> tuple[list[Path], list[Sample]]:
    """The files and headers to take; partial are those whose simulation failed before the end of the load.

    Args:
        files: of samples.
        headers: their samples, with or without the fields.
        choice: "refuse" takes none of a data set with partial samples, "drop" leaves these out, "keep" takes
            all.

    Raises:
        UserError: there are partial samples and the choice is to refuse them, or it is another one; nothing
            is left.
    """
    _check_choice("partial", choice)
    pairs = list(zip(files, headers, strict=True))
    partial = [(file, header) for file, header in pairs if not header.complete]
    if partial and choice == REFUSE:
        file, header = partial[0]
        raise UserError(
            f"{file}: its simulation failed after {header.times_s[-1]:g} s; {len(partial)} of {len(files)} "
            "samples are partial: leave them out (--partial drop), or take them (--partial keep)"
        )
    if choice == DROP:
        pairs = [(file, header) for file, header in pairs if header.complete]
    if not pairs:
        raise UserError(
            f"{files[0].parent}: all {len(files)} samples are partial; take them (--partial keep)"
        )
    return [file for file, _ in pairs], [header for _, header in pairs]


def _check_choice(name: str, choice: str) -> None:
    if choice not in CHOICES:
        raise UserError(f"{name}: expected one of {', '.join(CHOICES)}, found {choice!r}")


SHARD_BYTES = 150e6
# A split that is smaller is divided all the same: readers and workers take several files at a time.
SHARDS = 4


def write_records(
    files: Sequence[Path],
    directory: str | Path,
    *,
    split: str = "paper",
    seed: int = 0,
    compression: str = "",
    shard_bytes: float | None = None,
    short: str = REFUSE,
    partial: str = REFUSE,
    reader: str = "auto",
    reference: str | None = None,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Manifest:
    """Write a data set of records; the directory appears when it is complete.

    Until then finished shards lie in a hidden directory beside it: a call that was interrupted, or that
    failed for one sample, is continued by the same call.

    Args:
        files: sample files (HDF5).
        directory: where to; must not exist.
        split: see `split_geometries`.
        seed: of the split's draw.
        compression: "" or "GZIP"; one can't seek within a compressed shard, so each holds one sample.
        shard_bytes: about how large a shard is; by default 150 MB, or a quarter of a smaller split.
        short: what to do with discharges that ended before the others, see `without_short`.
        partial: what to do with those whose simulation failed on the way, see `without_partial`.
        reader: "auto", "h5py" or "tfio", see `choose_reader`.
        reference: name of one whose answers are stored beside the samples, twice their size, for networks
            that start from it; see `tfmsnet.references`.
        jobs: threads, each with a shard at a time; one per core by default.  A thread takes about four
            times the size of a sample.
        progress: called with the fraction done after each sample.

    Returns:
        The manifest.

    Raises:
        UserError: a sample that can't be read, or that doesn't fit the others (parameters, the same id twice,
            fewer frames); a split that can't be made; a directory that exists; another process writes it; a
            reference that there isn't.
    """
    if compression not in COMPRESSIONS:
        raise UserError(f"compression: expected '' or 'GZIP', found {compression!r}")
    reader, directory = choose_reader(reader, len(files)), Path(directory)
    if directory.exists():
        raise UserError(f"{directory}: exists already; choose another name or remove it")
    files, headers = without_partial(files, _headers(files), partial)
    files, headers = without_short(files, headers, short)
    splits = split_geometries(
        {h.geometry_id: (h.am_wt_percent, h.calendering_percent) for h in headers}, split, seed
    )
    stored = StoredReference(reference, headers[0].parameters) if reference else None
    voxels = {header.voxel_size_m for header in headers}
    plans = {
        name: _plans(
            name,
            [
                file
                for file, header in zip(files, headers, strict=True)
                if splits.get(header.geometry_id) == name
            ],
            compression,
            shard_bytes,
            stored.identity if stored else None,
        )
        for name in SPLITS
    }
    with StagingDirectory(directory) as bench:
        write = partial_of(bench.write, reader=reader, reference=stored)
        parts = _written(bench, [plan for name in SPLITS for plan in plans[name]], write, jobs, progress)
        moments = merged(moments for plan in plans["train"] for moments in parts[plan.name].moments)
        manifest = Manifest(
            SCHEMA_VERSION,
            compression,
            voxels.pop() if len(voxels) == 1 else None,
            headers[0].parameters,
            summary(moments),
            {name: [parts[plan.name].shard for plan in plans[name]] for name in SPLITS},
            {**stored.identity, "statistics": summary(moments, REFERENCE)} if stored else None,
        )
        bench.finish(manifest)
    return manifest


def _written(
    bench: StagingDirectory,
    plans: list[ShardPlan],
    write: Callable[..., Part],
    jobs: int | None,
    progress: Callable[[float], None] | None,
) -> dict:
    """Shard name -> its part, of all plans: kept where it is finished, else written now."""
    total, done, lock = sum(len(plan.files) for plan in plans), 0, Lock()

    def advance(samples: int = 1) -> None:
        nonlocal done
        with lock:
            done += samples
            if progress:
                progress(done / total)

    parts = {plan.name: bench.finished(plan) for plan in plans}
    missing = [plan for plan in plans if parts[plan.name] is None]
    kept = total - sum(len(plan.files) for plan in missing)
    if kept:
        advance(kept)
    with ThreadPoolExecutor(jobs or joblib.cpu_count()) as pool:
        writing = {plan.name: pool.submit(write, plan, advance=advance) for plan in missing}
        try:
            parts |= {name: future.result() for name, future in writing.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return parts


def _headers(files: Sequence[Path]) -> list[Sample]:
    """The samples without their fields, checked against each other."""
    headers, seen, areas = [], {}, {}
    for file in files:
        header = read_header(file)
        areas.setdefault(simulated_with(file) or None, file)
        if header.sample_id in seen:
            raise UserError(f"{file}: the same geometry and load as {seen[header.sample_id]}; remove one")
        seen[header.sample_id] = file
        headers.append(header)
        if not header.c_rate:
            raise UserError(
                f"{file}: no current flows at any time, so there is nothing to learn; leave it out"
            )
        if header.parameters != headers[0].parameters:
            raise UserError(f"{file}: parameters differ from those of {files[0]}; a data set has one cell")
    areas.pop(None, None)
    if len(areas) > 1:
        (one, first), (other, second) = list(areas.items())[:2]
        raise UserError(
            f"{second}: simulated with the reacting area {other}, {first} with that {one}; simulate the "
            "older ones again, or write two data sets"
        )
    return headers


def _plans(
    split: str,
    files: list[Path],
    compression: str,
    shard_bytes: float | None,
    reference: dict[str, str] | None,
) -> list[ShardPlan]:
    """The files of a split, in their order, divided into shards of about the same size."""
    sizes = np.array([file.stat().st_size for file in files], float)
    wanted = np.ceil(sizes.sum() / (shard_bytes or SHARD_BYTES))
    if not shard_bytes:
        wanted = max(wanted, min(SHARDS, len(files)))
    # By where in the split a file's middle lies.
    shares = (np.cumsum(sizes) - sizes / 2) / max(sizes.sum(), 1)
    number = np.arange(len(files)) if compression else (shares * wanted).astype(int)
    groups = [[files[i] for i in np.flatnonzero(number == n)] for n in np.unique(number)]
    names = [f"{split}-{i:05d}-of-{len(groups):05d}.tfrecord" for i in range(len(groups))]
    return [
        ShardPlan(name, tuple(group), compression, split == "train", reference)
        for name, group in zip(names, groups, strict=True)
    ]
