"""Phase labels at another voxel size, by majority vote."""

import numpy as np
from scipy import ndimage, sparse

from tfmsnet.electrode.image import PHASE_NAMES, check_voxel_size
from tfmsnet.errors import UserError

_TIE_BREAK = 1e-3


def resample(phase: np.ndarray, voxel_size_m: float, target_voxel_size_m: float) -> np.ndarray:
    """Labels (x, y, z) uint8 on voxels of another size: each takes the phase that fills most of it.

    Overlaps are exact for any ratio.  Where two phases tie, the one that prevails in the 3x3x3 voxels around
    wins: a fixed choice would let one phase grow at every interface.  What is thinner than a target voxel
    loses volume, as in any vote.  A rest at the far end of an axis that
    doesn't fill a voxel is left out.

    Raises:
        UserError: a size isn't one, or the image is smaller than one target voxel.
    """
    check_voxel_size("voxel_size_m", voxel_size_m)
    check_voxel_size("target_voxel_size_m", target_voxel_size_m)
    ratio = target_voxel_size_m / voxel_size_m
    overlaps = [_overlap(count, ratio) for count in phase.shape]
    if min(len(overlap.indptr) for overlap in overlaps) < 2:
        raise UserError(
            f"target_voxel_size_m {target_voxel_size_m:g}: the image of {phase.shape} voxels of "
            f"{voxel_size_m:g} m is smaller than one such voxel; use a smaller one"
        )
    shares = []
    for label in PHASE_NAMES:
        share = (phase == label).astype(np.float32)
        for axis, overlap in enumerate(overlaps):
            share = _along(axis, overlap, share)
        shares.append(share + _TIE_BREAK * ndimage.uniform_filter(share, 3, mode="nearest"))
    return np.argmax(shares, axis=0).astype(np.uint8)


def _overlap(count: int, ratio: float) -> sparse.csr_matrix:
    """(target, source) share of each target interval that lies in each of the `count` source intervals."""
    targets = int(np.floor(count / ratio + 1e-9))
    begin = np.arange(targets)[:, None] * ratio
    source = np.arange(count)
    share = np.minimum(begin + ratio, source + 1) - np.maximum(begin, source)
    # Shares below rounding error would break ties between whole voxels.
    return sparse.csr_matrix(np.where(share > 1e-9, share, 0).astype(np.float32) / np.float32(ratio))


def _along(axis: int, overlap: sparse.csr_matrix, values: np.ndarray) -> np.ndarray:
    moved = np.moveaxis(values, axis, 0)
    result = overlap @ moved.reshape(len(moved), -1)
    return np.moveaxis(result.reshape(-1, *moved.shape[1:]), 0, axis)
