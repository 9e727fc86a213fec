"""The hidden directory in which records grow until they are complete; what is finished survives a kill."""

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import tfmsnet
from tfmsnet.errors import UserError
from tfmsnet.files import locked, read_json, write_json
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.reference import StoredReference
from tfmsnet.records.shard import SCHEMA_VERSION, write_shard
from tfmsnet.records.source import read_samples
from tfmsnet.records.statistics import Moments, sample_moments
from tfmsnet.seals import sha256


@dataclass(frozen=True)
class ShardPlan:
    """A shard to be written: its file name, the samples in it, and whether it is of the training split.

    `reference` is the identity of the one whose answers it holds, if any.
    """

    name: str
    files: tuple[Path, ...]
    compression: str
    train: bool
    reference: dict | None = None

    def as_dict(self) -> dict:
        """All that decides the bytes of the shard: a shard of the same plan needn't be written again."""
        sources = [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in self.files]
        return {
            "sources": sources,
            "compression": self.compression,
            "train": self.train,
            "reference": self.reference,
            "schema_version": SCHEMA_VERSION,
            "tfmsnet": tfmsnet.__version__,
        }


@dataclass(frozen=True)
class Part:
    """A finished shard: what the manifest keeps of it, and the moments of its samples, if for training."""

    shard: dict
    moments: list[dict[str, dict[str, Moments]]]


class StagingDirectory:
    """Where the shards of a records directory are made; a context that one process at a time may enter.

    Raises:
        UserError: another process writes to the same directory.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self.root = directory.with_name(f".{directory.name}.writing")
        self.shards, self.parts = self.root / "records", self.root / "parts"

    def __enter__(self) -> "StagingDirectory":
        for path in (self.shards, self.parts):
            path.mkdir(parents=True, exist_ok=True)
        message = f"{self.directory}: another process is writing it; wait for it or choose another name"
        self._lock = locked(self.root / "lock", message)
        self._lock.__enter__()
        for leftover in self.root.rglob("*.partial"):
            leftover.unlink()
        return self

    def __exit__(self, kind, error, trace) -> None:
        if not any(self.parts.iterdir()):  # nothing worth keeping, or moved to its place
            shutil.rmtree(self.root, ignore_errors=True)
        self._lock.__exit__(None, None, None)

    def finished(self, plan: ShardPlan) -> Part | None:
        """The shard of a plan if an earlier call finished it and nothing has changed since."""
        try:
            content = read_json(self.parts / f"{plan.name}.json", "a finished shard")
        except UserError:
            return None
        path = self.shards / plan.name
        known = content.get("plan") == plan.as_dict() and path.is_file()
        if not known or sha256(path) != content["shard"]["sha256"]:
            return None
        moments = [
            {field: {kind: Moments(**values) for kind, values in kinds.items()} for field, kinds in m.items()}
            for m in content["moments"]
        ]
        return Part(content["shard"], moments)

    def write(
        self, plan: ShardPlan, reader: str, reference: StoredReference | None, advance: Callable[[], None]
    ) -> Part:
        """Write a shard and note that it is finished.

        Args:
            plan: of it.
            reader: "h5py" or "tfio".
            reference: whose answers it is to hold.
            advance: called after each sample.

        Raises:
            UserError: a sample that can't be read.
        """
        moments, described = [], plan.as_dict()

        def samples():
            for sample in read_samples(plan.files, reader):
                yield sample
                advance()

        def said(sample):
            found = reference.of(sample) if reference else None
            if plan.train:
                moments.append(sample_moments(sample, found))
            return found

        part = Part(write_shard(samples(), self.shards / plan.name, plan.compression, said), moments)
        content = {
            "plan": described,
            "shard": part.shard,
            "moments": [
                {f: {kind: asdict(values) for kind, values in kinds.items()} for f, kinds in m.items()}
                for m in moments
            ],
        }
        write_json(self.parts / f"{plan.name}.json", content)
        return part

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, last, and move all of it to its place."""
        wanted = {shard["file"] for shards in manifest.splits.values() for shard in shards}
        for path in self.shards.iterdir():
            if path.name not in wanted:  # of an earlier call with other options
                path.unlink()
        manifest.save(self.shards)
        os.rename(self.shards, self.directory)
        shutil.rmtree(self.parts)
        self.parts.mkdir()
