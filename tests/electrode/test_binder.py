import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tfmsnet.electrode.binder import grow, place_binder
from tfmsnet.electrode.checks import reachable


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), am_fraction=st.floats(0.05, 0.6), share=st.floats(0.05, 1))
def test_binder_wires_any_arrangement(seed, am_fraction, share):
    noise, openness = np.random.default_rng(seed).random((2, 8, 8, 12))
    am = noise < am_fraction
    am |= ~reachable(~am, 0)  # no pores that the foil can't reach
    count = 1 + int(share * ((~am).sum() - 1))
    try:
        cbd = place_binder(am, openness, count)
    except ValueError:
        return  # too little CBD for so many separate pieces; said so
    assert cbd.sum() == count
    assert not (cbd & am).any()
    np.testing.assert_array_equal(reachable(cbd, 0), cbd)
    np.testing.assert_array_equal(reachable(cbd | am, 0), cbd | am)


def test_scattered_particles_are_wired_with_little_binder():
    """Separate balls and hardly any CBD: the necks are islands that only wires can join."""
    am = np.zeros((24, 24, 40), dtype=bool)
    for x, y, z in np.ndindex(3, 3, 5):
        am[8 * x + 2 : 8 * x + 6, 8 * y + 2 : 8 * y + 6, 8 * z + 2 : 8 * z + 6] = True
    openness = ndimage.distance_transform_edt(~am)
    cbd = place_binder(am, openness, 700)
    assert cbd.sum() == 700
    assert reachable(cbd, 0).sum() == 700
    assert reachable(cbd | am, 0)[am].all()


def test_too_little_binder_is_an_error():
    am = np.zeros((9, 9, 30), dtype=bool)
    am[4, 4, 20:] = True
    with pytest.raises(ValueError, match="too few"):
        place_binder(am, np.zeros(am.shape), 5)


def test_pores_out_of_reach_of_the_foil_are_an_error():
    am = np.ones((5, 5, 9), dtype=bool)
    am[2, 2, 4] = False
    with pytest.raises(ValueError, match="cut off"):
        place_binder(am, np.zeros(am.shape), 1)


def test_growth_takes_the_lowest_first_and_stays_joined():
    priority = np.random.default_rng(1).random((12, 12, 12))
    seed = np.zeros(priority.shape, dtype=bool)
    seed[6, 6, 6] = True
    allowed = priority < 0.7
    grown = grow(seed, priority, allowed, 200)
    assert grown.sum() == 201
    assert ndimage.label(grown)[1] == 1
    assert (allowed | seed)[grown].all()
    border = ndimage.binary_dilation(grown) & ~grown & allowed
    # Whatever waits at the border is above the last that was taken from where it was already waiting.
    smaller = grow(seed, priority, allowed, 199)
    last = priority[grown & ~smaller].item()
    waiting = border & ndimage.binary_dilation(smaller)
    assert (priority[waiting] > last).all()


def test_growth_without_room_is_an_error():
    seed = np.zeros((4, 4, 4), dtype=bool)
    seed[0, 0, 0] = True
    with pytest.raises(ValueError, match="0 voxels are joined"):
        grow(seed, np.zeros(seed.shape), seed, 1)
