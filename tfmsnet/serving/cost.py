"""What memory an answer takes, by arithmetic, without TensorFlow: asked before anything is read."""

from dataclasses import dataclass

from tfmsnet.load import FRAMES
from tfmsnet.memory import require_memory


@dataclass(frozen=True)
class Cost:
    """What a model's answer takes, bytes.

    Attributes:
        voxel: of every voxel of a request.
        frame: of every voxel and every frame of the load.
        kept: of every voxel and frame of the fields that are asked for.
    """

    voxel: float
    frame: float
    kept: float

    @property
    def bytes_per_voxel(self) -> float:
        """Of an answer at constant current with all fields."""
        return self.voxel + FRAMES * (self.frame + self.kept)

    def require(self, voxels: int, frames: int, kept: int = 0) -> None:
        """Refuse an answer in this process that can't fit into the memory that is free here.

        Args:
            voxels: of the request, batch included.
            frames: of the load.
            kept: voxels and frames of each field that are asked for, batch included.

        Raises:
            UserError: it can't.
        """
        require_memory(
            voxels * (self.voxel + self.frame * frames) + self.kept * kept,
            f"image: an answer for {voxels:.3g} voxels and {frames} frames",
            "take a part of the image (--crop), larger voxels (--resample-um), or porous-electrode",
        )


# Of reduced models, above the 0.9 GB of TensorFlow and the graph: 72x72x244 voxels of resolved particles,
# twice what was measured, 90^3 of the porous electrode, 25 frames.
REDUCED_COST = {
    "porous-electrode": Cost(voxel=250.0, frame=16.0, kept=12.0),
    "resolved-particles": Cost(voxel=400.0, frame=16.0, kept=12.0),
}
