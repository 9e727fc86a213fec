"""Spheres to voxels: distances from every voxel centre to the surfaces around it."""

import numpy as np

from tfmsnet.electrode.packing import Particles


def surface_distances(particles: Particles, size: tuple[int, int, int], voxel_size_m: float, reach_m: float):
    """Signed distances from voxel centres to the nearest and second nearest particle surface, m.

    Both arrays are (x, y, z) float32, negative inside a particle, and cut off at `reach_m`; x and y are
    periodic.
    """
    nearest = np.full(size, reach_m, dtype=np.float32)
    second = nearest.copy()
    for centre, radius in zip(particles.centre_m / voxel_size_m, particles.radius_m, strict=True):
        indices, squares = [], []
        for axis, (middle, count) in enumerate(zip(centre, size, strict=True)):
            extent = (radius + reach_m) / voxel_size_m
            index = np.arange(int(np.floor(middle - extent)), int(np.ceil(middle + extent)) + 1)
            if axis == 2:
                index = index[(index >= 0) & (index < count)]
            elif len(index) > count:  # one image of every voxel, the nearest
                index = index[:1] + (len(index) - count) // 2 + np.arange(count)
            indices.append(index % count)
            squares.append((index + 0.5 - middle) ** 2)
        x, y, z = (square.astype(np.float32) for square in squares)
        distance = np.sqrt(x[:, None, None] + y[None, :, None] + z) * voxel_size_m - radius
        window = np.ix_(*indices)
        old = nearest[window]
        second[window] = np.minimum(second[window], np.maximum(old, distance))
        nearest[window] = np.minimum(old, distance)
    return nearest, second
