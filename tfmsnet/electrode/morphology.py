"""The few numbers of an image that say whether it is like others."""

import numpy as np

from tfmsnet.electrode.connectivity import reachable
from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE


def morphology(phase: np.ndarray) -> dict[str, float]:
    """Volume fractions and percolation of labels (x, y, z), cheap enough for every sample of a data set.

    Returns:
        electrolyte_fraction, am_fraction, cbd_fraction, and with CBD cbd_percolation (the share of it that
        is joined to the foil through CBD), each 0 to 1.
    """
    cbd = phase == CBD
    found = {
        "electrolyte_fraction": float((phase == ELECTROLYTE).mean()),
        "am_fraction": float((phase == AM).mean()),
        "cbd_fraction": float(cbd.mean()),
    }
    return {**found, "cbd_percolation": float(reachable(cbd, 0).sum() / cbd.sum())} if cbd.any() else found
