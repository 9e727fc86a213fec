import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfcell_checks.spheres import SpherePacking
from tfmsnet.electrode import AM, CBD, ELECTROLYTE, PhaseImage, Recipe
from tfmsnet.electrode.surface import REACH, am_faces, face_surface, specific_area


def sphere(radius, count=32, seed=0):
    centre = count / 2 + np.random.default_rng(seed).uniform(-0.5, 0.5, 3)
    offset = np.stack(np.indices((count,) * 3), -1) + 0.5 - centre
    return (np.linalg.norm(offset, axis=-1) < radius).astype(np.uint8)


@pytest.mark.parametrize(("radius", "tolerance"), [(3.4, 0.03), (6, 0.01), (9, 0.005), (12, 0.005)])
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


def masks(seed, share, size=(5, 7, 9)):
    return np.random.default_rng(seed).random(size) < share


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_orientation_of_faces_is_a_direction_cosine(seed, share):
    am = masks(seed, share)
    beyond = np.pad(am, [(0, 1), (0, 1), (0, 0)], mode="edge")
    beyond = np.pad(beyond, [(0, 0), (0, 0), (0, 1)])
    surface = face_surface(am)
    for axis, (cosine, area) in enumerate(zip(surface.cosine, surface.area, strict=True)):
        is_face = np.diff(beyond, axis=axis)[: am.shape[0], : am.shape[1], : am.shape[2]]
        np.testing.assert_array_equal(cosine > 0, is_face)
        assert cosine.max(initial=0) <= 1 + 1e-6
        assert (area >= cosine).all()
        assert (area <= 2 * cosine).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.1, 0.9), st.sampled_from([0, 1]))
def test_a_mirrored_image_has_the_mirrored_faces(seed, share, mirrored):
    am = masks(seed, share)
    count = am.shape[mirrored]
    surface, twice = face_surface(am), face_surface(np.concatenate([am, np.flip(am, mirrored)], mirrored))
    for one, two in zip([*surface.cosine, *surface.area], [*twice.cosine, *twice.area], strict=True):
        np.testing.assert_array_equal(np.take(two, range(count), mirrored), one)
    for axis in {0, 1, 2} - {mirrored}:
        far = np.take(twice.area[axis], range(count, 2 * count), mirrored)
        np.testing.assert_array_equal(np.flip(far, mirrored), surface.area[axis])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_areas_of_layers_are_exact(axis):
    """Layers of one and more voxels with gaps of one and more between them."""
    layers = np.isin(np.arange(24), [2, 3, 4, 5, 7, 9, 10, 11, 15])
    am = np.broadcast_to(np.expand_dims(layers, [a for a in range(3) if a != axis]), (24, 24, 24))
    # Where layers end at the separator they have edges.
    area = face_surface(am).area[axis][:, :, :-REACH]
    np.testing.assert_allclose(area[area > 0], 1, rtol=1e-6)


@pytest.mark.parametrize("radius", [3.3, 6, 12])
def test_area_of_two_spheres_that_touch(radius):
    """The crevice between them included, whatever the direction of their contact."""
    rng, size, ratios = np.random.default_rng(int(radius)), int(4 * radius + 8), []
    for _ in range(6):
        way = rng.standard_normal(3)
        middle = size / 2 + rng.uniform(-0.5, 0.5, 3)
        way *= radius / np.linalg.norm(way)
        cells = np.stack(np.indices((size,) * 3), -1) + 0.5
        am = sum(np.linalg.norm(cells - middle - sign * way, axis=-1) < radius for sign in (1, -1)) > 0
        ratios.append(am_faces(am.astype(np.uint8), ELECTROLYTE) / (8 * np.pi * radius**2))
    assert np.mean(ratios) == pytest.approx(1, abs=0.02)
    assert np.ptp(ratios) < (0.08 if radius < 5 else 0.03)


PACKINGS = {
    "touching": (Recipe(90, 0, (24, 24, 48), seed=2), 1.0),
    "calendered": (Recipe(95, 20, (24, 24, 48), seed=3), 1.0),
    "overlapping": (Recipe(90, 10, (24, 24, 48), seed=4), 1.1),
    "apart": (Recipe(90, 0, (24, 24, 48), seed=5), 0.97),
}


@pytest.mark.parametrize("name", PACKINGS)
def test_area_of_packings_of_spheres(name):
    """Cut by foil and separator; the median particle has a radius of 3 and 6 voxels."""
    packing = SpherePacking.make(*PACKINGS[name])
    areas, cut = packing.free_areas_m2()
    expected = areas.sum() + cut
    for voxel_m in (0.5e-6, 0.25e-6):
        surface = face_surface(packing.image(voxel_m).phase == AM)
        found = sum(area.sum(dtype=np.float64) for area in surface.area) * voxel_m**2
        assert found == pytest.approx(expected, rel=0.03), voxel_m


def test_area_does_not_depend_on_the_unit_cell():
    am = sphere(9)
    assert specific_area(PhaseImage(am, 1e-6), 0) == pytest.approx(specific_area(PhaseImage(am, 2e-6), 0) * 2)
