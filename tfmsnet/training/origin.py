"""Where a run's weights come from: chance, or a trained surrogate that is to be fine-tuned."""

from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.store import DESCRIPTION, WEIGHTS, described_network, load_weights, read_description
from tfmsnet.predictors.surrogate import Surrogate
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.shard import sha256


class Chance:
    """Weights as the seed has them, statistics of the records."""

    def __init__(self) -> None:
        self.identity: dict[str, str] = {}
        self.geometries: frozenset[str] = frozenset()

    def statistics(self, manifest: Manifest) -> dict:
        """Per field, the units of the state."""
        return manifest.statistics

    def give(self, surrogate: Surrogate) -> None:
        """Leave the weights as they are."""


class Trained(Chance):
    """The weights of a trained surrogate, in its own units: fine-tuning.

    Args:
        directory: a run, or the package's own model.
        network: what the run is to train.

    Raises:
        UserError: no trained surrogate there, or of another network.
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
            "init_description_sha256": sha256(self.directory / DESCRIPTION),
        }
        run = self.directory / "run.json"
        known = read_json(run, "a training run").get("train_geometries", []) if run.is_file() else []
        self.geometries = frozenset(known)

    def statistics(self, manifest: Manifest) -> dict:
        """Those of the weights: they mean the state in these units."""
        voxel = self._description["voxel_size_m"]
        if abs(manifest.voxel_size_m - voxel) > 1e-3 * voxel:
            raise UserError(
                f"{self.directory}: trained on voxels of {voxel * 1e6:g} um, the records have "
                f"{manifest.voxel_size_m * 1e6:g} um"
            )
        return self._description["statistics"]

    def give(self, surrogate: Surrogate) -> None:
        """Set the weights."""
        load_weights(surrogate, self.directory)
