"""Phase labels at another voxel size, by majority vote."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage, sparse

from tfmsnet.electrode.image import PHASE_NAMES, check_voxel_size
from tfmsnet.errors import UserError

_TIE_BREAK = 1e-3
# Voxels of the result that ties are broken by, on each side.
_AROUND = 1


def resample(
    phase: np.ndarray,
    voxel_size_m: float | Sequence[float],
    target_voxel_size_m: float,
    windows: Sequence[tuple[int, int, int]] | None = None,
) -> np.ndarray:
    """Labels (x, y, z) uint8 on cubes of another size: each takes the phase that fills most of it.

    Overlaps are exact for any ratio.  Where two phases tie, the one that prevails in the 3x3x3 voxels around
    wins: a fixed choice would let one phase grow at every interface.  What is thinner than a target voxel
    loses volume, as in any vote.  A rest at the far end of an axis that
    doesn't fill a voxel is left out.

    Args:
        phase: labels.
        voxel_size_m: edge of its voxels, m; three along x, y and z where they differ.
        target_voxel_size_m: edge of the result's, m.
        windows: per axis the result's voxels that are wanted, begin and end, and which voxel of the image
            `phase` begins at: a part of it that holds `source_range`.  None for all of it.

    Raises:
        UserError: a size isn't one, or the image is smaller than one target voxel.
    """
    edges = np.broadcast_to(np.asarray(voxel_size_m, float), 3).tolist()
    for edge in edges:
        check_voxel_size("voxel_size_m", edge)
    check_voxel_size("target_voxel_size_m", target_voxel_size_m)
    ratios = [target_voxel_size_m / edge for edge in edges]
    whole = windows is None
    if whole:
        windows = [
            (0, target_count(count, ratio), 0) for count, ratio in zip(phase.shape, ratios, strict=True)
        ]
    if min(end - begin for begin, end, _ in windows) < 1:
        raise UserError(
            f"target_voxel_size_m {target_voxel_size_m:g}: the image of {phase.shape} voxels of "
            f"{edges[0]:g} m is smaller than one such voxel; use a smaller one"
        )
    overlaps, kept = [], []
    for (begin, end, first), ratio, count in zip(windows, ratios, phase.shape, strict=True):
        low = max(begin - _AROUND, 0)
        high = end if whole else min(end + _AROUND, target_count(first + count, ratio))
        overlaps.append(_overlap(low, high, first, count, ratio))
        kept.append(slice(begin - low, end - low))
    shares = []
    for label in PHASE_NAMES:
        share = (phase == label).astype(np.float32)
        for axis, overlap in enumerate(overlaps):
            share = _along(axis, overlap, share)
        shares.append(share + _TIE_BREAK * ndimage.uniform_filter(share, 3, mode="nearest"))
    return np.argmax(shares, axis=0).astype(np.uint8)[tuple(kept)]


def target_count(count: int, ratio: float) -> int:
    """How many voxels of the result `count` voxels make, each `ratio` of them long."""
    return int(np.floor(count / ratio + 1e-9))


def source_range(begin: int, end: int, ratio: float, count: int) -> tuple[int, int]:
    """The voxels of an axis of `count` that the result's voxels from begin to end are made of."""
    low = max(begin - _AROUND, 0) * ratio
    high = (end + _AROUND) * ratio
    return int(low + 1e-9), min(int(np.ceil(high - 1e-9)), count)


def _overlap(begin: int, end: int, first: int, count: int, ratio: float) -> sparse.csr_matrix:
    """(target, source) share of each target interval, begin to end, in each source interval from `first`."""
    low = np.arange(begin, end)[:, None] * ratio
    source = np.arange(first, first + count)
    share = np.minimum(low + ratio, source + 1) - np.maximum(low, source)
    # Shares below rounding error would break ties between whole voxels.
    return sparse.csr_matrix(np.where(share > 1e-9, share, 0).astype(np.float32) / np.float32(ratio))


def _along(axis: int, overlap: sparse.csr_matrix, values: np.ndarray) -> np.ndarray:
    moved = np.moveaxis(values, axis, 0)
    result = overlap @ moved.reshape(len(moved), -1)
    return np.moveaxis(result.reshape(-1, *moved.shape[1:]), 0, axis)
