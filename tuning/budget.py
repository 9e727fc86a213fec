"""What a trial may cost: parameters, memory, time."""

from dataclasses import dataclass

from tfmsnet.training.config import RunConfig
from tfmsnet.training.memory import estimate, parameters


@dataclass(frozen=True)
class Budget:
    """Bounds on a trial; None where there is none.

    Attributes:
        parameters: of the network.
        memory_gb: of a training step, as `tfmsnet.training.memory` estimates it, 1e9 bytes.
        minutes: of training per trial; then the trial is scored as it stands.
    """

    parameters: int | None = None
    memory_gb: float | None = None
    minutes: float | None = None

    def excess(self, config: RunConfig, grid: tuple[int, int, int], frames: int) -> str | None:
        """What a configuration has too much of, or None where it fits.

        Args:
            config: of the trial.
            grid: voxels along x, y, z of the largest training discharge.
            frames: of a discharge, the initial one left out.
        """
        count = parameters(config)
        if self.parameters is not None and count > self.parameters:
            return f"{count:,} parameters, more than {self.parameters:,}"
        if self.memory_gb is not None:
            needed_gb = estimate(config, grid, frames=frames).total / 1e9
            if needed_gb > self.memory_gb:
                return f"{needed_gb:.2f} GB of memory, more than {self.memory_gb:g} GB"
        return None
