import numpy as np
import pytest

from tfmsnet.electrode import Recipe
from tfmsnet.electrode.packing import pack
from tfmsnet.electrode.voxels import surface_distances


def gaps(particles, box):
    """Distances between the surfaces of all pairs, periodic in x and y, over the smaller diameter."""
    i, j = np.triu_indices(len(particles.radius_m), 1)
    offset = particles.centre_m[j] - particles.centre_m[i]
    offset[:, :2] -= box[:2] * np.round(offset[:, :2] / box[:2])
    radius_i, radius_j = particles.radius_m[i], particles.radius_m[j]
    return (np.linalg.norm(offset, axis=1) - radius_i - radius_j) / (2 * np.minimum(radius_i, radius_j)), i, j


@pytest.fixture(scope="module", params=[(85.0, 0.0), (95.0, 20.0)])
def packed(request):
    recipe = Recipe(*request.param, size=(40, 40, 80))
    return recipe, pack(recipe, np.random.default_rng(0))


def test_particles_have_the_volume_and_sizes_asked_for(packed):
    recipe, particles = packed
    volume = 4 / 3 * np.pi * (particles.radius_m**3).sum()
    assert volume / np.prod(recipe.size_m) == pytest.approx(recipe.volume_fractions["AM"], rel=1e-9)
    diameter = 2 * particles.radius_m
    assert diameter.min() > 0.95e-6
    assert diameter.max() < 10e-6


def test_spheres_hardly_overlap(packed):
    recipe, particles = packed
    gap, _, _ = gaps(particles, np.array(recipe.size_m))
    overlap = -gap[gap < 0]
    assert np.percentile(overlap, 90) < 0.15
    assert overlap.max() < 0.6


def test_every_particle_touches_another(packed):
    recipe, particles = packed
    gap, i, j = gaps(particles, np.array(recipe.size_m))
    touching = gap < 0.1
    contacts = np.bincount(np.concatenate([i[touching], j[touching]]), minlength=len(particles.radius_m))
    assert (contacts == 0).mean() < 0.05
    assert contacts.mean() > 3


def test_particles_lie_between_foil_and_separator_and_rest_on_both(packed):
    recipe, particles = packed
    low = particles.centre_m[:, 2] - particles.radius_m
    high = recipe.size_m[2] - particles.centre_m[:, 2] - particles.radius_m
    for gap in (low, high):
        assert (gap / particles.radius_m).min() > -0.15
        assert (gap < 0).any()


def test_particles_are_capped_by_a_small_box():
    particles = pack(Recipe(size=(12, 12, 40)), np.random.default_rng(0))
    assert 2 * particles.radius_m.max() < 0.5 * 6e-6 * 1.1


def test_distances_against_every_sphere_by_hand():
    recipe = Recipe(size=(10, 14, 12))
    particles = pack(recipe, np.random.default_rng(3))
    nearest, second = surface_distances(particles, recipe.size, recipe.voxel_size_m, 2e-6)
    voxel = (np.stack(np.indices(recipe.size), -1) + 0.5) * recipe.voxel_size_m
    offset = voxel[..., None, :] - particles.centre_m
    box = np.array(recipe.size_m)
    offset[..., :2] -= box[:2] * np.round(offset[..., :2] / box[:2])
    expected = np.sort(np.linalg.norm(offset, axis=-1) - particles.radius_m, axis=-1)
    np.testing.assert_allclose(nearest, np.minimum(expected[..., 0], 2e-6), atol=1e-12)
    np.testing.assert_allclose(second, np.minimum(expected[..., 1], 2e-6), atol=1e-12)
