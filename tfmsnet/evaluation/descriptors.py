"""Local descriptors of a phase image: what a linear regression may know of a voxel's surroundings."""

import numpy as np
from scipy import ndimage

from tfmsnet.electrode import AM, CBD, ELECTROLYTE

SMOOTHING_VOXELS = (2.0, 4.0, 8.0)
# Lengths are divided by this, so that all descriptors are about 1.
LENGTH_SCALE_M = 5e-6
DESCRIPTORS = (
    "distance inside AM",
    "its square",
    "distance inside solid",
    "distance to CBD",
    "relative depth",
    "its square",
    *(f"{phase} smoothed {sigma:g}" for sigma in SMOOTHING_VOXELS for phase in ("AM", "CBD")),
    "intercept",
)


def descriptors(phase: np.ndarray, voxel_size_m: float) -> np.ndarray:
    """The descriptors of every voxel.

    Distances run to the nearest voxel of the other phases, the image's border being none. The smoothed
    electrolyte isn't there: with AM, CBD and the intercept it would be linearly dependent, so a
    regression on all three phases is this one.

    Args:
        phase: (x, y, z) uint8, labels 0 electrolyte, 1 AM, 2 CBD.
        voxel_size_m: edge of a voxel, m.

    Returns:
        (descriptor, x, y, z) float32 in the order of `DESCRIPTORS`; relative depth is 0 at the collector
        and 1 at the separator.
    """
    length = voxel_size_m / LENGTH_SCALE_M
    in_am = length * _distance(phase == AM)
    in_solid = length * _distance(phase != ELECTROLYTE)
    to_cbd = length * _distance(phase != CBD)
    planes = phase.shape[2]
    depth = np.broadcast_to(((np.arange(planes) + 0.5) / planes).astype(np.float32), phase.shape)
    smoothed = [
        ndimage.gaussian_filter((phase == label).astype(np.float32), sigma)
        for sigma in SMOOTHING_VOXELS
        for label in (AM, CBD)
    ]
    ones = np.ones(phase.shape, np.float32)
    return np.stack([in_am, in_am**2, in_solid, to_cbd, depth, depth**2, *smoothed, ones])


def _distance(inside: np.ndarray) -> np.ndarray:
    if inside.all():  # nothing to be distant from: farther than any voxel of the image
        return np.full(inside.shape, np.linalg.norm(inside.shape), np.float32)
    return ndimage.distance_transform_edt(inside).astype(np.float32)
