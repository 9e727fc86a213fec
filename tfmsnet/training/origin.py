"""Where a run's weights come from: chance, or a trained predictor that is to be fine-tuned."""

from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.store import (
    DESCRIPTION,
    WEIGHTS,
    described_network,
    load_weights,
    read_description,
    train_geometries,
)
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

    def give(self, predictor: Predictor) -> None:
        """Leave the weights as they are."""


class Trained(Chance):
    """The weights of a trained predictor, in its own units: fine-tuning.

    Args:
        directory: a run, or the package's own model.
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
            "init_description_sha256": sha256(self.directory / DESCRIPTION),
        }
        self.geometries = frozenset(train_geometries(self._description, self.directory) or ())

    def statistics(self, manifest: Manifest) -> dict:
        """Those of the weights: they mean the state in these units."""
        voxel = self._description["voxel_size_m"]
        if abs(manifest.voxel_size_m - voxel) > 1e-3 * voxel:
            raise UserError(
                f"{self.directory}: trained on voxels of {voxel * 1e6:g} um, the records have "
                f"{manifest.voxel_size_m * 1e6:g} um"
            )
        return self._description["statistics"]

    def give(self, predictor: Predictor) -> None:
        """Set the weights."""
        load_weights(predictor, self.directory)
