"""manifest.json: what a data set of records consists of, and whether it still does.

TensorFlow neither names a broken shard nor notices one that was cut between two records; the manifest
keeps per shard the record count, the size and the checksum, and a checksum of itself.  Opening compares
counts and sizes (cheap), `verify` reads everything.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, write_text
from tfmsnet.halfcell import Parameters
from tfmsnet.records.reference import StoredReference
from tfmsnet.records.sample import Sample
from tfmsnet.records.shard import COMPRESSIONS, READABLE_VERSIONS, read_shard, record_offsets

FILE = "manifest.json"
SEAL = "checksum"


@dataclass(frozen=True)
class Manifest:
    """A data set of records.

    Attributes:
        schema_version: of the records.
        compression: "" or "GZIP".
        voxel_size_m: edge of a voxel, m, of all samples; None where they differ, and each one's description
            says it.
        parameters: of the cell, the same for all samples.
        statistics: field -> the attributes of `FieldStatistics`, of the training split.
        splits: split -> shards, each {file, records, bytes, sha256, samples}.
        reference: whose answers the records hold, beside the samples: name, digest and statistics of the
            deviations from it (see `tfmsnet.records.reference`); None where they hold none.
    """

    schema_version: int
    compression: str
    voxel_size_m: float | None
    parameters: Parameters
    statistics: dict[str, dict[str, float]]
    splits: dict[str, list[dict]]
    reference: dict | None = None

    def save(self, directory: str | Path) -> None:
        """Write `directory`/manifest.json, with a checksum of itself."""
        content = {**asdict(self), "parameters": self.parameters.as_dict()}
        if self.reference is None:  # as records without one have always been
            del content["reference"]
        write_text(Path(directory) / FILE, _sealed(content))

    def holds(self, reference: str) -> bool:
        """Whether the records hold the answers of a reference.

        Raises:
            UserError: they do, but of another version of it.
        """
        if not self.reference or self.reference["name"] != reference:
            return False
        stored = StoredReference(reference, self.parameters)
        if self.reference["digest"] != stored.identity["digest"]:
            raise UserError(
                f"records: hold what another version of the reference {reference} said; write them again "
                f"(`tfmsnet records write --reference {reference}`)"
            )
        return True

    def statistics_of(self, reference: str) -> dict[str, dict[str, float]]:
        """Those of the deviations from a reference that the records hold; else from the 0-D cell."""
        return self.reference["statistics"] if self.holds(reference) else self.statistics

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
    manifest, _ = load_manifest(Path(directory))
    problem = next(cheap_problems(manifest, Path(directory)), None)
    if problem:
        raise UserError(problem)
    return manifest


def _sealed(content: dict) -> str:
    """A manifest's text, the checksum of the rest of it at its end."""
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps({**content, SEAL: digest}, indent=1) + "\n"


def load_manifest(directory: Path) -> tuple[Manifest, bool]:
    """Read a manifest, and whether it holds a checksum of itself (those of older versions don't).

    Raises:
        UserError: it is missing, unreadable, of another schema version, or changed since it was written.
    """
    path = directory / FILE
    if not path.is_file():
        raise UserError(f"{directory}: holds no {FILE}; expected records made by `tfmsnet records write`")
    content = read_json(path, "a manifest of records")
    version = content.get("schema_version")
    if version not in READABLE_VERSIONS:
        expected = " or ".join(map(str, READABLE_VERSIONS))
        raise UserError(
            f"{path}: schema_version: expected {expected}, found {version}; write the records again"
        )
    seal = content.pop(SEAL, None)
    if seal is not None and _sealed(content).encode() != path.read_bytes():
        raise UserError(f"{path}: changed since it was written; restore it or write the records again")
    if content.get("compression") not in COMPRESSIONS:
        raise UserError(
            f"{path}: compression: expected one of {COMPRESSIONS}, found {content.get('compression')!r}"
        )
    try:
        parameters = Parameters.from_dict(content.pop("parameters"))
        manifest = Manifest(parameters=parameters, **content)
        for split in manifest.splits:
            manifest.samples(split)
        return manifest, seal is not None
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a manifest of records ({error}); write the records again") from None


def cheap_problems(manifest: Manifest, directory: Path) -> Iterator[str]:
    """By sizes and record lengths alone: shards that are missing, cut, or of another number of records."""
    for shard in (shard for shards in manifest.splits.values() for shard in shards):
        path = directory / shard["file"]
        if not path.is_file():
            yield f"{path}: missing; the manifest has it; write the records again"
        elif path.stat().st_size != shard["bytes"]:
            yield (
                f"{path}: expected {shard['bytes']} bytes, found {path.stat().st_size}; "
                "the shard was cut or changed: write the records again"
            )
        elif not manifest.compression:
            yield from _record_problems(path, shard["records"])


def _record_problems(path: Path, records: int) -> Iterator[str]:
    try:
        found = len(record_offsets(path))
    except UserError as error:
        yield str(error)
    else:
        if found != records:
            yield f"{path}: expected {records} records, found {found}; write the records again"


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
