"""The reacting area against the simulator's."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.electrode import AM, Recipe, generate, surface
from tfmsnet.features.surface import face_surface, reacting_area
from tfmsnet.halfcell.grid import find_interface


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_every_face_is_the_simulators(share):
    """Of each image of a batch, also where an image is narrower than what a face depends on."""
    masks = np.random.default_rng(0).random((3, 4, 9, 14)) < share
    found = face_surface(tf.constant(masks))
    for number, mask in enumerate(masks):
        expected = surface.face_surface(mask)
        for axis in range(3):
            for tensor, array in ((found.cosine, expected.cosine), (found.area, expected.area)):
                np.testing.assert_allclose(tensor[axis][number], array[axis], atol=1e-6)


def test_the_area_of_every_voxel_is_the_simulators():
    phase = generate(Recipe(90, 10, (16, 16, 24), seed=4)).phase
    # One layer of separator on top.
    cells = np.concatenate([phase, np.zeros((16, 16, 1), phase.dtype)], axis=2)
    am, solid, liquid = (_numbered(cells == AM), _numbered(cells != 0), _numbered(cells != AM))
    interface = find_interface(am, solid, liquid, 0.5e-6)
    expected = np.bincount(interface.am, interface.area_m2 / 0.5e-6**2, (phase == AM).sum())
    found = reacting_area(tf.constant(phase[None] == AM)).numpy()[0]
    np.testing.assert_allclose(found[phase == AM], expected, atol=1e-5)
    assert not found[phase != AM].any()


def test_the_area_of_a_sphere():
    centre, radius = 15.5, 9.0
    x, y, z = np.indices((32, 32, 32))
    am = (x - centre) ** 2 + (y - centre) ** 2 + (z - centre) ** 2 < radius**2
    area = reacting_area(tf.constant(am[None])).numpy().sum()
    assert area == pytest.approx(4 * np.pi * radius**2, rel=0.02)


def _numbered(mask):
    numbers = np.full(mask.shape, -1)
    numbers[mask] = np.arange(mask.sum())
    return numbers
