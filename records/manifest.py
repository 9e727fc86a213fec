"""manifest.json: what a data set of records consists of, and whether it still does.

TensorFlow neither names a broken shard nor notices one that was cut between two records; the manifest
keeps per shard the record count, the size and the checksum.  Opening compares counts and sizes (cheap),
`verify` reads everything.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, write_json
from tfmsnet.halfcell import Parameters
from tfmsnet.records.hdf5 import check_sample
from tfmsnet.records.sample import Sample
from tfmsnet.records.shard import SCHEMA_VERSION, count_records, read_shard, sha256
from tfmsnet.records.split import SPLITS

FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """A data set of records.

    Attributes:
        schema_version: of the records.
        compression: "" or "GZIP".
        voxel_size_m: edge of a voxel, m, the same for all samples.
        parameters: of the cell, the same for all samples.
        statistics: field -> the attributes of `FieldStatistics`, of the training split.
        splits: split -> shards, each {file, records, bytes, sha256, samples}.
    """

    schema_version: int
    compression: str
    voxel_size_m: float
    parameters: Parameters
    statistics: dict[str, dict[str, float]]
    splits: dict[str, list[dict]]

    def save(self, directory: str | Path) -> None:
        """Write `directory`/manifest.json."""
        content = {**asdict(self), "parameters": self.parameters.as_dict()}
        write_json(Path(directory) / FILE, content)

    def samples(self, split: str) -> list[dict]:
        """The descriptions of a split's samples, in the order of the records."""
        return [sample for shard in self.splits.get(split, []) for sample in shard["samples"]]

    def files(self, directory: str | Path, split: str) -> list[Path]:
        """The shard files of a split.

        Raises:
            UserError: the split is empty.
        """
        if not self.samples(split):
            raise UserError(f"{directory}: split {split!r} is empty; write the records with another --split")
        return [Path(directory) / shard["file"] for shard in self.splits[split]]


def open_manifest(directory: str | Path) -> Manifest:
    """Read the manifest of a records directory and compare counts and sizes of its shards.

    Raises:
        UserError: no records there, another schema version, or a shard that is missing, cut or changed.
    """
    manifest = _load(Path(directory))
    problem = next(_cheap_problems(manifest, Path(directory)), None)
    if problem:
        raise UserError(problem)
    return manifest


def _load(directory: Path) -> Manifest:
    path = directory / FILE
    if not path.is_file():
        raise UserError(f"{directory}: holds no {FILE}; expected records made by `tfmsnet records write`")
    content = read_json(path, "a manifest of records")
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{path}: schema_version: expected {SCHEMA_VERSION}, found {version}; write the records again"
        )
    try:
        parameters = Parameters.from_dict(content.pop("parameters"))
        manifest = Manifest(parameters=parameters, **content)
        for split in manifest.splits:
            manifest.samples(split)
        return manifest
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a manifest of records ({error}); write the records again") from None


def _cheap_problems(manifest: Manifest, directory: Path) -> Iterator[str]:
    for shard in (shard for shards in manifest.splits.values() for shard in shards):
        path = directory / shard["file"]
        if not path.is_file():
            yield f"{path}: missing; the manifest has it; write the records again"
        elif path.stat().st_size != shard["bytes"]:
            yield (
                f"{path}: expected {shard['bytes']} bytes, found {path.stat().st_size}; "
                "the shard was cut or changed: write the records again"
            )
        elif not manifest.compression and count_records(path) != shard["records"]:
            yield f"{path}: expected {shard['records']} records, found {count_records(path)}"


def verify(directory: str | Path, progress=None) -> list[str]:
    """Read every shard of a data set in full.

    Args:
        progress: called with the fraction done after each shard.

    Returns:
        One line per problem, naming shard and record; empty when all is well.

    Raises:
        UserError: no records there, or a manifest that can't be read.
    """
    directory = Path(directory)
    manifest = _load(directory)
    problems = list(_cheap_problems(manifest, directory))
    listed = {shard["file"] for shards in manifest.splits.values() for shard in shards}
    for path in sorted(directory.glob("*.tfrecord")):
        if path.name not in listed:
            problems.append(f"{path}: not in the manifest; remove it or write the records again")
    shards = [shard for split in SPLITS for shard in manifest.splits.get(split, [])]
    for done, shard in enumerate(shards, 1):
        path = directory / shard["file"]
        if path.is_file():
            problems += _shard_problems(manifest, shard, path)
        if progress:
            progress(done / len(shards))
    return problems


def _shard_problems(manifest: Manifest, shard: dict, path: Path) -> list[str]:
    problems, index = [], 0
    if sha256(path) != shard["sha256"]:
        problems.append(f"{path}: its checksum isn't the manifest's; write the records again")
    try:
        for sample in read_shard(path, manifest.compression, manifest.parameters):
            expected = shard["samples"][index]["sample_id"] if index < shard["records"] else "none"
            if sample.sample_id != expected:
                problems.append(
                    f"{path}: record {index}: expected sample {expected}, found {sample.sample_id}"
                )
            check_sample(sample, f"{path}: record {index}")
            index += 1
    except UserError as error:
        problems.append(str(error))
    else:
        if index != shard["records"]:
            problems.append(f"{path}: expected {shard['records']} records, found {index}")
    return problems


class Split:
    """The samples of a split, read one at a time from their shards; may be gone through again and again.

    Raises:
        UserError: as `open_manifest`; an empty split; while iterating, a broken record.
    """

    def __init__(self, directory: str | Path, split: str):
        self.manifest = open_manifest(directory)
        self.files = self.manifest.files(directory, split)
        self.split = split

    def __len__(self) -> int:
        return len(self.manifest.samples(self.split))

    def __iter__(self) -> Iterator[Sample]:
        for path in self.files:
            yield from read_shard(path, self.manifest.compression, self.manifest.parameters)
