"""What hangs together: components of voxels through faces (6-connectivity), walls not periodic."""

import numpy as np
from scipy import ndimage

from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage


def reachable(mask: np.ndarray, plane: int) -> np.ndarray:
    """The voxels of `mask` (x, y, z) joined through it to z plane number `plane` (0 foil, -1 separator)."""
    labels, count = ndimage.label(mask)
    at_plane = np.zeros(count + 1, dtype=bool)
    at_plane[labels[:, :, plane]] = True
    at_plane[0] = False
    return at_plane[labels]


def wired_solid(image: PhaseImage) -> np.ndarray:
    """Mask (x, y, z) of the AM and CBD voxels that are joined to the foil through AM and CBD."""
    return reachable(image.phase != ELECTROLYTE, 0)


def wired_fraction(image: PhaseImage) -> float:
    """Share of the solid voxels (AM and CBD) that are joined to the foil through solid, 0 to 1."""
    return float(wired_solid(image).sum() / (image.phase != ELECTROLYTE).sum())


def wired_am_fraction(image: PhaseImage) -> float:
    """Share of the AM voxels that are joined to the foil through solid, 0 to 1."""
    am = image.phase == AM
    return float((wired_solid(image) & am).sum() / am.sum())


def cbd_percolation(image: PhaseImage) -> float:
    """Share of the CBD voxels that are joined to the foil through CBD alone, 0 to 1; NaN without CBD."""
    cbd = image.phase == CBD
    return float(reachable(cbd, 0).sum() / cbd.sum()) if cbd.any() else float("nan")


def open_electrolyte_fraction(image: PhaseImage) -> float:
    """Share of the electrolyte-bearing voxels (pore and CBD) joined through each other to the separator."""
    liquid = image.phase != AM
    return float(reachable(liquid, -1).sum() / liquid.sum())
