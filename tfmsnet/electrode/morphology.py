"""The few numbers of an image that say whether it is like others."""

import numpy as np

from tfmsnet.electrode.connectivity import reachable
from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE
from tfmsnet.electrode.surface import am_faces


def morphology(phase: np.ndarray) -> dict[str, float]:
    """Volume fractions, surface and percolation of labels (x, y, z), cheap enough for every sample.

    Returns:
        electrolyte_fraction, am_fraction, cbd_fraction, and with CBD cbd_percolation (the share of it that
        is joined to the foil through CBD), each 0 to 1; with AM am_surface, its area towards other phases
        in voxel faces per AM voxel, which is smaller the larger the particles are.
    """
    cbd = phase == CBD
    found = {
        "electrolyte_fraction": float((phase == ELECTROLYTE).mean()),
        "am_fraction": float((phase == AM).mean()),
        "cbd_fraction": float(cbd.mean()),
    }
    if cbd.any():
        found["cbd_percolation"] = float(reachable(cbd, 0).sum() / cbd.sum())
    if found["am_fraction"]:
        found["am_surface"] = am_faces(phase, ELECTROLYTE, CBD) / int((phase == AM).sum())
    return found
