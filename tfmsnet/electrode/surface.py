"""Areas of interfaces between voxels, without the voxels' staircase."""

import numpy as np
from scipy import ndimage

from tfmsnet.electrode.image import AM, PhaseImage

SMOOTHING_VOXELS = 1.5


def face_orientation(
    am: np.ndarray, smoothing_voxels: float = SMOOTHING_VOXELS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far the faces between voxels look along the surface of the active material.

    A smooth surface of unit area and normal n crosses |n . e| faces of direction e.  Weighting each face by
    its |n . e| therefore counts the area once, as the squares of n add up to 1.  n is the gradient of the
    smoothed AM indicator.

    Args:
        am: mask (x, y, z) of the active material.
        smoothing_voxels: standard deviation of the Gaussian that smooths it; beyond the array's ends the AM
            goes on as it is there.

    Returns:
        |n . e|, 0 to 1, float32, of the faces across x (x - 1, y, z), across y (x, y - 1, z) and across z
        (x, y, z - 1); meaningful at the surface of the AM only.
    """
    smooth = ndimage.gaussian_filter(am.astype(np.float32), smoothing_voxels, mode="nearest")
    gradient = np.stack(
        [ndimage.correlate1d(smooth, [-0.5, 0, 0.5], axis, mode="nearest") for axis in range(3)]
    )
    orientations = []
    for axis in range(3):
        both = np.moveaxis(gradient, axis + 1, 1)
        normal = both[:, :-1] + both[:, 1:]
        length = np.maximum(np.sqrt((normal**2).sum(axis=0)), 1e-12)
        orientations.append(np.moveaxis(np.abs(normal[axis]) / length, 0, axis))
    return tuple(orientations)


def am_faces(phase: np.ndarray, *others: int) -> float:
    """Area between the AM and other phases within an image, in faces of a voxel.

    Args:
        phase: labels (x, y, z).
        others: labels of the other phases.
    """
    am, other = phase == AM, np.isin(phase, others)
    area = 0.0
    for axis, orientation in enumerate(face_orientation(am)):
        (near_am, near_other), (far_am, far_other) = (
            [np.moveaxis(mask, axis, 0)[side] for mask in (am, other)]
            for side in (slice(None, -1), slice(1, None))
        )
        interface = (near_am & far_other) | (near_other & far_am)
        area += float(np.moveaxis(orientation, axis, 0)[interface].sum(dtype=np.float64))
    return area


def specific_area(image: PhaseImage, other: int) -> float:
    """Area between the AM and the phase `other` per volume of the electrode, 1/m."""
    return am_faces(image.phase, other) / (image.phase.size * image.voxel_size_m)
