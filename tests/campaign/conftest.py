"""Electrodes whose discharge takes a fraction of a second."""

import numpy as np
import pytest

from tfmsnet.campaign import image_campaign
from tfmsnet.electrode import PhaseImage
from tfmsnet.load import constant_current


def layered(loose_cbd: bool) -> PhaseImage:
    """A slab of AM on the foil with CBD beside it; half of the CBD lies on top of the AM when it is loose."""
    phase = np.zeros((8, 8, 12), np.uint8)
    phase[:, :, :7] = 1
    phase[:2, :, :4] = 2
    if loose_cbd:
        phase[4:, :, 7:9] = 2
    return PhaseImage(phase)


@pytest.fixture(scope="session")
def wired():
    """All of its CBD is joined to the foil through CBD."""
    return layered(loose_cbd=False)


@pytest.fixture(scope="session")
def half_wired():
    """Half of its CBD is joined to the foil through CBD, all of it through AM."""
    return layered(loose_cbd=True)


@pytest.fixture(scope="session")
def tasks(wired, half_wired):
    """Four discharges of two electrodes, of some frames."""
    loads = [constant_current(c_rate, 4) for c_rate in (1.0, 2.0)]
    images = {"wired": wired, "half": half_wired}
    return [t for name, image in images.items() for t in image_campaign(image, name, loads)]
