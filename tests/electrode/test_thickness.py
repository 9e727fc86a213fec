import numpy as np
import pytest

from tfmsnet.electrode.describe import local_thickness


def ball(shape, centre, radius):
    offset = np.stack(np.indices(shape), -1) + 0.5 - np.array(centre)
    return np.linalg.norm(offset, axis=-1) < radius


@pytest.mark.parametrize("radius", [3, 5, 8, 11])
@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5])
def test_a_sphere_is_as_thick_as_its_diameter(radius, shift):
    mask = ball((26, 26, 26), (13 + shift, 13, 13 - shift), radius)
    assert np.median(local_thickness(mask)[mask]) == pytest.approx(2 * radius, abs=1.6)


@pytest.mark.parametrize("width", [2, 5, 8])
def test_a_slab_is_as_thick_as_it_is(width):
    mask = np.zeros((20, 20, 24), dtype=bool)
    mask[:, :, 6 : 6 + width] = True
    thickness = local_thickness(mask)
    assert thickness[mask] == pytest.approx(width, abs=1.01)
    assert (thickness[~mask] == 0).all()


def test_touching_spheres_keep_their_own_sizes():
    large, small = ball((24, 24, 40), (12, 12, 12), 9), ball((24, 24, 40), (12, 12, 25.5), 5)
    thickness = local_thickness(large | small)
    assert np.median(thickness[large]) == pytest.approx(18, abs=1.6)
    assert np.median(thickness[small & ~large]) == pytest.approx(10, abs=1.6)


def test_a_sphere_cut_by_the_border_is_as_thick_as_a_whole_one():
    whole = ball((26, 26, 26), (13, 13, 13), 8)
    thickness_of_half = local_thickness(whole[13:])[whole[13:]]
    assert np.median(thickness_of_half) == pytest.approx(np.median(local_thickness(whole)[whole]), abs=1)


def test_nothing_and_everything():
    assert local_thickness(np.zeros((5, 5, 5), dtype=bool)).max() == 0
    assert (local_thickness(np.ones((5, 6, 9), dtype=bool)) == 9).all()
