"""Sizes of particles in an image, without having to tell one particle from the next."""

import numpy as np
from scipy import ndimage

_MOST_LEVELS = 24


def local_thickness(mask: np.ndarray) -> np.ndarray:
    """Diameter, in voxels, of the largest sphere within the mask that holds a voxel; 0 outside the mask.

    The local thickness of Hildebrand and Rüegsegger (1997, doi:10.1046/j.1365-2818.1997.1340694.x), by
    distance transforms at up to 24 radii.  Particles that touch keep their own sizes, as a sphere doesn't
    pass a neck.  Spheres read up to 1.6 voxels thin, slabs up to one voxel thick.  The mask is taken to go
    on beyond the image: a particle that the border cuts isn't counted as thinner for it.

    Args:
        mask: (x, y, z) bool.

    Returns:
        (x, y, z) float32.
    """
    # From centre to centre of voxels.  That is up to half a voxel too far at a flat wall; in a sphere the
    # nearest voxel misses the middle by as much, and the two errors cancel.
    depth = np.full(mask.shape, np.inf) if mask.all() else ndimage.distance_transform_edt(mask)
    largest = min(depth.max(initial=0.5), max(mask.shape) / 2)
    levels = np.linspace(0.5, largest, min(_MOST_LEVELS, max(int(2 * largest), 1)))
    thickness = np.zeros(mask.shape, dtype=np.float32)
    for below, radius in zip([*levels[1:], levels[-1]], levels, strict=True):
        covered = ndimage.distance_transform_edt(depth < radius) < radius + 0.5
        # Between two levels lies the truth: their middle.
        thickness[covered & mask] = below + radius
    return thickness
