"""The voxels that results are brought onto."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode.image import check_voxel_size
from tfmsnet.errors import UserError

_LARGEST_VOXELS = 1e9


@dataclass(frozen=True)
class Grid:
    """Cubic voxels: the lower corner of the first one (x, y, z), m; how many (x, y, z); their edge, m."""

    origin_m: tuple[float, float, float]
    shape: tuple[int, int, int]
    voxel_size_m: float

    @classmethod
    def over(cls, low_m: Sequence[float], high_m: Sequence[float], voxel_size_m: float) -> "Grid":
        """The voxels that fit into a box; a rest at its upper end that doesn't fill a voxel is left out.

        Raises:
            UserError: no voxel fits, or more than can be meant.
        """
        check_voxel_size("voxel_size_m", voxel_size_m)
        edges = np.subtract(high_m, low_m)
        # Edges of whole voxels may carry rounding errors, and those of single precision.
        counts = np.floor(edges / voxel_size_m + 1e-4)
        if counts.min() < 1 or counts.prod() > _LARGEST_VOXELS:
            found = " x ".join(f"{1e6 * edge:.4g}" for edge in edges)
            raise UserError(
                f"box: {found} um are {' x '.join(f'{n:.0f}' for n in counts)} voxels of "
                f"{1e6 * voxel_size_m:g} um, expected at least 1 along each axis and at most "
                f"{_LARGEST_VOXELS:g} in all; check the unit of lengths"
            )
        return cls(tuple(float(x) for x in low_m), tuple(int(n) for n in counts), float(voxel_size_m))

    def centres_m(self, mask: np.ndarray) -> np.ndarray:
        """Centres (voxel, 3), m, of the voxels of a mask (x, y, z), in its C order."""
        return np.asarray(self.origin_m) + (np.argwhere(mask) + 0.5) * self.voxel_size_m
