"""manifest.json: what a data set of records consists of, and whether it still does.

TensorFlow neither names a broken shard nor notices one that was cut between two records; the manifest
keeps per shard the record count, the size and the checksum, and a checksum of itself.  Opening compares
counts and sizes (cheap), `verify` reads everything.
"""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tfmsnet.configuration import Maybe, check_form
from tfmsnet.electrode.image import check_voxel_size
from tfmsnet.errors import UserError, naming
from tfmsnet.fields import FIELDS, STATISTICS
from tfmsnet.halfcell import Parameters
from tfmsnet.records.reference import StoredReference
from tfmsnet.records.sample import Sample
from tfmsnet.records.shard import COMPRESSIONS, READABLE_VERSIONS, read_shard, record_offsets
from tfmsnet.seals import read_sealed, write_sealed

FILE = "manifest.json"
_MOST = 10**6  # frames, and voxels along an edge
_SAMPLE = {
    "sample_id": str,
    "geometry_id": str,
    "c_rate": float,
    "frames": int,
    "grid": [int],
    Maybe("morphology"): {str: float},
    Maybe("voxel_size_m"): float,
    "am_wt_percent": (float, None),
    "calendering_percent": (float, None),
    Maybe("constant_current"): bool,
    Maybe("charges"): bool,
    Maybe("load"): str,
    Maybe("load_digest"): str,
    Maybe("complete"): bool,
}
_STATISTICS = {name: dict.fromkeys(STATISTICS, float) for name in FIELDS}
_FORM = {
    "schema_version": int,
    "compression": str,
    "voxel_size_m": (float, None),
    "parameters": {str: object},
    "statistics": _STATISTICS,
    "splits": {
        str: [{"file": str, "records": int, "bytes": int, "sha256": str, "samples": [_SAMPLE]}],
    },
    Maybe("reference"): ({"name": str, "digest": str, "statistics": _STATISTICS}, None),
}


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
        write_sealed(Path(directory) / FILE, content)

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
    manifest = load_manifest(Path(directory))
    problem = next(cheap_problems(manifest, Path(directory)), None)
    if problem:
        raise UserError(problem)
    return manifest


def load_manifest(directory: Path) -> Manifest:
    """Read a manifest.

    Raises:
        UserError: it is missing, unreadable, of another schema version or form, without its checksum, or
            changed since it was written.
    """
    path = directory / FILE
    if not path.is_file():
        raise UserError(f"{directory}: holds no {FILE}; expected records made by `tfmsnet records write`")
    content = read_sealed(path, "a manifest of records", "write the records again")
    version = content.get("schema_version")
    if version not in READABLE_VERSIONS:
        expected = " or ".join(map(str, READABLE_VERSIONS))
        raise UserError(
            f"{path}: schema_version: expected {expected}, found {version}; write the records again"
        )
    with naming(path):
        check_form(content, _FORM, str(path))
        if content["compression"] not in COMPRESSIONS:
            raise UserError(f"compression: expected one of {COMPRESSIONS}, found {content['compression']!r}")
        _check_voxel(content, "")
        for shard in (shard for shards in content["splits"].values() for shard in shards):
            _check_shard(shard)
        return Manifest(parameters=Parameters.from_dict(content.pop("parameters")), **content)


def _check_voxel(entry: dict, where: str) -> None:
    if entry.get("voxel_size_m") is not None:
        check_voxel_size(f"{where}voxel_size_m", entry["voxel_size_m"])


def _check_shard(shard: dict) -> None:
    """Refuse a shard that lies elsewhere or can't be."""
    name = shard["file"]
    if Path(name).name != name or "\\" in name or not name.endswith(".tfrecord"):
        raise UserError(
            f"shards: expected the name of a .tfrecord file in the same directory, found {name!r}"
        )
    if shard["records"] != len(shard["samples"]):
        raise UserError(
            f"{name}: expected a sample for each of {shard['records']} records, found {len(shard['samples'])}"
        )
    for sample in shard["samples"]:
        _check_voxel(sample, f"{name}: {sample['sample_id']}: ")
        if len(sample["grid"]) != 3 or not all(0 < n < _MOST for n in (sample["frames"], *sample["grid"])):
            raise UserError(
                f"{name}: {sample['sample_id']}: expected frames and a grid (x, y, z) of 1 or more"
            )


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
        UserError: as `open_manifest`; an empty split; while iterating, a broken record, or another one than
            the manifest has there.
    """

    def __init__(self, directory: str | Path, split: str):
        self.manifest = open_manifest(directory)
        self.files = self.manifest.files(directory, split)
        self.split = split

    def __len__(self) -> int:
        return len(self.manifest.samples(self.split))

    def __iter__(self) -> Iterator[Sample]:
        for path, shard in zip(self.files, self.manifest.splits[self.split], strict=True):
            found = read_shard(path, self.manifest.compression, self.manifest.parameters)
            for index, (sample, expected) in enumerate(itertools.zip_longest(found, shard["samples"])):
                wanted, there = expected and expected["sample_id"], sample and sample.sample_id
                if wanted != there:
                    raise UserError(
                        f"{path}: record {index}: expected sample {wanted}, found {there}; write the records "
                        "again"
                    )
                yield sample
