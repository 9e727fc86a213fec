import math

import numpy as np
import pytest

from tfmsnet.electrode import AM, CBD, PhaseImage
from tfmsnet.electrode.checks import (
    cbd_percolation,
    open_electrolyte_fraction,
    reachable,
    wired_am_fraction,
    wired_fraction,
)


@pytest.fixture
def image():
    """CBD on the foil, AM on it, CBD on that; beside them a loose AM voxel with a closed pore beneath it."""
    phase = np.zeros((3, 3, 8), dtype=np.uint8)
    phase[0, 0] = [CBD, CBD, AM, AM, CBD, 0, 0, 0]
    phase[2, 2] = [0, 0, 0, AM, 0, 0, 0, 0]
    return PhaseImage(phase)


def test_shares_by_hand(image):
    assert wired_fraction(image) == pytest.approx(5 / 6)
    assert wired_am_fraction(image) == pytest.approx(2 / 3)
    assert cbd_percolation(image) == pytest.approx(2 / 3)
    assert open_electrolyte_fraction(image) == 1


def test_a_closed_pore_is_not_open():
    phase = np.ones((5, 5, 8), dtype=np.uint8)
    phase[2, 2, 2] = 0
    phase[1, 1, 5:] = 0
    assert open_electrolyte_fraction(PhaseImage(phase)) == pytest.approx(3 / 4)


def test_percolation_without_binder_is_unknown():
    assert math.isnan(cbd_percolation(PhaseImage(np.indices((3, 3, 3))[0] % 2)))


def test_walls_are_not_periodic():
    mask = np.zeros((5, 5, 4), dtype=bool)
    mask[0, :, 0] = True
    mask[4, 0, :] = True
    mask[4, 0, 0] = False  # across x from the part on the foil
    assert not reachable(mask, 0)[4].any()
