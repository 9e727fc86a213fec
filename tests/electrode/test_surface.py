import numpy as np
import pytest

from tfmsnet.electrode import CBD, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.surface import face_orientation, specific_area


def sphere(radius, count=32, seed=0):
    centre = count / 2 + np.random.default_rng(seed).uniform(-0.5, 0.5, 3)
    offset = np.stack(np.indices((count,) * 3), -1) + 0.5 - centre
    return (np.linalg.norm(offset, axis=-1) < radius).astype(np.uint8)


@pytest.mark.parametrize(("radius", "tolerance"), [(4, 0.03), (6, 0.01), (9, 0.005), (12, 0.005)])
@pytest.mark.parametrize("seed", range(3))
def test_area_of_a_sphere(radius, tolerance, seed):
    area = specific_area(PhaseImage(sphere(radius, seed=seed), 0.5e-6), ELECTROLYTE) * 32**3 * 0.5e-6
    assert area == pytest.approx(4 * np.pi * radius**2, rel=tolerance)


@pytest.mark.parametrize("normal", [(0, 0, 1), (1, 1, 0), (1, 1, 1), (1, 2, 3), (3, 1, 0.2)])
def test_area_of_a_tilted_wall(normal):
    """A plane through the middle of a cube, against its area by random points in a thin slab about it."""
    normal = np.array(normal) / np.linalg.norm(normal)
    count = 48
    corner = np.stack(np.indices((count,) * 3), -1) - count / 2
    height = (corner + 0.5) @ normal
    area = specific_area(PhaseImage((height < 0.1).astype(np.uint8), 1e-6), ELECTROLYTE) * count**3 * 1e-6
    points = (corner + np.random.default_rng(0).random(corner.shape)) @ normal
    slab = (np.abs(points) < 2).sum() / 4  # volume over thickness
    assert area == pytest.approx(slab, rel=0.03)


def test_areas_to_electrolyte_and_binder_add_up():
    am = sphere(9)
    phase = np.where((am == 0) & (np.indices(am.shape)[2] < 16), CBD, am)
    image = PhaseImage(phase)
    whole = specific_area(PhaseImage(am), ELECTROLYTE)
    parts = specific_area(image, ELECTROLYTE), specific_area(image, CBD)
    assert sum(parts) == pytest.approx(whole, rel=1e-6)
    assert parts[0] == pytest.approx(whole / 2, rel=0.1)


def test_orientation_of_faces_is_a_direction_cosine():
    am = sphere(8).astype(bool)
    for axis, orientation in enumerate(face_orientation(am)):
        assert orientation.shape == tuple(n - (a == axis) for a, n in enumerate(am.shape))
        assert orientation.min() >= 0
        assert orientation.max() <= 1 + 1e-6


def test_area_does_not_depend_on_the_unit_cell():
    am = sphere(9)
    assert specific_area(PhaseImage(am, 1e-6), 0) == pytest.approx(specific_area(PhaseImage(am, 2e-6), 0) * 2)
