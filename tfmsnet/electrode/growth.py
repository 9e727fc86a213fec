"""Growth of a region voxel by voxel: whatever it takes stays joined to it."""

import heapq

import numpy as np
from scipy import ndimage


def grow(region: np.ndarray, priority: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
    """Add `count` voxels to a region, always the adjacent one of the lowest priority (invasion percolation).

    Args:
        region: mask (x, y, z) to start from.
        priority: (x, y, z) numbers without NaN; ties go to the lower index.
        allowed: mask (x, y, z) of the voxels that may be taken.
        count: how many to add.

    Returns:
        Mask (x, y, z) of the region with what it took.

    Raises:
        ValueError: fewer than `count` allowed voxels are joined to the region.
    """
    # A closed border of one voxel saves every test for the edge of the array.
    closed = np.pad(~allowed | region, 1, constant_values=True)
    border = np.pad(ndimage.binary_dilation(region), 1) & ~closed
    values = np.pad(priority, 1).ravel().tolist()
    steps = [sign * stride // closed.itemsize for stride in closed.strides for sign in (-1, 1)]
    front = [(values[voxel], voxel) for voxel in np.flatnonzero(border).tolist()]
    heapq.heapify(front)
    seen = bytearray((closed | border).tobytes())
    taken = []
    for _ in range(count):
        if not front:
            raise ValueError(f"{len(taken)} voxels are joined to the region, {count} are wanted")
        _, voxel = heapq.heappop(front)
        taken.append(voxel)
        for step in steps:
            neighbour = voxel + step
            if not seen[neighbour]:
                seen[neighbour] = True
                heapq.heappush(front, (values[neighbour], neighbour))
    grown = np.pad(region, 1)
    grown.ravel()[taken] = True
    return grown[1:-1, 1:-1, 1:-1].copy()
