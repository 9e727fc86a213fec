"""Whose a run directory is: one configuration, one set of records and one origin of its weights, for good."""

import hashlib
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tfmsnet
from tfmsnet.errors import UserError
from tfmsnet.files import check_name, locked, remove_leftovers
from tfmsnet.materials import Parameters
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.store import (
    WEIGHTS,
    described_network,
    description_digest,
    load_weights,
    read_description,
    train_geometries,
)
from tfmsnet.records.manifest import FILE as MANIFEST
from tfmsnet.records.manifest import Manifest
from tfmsnet.seals import sha256, write_sealed
from tfmsnet.training.config import RunConfig, load_config, read_run

LOCK = ".lock"


class RandomWeights:
    """Weights as the seed has them, statistics of the records."""

    def __init__(self) -> None:
        self.identity: dict[str, str] = {}
        self.geometries: frozenset[str] = frozenset()

    def statistics(self, manifest: Manifest, network: NetworkConfig) -> dict:
        """Per field, the units of the state."""
        return manifest.statistics_of(network.reference)

    def give(self, predictor: Predictor) -> None:
        """Leave the weights as they are."""


class TrainedWeights(RandomWeights):
    """The weights of a trained predictor, in its own units: fine-tuning.

    Args:
        directory: a run.
        network: what the run is to train.

    Raises:
        UserError: no trained predictor there, or of another network.
    """

    def __init__(self, directory: str | Path, network: NetworkConfig):
        self.directory = Path(directory)
        self._description = read_description(self.directory)
        if described_network(self._description, self.directory) != network:
            raise UserError(
                f"{self.directory}: its network isn't the configuration's; leave --config, --preset and "
                "--mode away, and network values out of --set"
            )
        self.identity = {
            "init_sha256": sha256(self.directory / WEIGHTS),
            "init_description_sha256": description_digest(self.directory),
        }
        self.geometries = frozenset(train_geometries(self._description, self.directory) or ())

    def statistics(self, manifest: Manifest, network: NetworkConfig) -> dict:
        """Those of the weights: they mean the state in these units."""
        different = Parameters.from_dict(self._description["parameters"]).differences(manifest.parameters)
        if different and self.geometries:
            raise UserError(
                f"{self.directory}: trained on another cell than the records' ({different}); train from the "
                "beginning, without --init"
            )
        voxel = self._description["voxel_size_m"]
        if voxel is not None and (
            manifest.voxel_size_m is None or abs(manifest.voxel_size_m - voxel) > 1e-3 * voxel
        ):
            found = manifest.voxel_size_m
            raise UserError(
                f"{self.directory}: trained on voxels of {voxel * 1e6:g} um, the records have "
                f"{'several sizes' if found is None else f'{found * 1e6:g} um'}"
            )
        return self._description["statistics"]

    def give(self, predictor: Predictor) -> None:
        """Set the weights."""
        load_weights(predictor, self.directory)


@contextmanager
def claimed_run_directory(
    run: Path, records: Path, config: RunConfig, manifest: Manifest, origin: RandomWeights | None = None
) -> Iterator[None]:
    """Make the run directory, or check that it holds this very run; within the block no other process may.

    Args:
        run, records: directories.
        config: of the run.
        manifest: of the records.
        origin: of its weights.

    Raises:
        UserError: it holds another run, or something else; another process trains it.
    """
    check_name(run)
    content = _identity(records, config, origin or RandomWeights())
    path = run / "run.json"
    if path.is_file():
        found = read_run(path)
        if isinstance(found.get("config"), dict):
            found["config"] = _as_read_back(load_config(path))
        for key in sorted({*content, *(name for name in found if name.startswith("init_"))}):
            if found.get(key) != content.get(key):
                difference = _difference(key, found.get(key), content.get(key))
                raise UserError(
                    f"{run}: holds another run ({difference}); choose another --out, or remove it"
                )
    elif run.exists() and (not run.is_dir() or any(map(_is_foreign, run.iterdir()))):
        raise UserError(
            f"{run}: expected a new or empty directory, or a run to continue; choose another --out"
        )
    run.mkdir(parents=True, exist_ok=True)
    with locked(run / LOCK, f"{run}: another process is training it; wait for it, or choose another --out"):
        for folder in (run, run / "checkpoints", run / "best"):
            remove_leftovers(folder)
        if not path.is_file():
            write_sealed(path, {**content, "records": str(records.resolve()), "versions": _versions()})
        yield


def _is_foreign(path: Path) -> bool:
    return path.name != LOCK and not path.name.endswith(".partial")


def seen_geometries(manifest: Manifest, *splits: str) -> frozenset[str]:
    """The electrodes that a training on these records sees: to learn from ("train"), to choose best/
    ("validation").
    """
    return frozenset(sample["geometry_id"] for split in splits for sample in manifest.samples(split))


def digest(records: Path, config: RunConfig, origin: RandomWeights) -> int:
    """A number that is the same in all workers of one run."""
    text = json.dumps(_identity(records, config, origin), sort_keys=True)
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def _identity(records: Path, config: RunConfig, origin: RandomWeights) -> dict:
    return {"config": _as_read_back(config), "manifest_sha256": sha256(records / MANIFEST), **origin.identity}


def _as_read_back(config: RunConfig) -> dict:
    return json.loads(json.dumps(config.as_dict()))


def _difference(key: str, found, expected) -> str:
    if key.startswith("init_"):
        return "of another origin: --init differs"
    if key != "config":
        return f"of other records: {key} differs"
    for part, values in expected.items():
        there = found.get(part, {}) if isinstance(found, dict) else {}
        for name, value in values.items():
            if there.get(name) != value:
                return f"{part}.{name} is {there.get(name)!r} there, {value!r} here"
    return "config differs"


def _versions() -> dict[str, str]:
    return {
        "tfmsnet": tfmsnet.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
