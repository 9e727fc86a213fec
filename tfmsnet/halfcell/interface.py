"""The surface of the active material between voxels, without the voxels' staircase."""

from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode.surface import SMOOTHING_VOXELS, face_orientation

# Reach of the smoothing that normals are taken from: 1.5 of the paper's voxels, and of coarser ones.  A
# length, so that splitting voxels leaves the surface as it is.
_SMOOTHING_M = 0.75e-6
# A face whose normal lies in its own plane keeps a little area, so that no cell is cut off.
_SMALLEST_COSINE = 1e-3


@dataclass(frozen=True)
class Interface:
    """Faces between a cell of active material (AM) and one that holds electrolyte.

    Attributes:
        am: (faces,) cell among the AM cells.
        solid: (faces,) the same cell among the solid cells.
        liquid: (faces,) cell among the liquid cells.
        area_m2: (faces,) true area: the voxel's face times |n . e|, n being the surface's normal and e the
            face's.
        depth_m: (faces,) mean distance of the cell's centre from the true surface, |n . e| h / 2.
    """

    am: np.ndarray
    solid: np.ndarray
    liquid: np.ndarray
    area_m2: np.ndarray
    depth_m: np.ndarray


def find_interface(am: np.ndarray, solid: np.ndarray, liquid: np.ndarray, voxel_size_m: float) -> Interface:
    """The faces of the AM that react: to pores, carbon-binder domain and separator.

    Args:
        am, solid, liquid: (x, y, z) cell numbers, -1 elsewhere, the separator's layers included.
        voxel_size_m: edge of a voxel.
    """
    parts = []
    for axis, cosine in enumerate(_cosines(am >= 0, voxel_size_m)):
        (am_low, am_high), (solid_low, solid_high), (liquid_low, liquid_high) = (
            neighbours(number, axis) for number in (am, solid, liquid)
        )
        for am_side, solid_side, liquid_side in (
            (am_low, solid_low, liquid_high),
            (am_high, solid_high, liquid_low),
        ):
            here = (am_side >= 0) & (liquid_side >= 0)
            parts.append((am_side[here], solid_side[here], liquid_side[here], cosine[here]))
    *cells, cosines = (np.concatenate(part) for part in zip(*parts, strict=True))
    cosines = np.maximum(cosines.astype(np.float64), _SMALLEST_COSINE)
    return Interface(*cells, area_m2=cosines * voxel_size_m**2, depth_m=cosines * voxel_size_m / 2)


def neighbours(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper sides of all faces across `axis` (views)."""
    low, high = [slice(None)] * array.ndim, [slice(None)] * array.ndim
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return array[tuple(low)], array[tuple(high)]


def _cosines(am: np.ndarray, voxel_size_m: float) -> list[np.ndarray]:
    """|n . e| of the faces across x, y and z, see `face_orientation`.

    At the outer walls the AM goes on; at the separator's end it doesn't.
    """
    smoothing = max(SMOOTHING_VOXELS, _SMOOTHING_M / voxel_size_m)
    # Further than the smoothing reaches.
    beyond = int(4 * smoothing) + 2
    padded = np.pad(am, ((0, 0), (0, 0), (0, beyond)))
    height = am.shape[2]
    across_x, across_y, across_z = face_orientation(padded, smoothing)
    return [across_x[:, :, :height], across_y[:, :, :height], across_z[:, :, : height - 1]]
