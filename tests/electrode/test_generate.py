import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tfmsnet.electrode import AM, CBD, ELECTROLYTE, Recipe, check_dischargeable, generate, resample
from tfmsnet.electrode.checks import cbd_percolation
from tfmsnet.electrode.describe import local_thickness, morphology
from tfmsnet.errors import UserError

RECIPES = list(itertools.product((85.0, 90.0, 95.0), (0.0, 10.0, 20.0)))


def share_at_plane(mask, plane):
    """Share of a mask in those of its face-connected components that touch a z plane."""
    labels, _ = ndimage.label(mask)
    touching = np.setdiff1d(labels[:, :, plane], 0)
    return np.isin(labels, touching)[mask].mean()


def assert_guarantees(recipe):
    image = generate(recipe)
    assert image.shape == recipe.size
    for phase, fraction in recipe.volume_fractions.items():
        assert image.volume_fractions[phase] == pytest.approx(fraction, abs=1 / image.phase.size)
    assert share_at_plane(image.phase != ELECTROLYTE, 0) == 1
    assert share_at_plane(image.phase == CBD, 0) == 1
    assert share_at_plane(image.phase != AM, -1) == 1
    check_dischargeable(image, min_cbd_percolation=1.0)


def am_components(image):
    """How many separate pieces of AM of at least ten voxels there are."""
    labels, _ = ndimage.label(image.phase == AM)
    return int((np.bincount(labels.ravel())[1:] >= 10).sum())


def test_particles_are_fused_or_kept_apart():
    apart, packed, fused = (
        generate(Recipe(90, 10, (32, 32, 48), contact_m=contact_m)) for contact_m in (-0.6e-6, 0, 0.8e-6)
    )
    assert am_components(apart) > 2 * am_components(packed) > am_components(fused)
    assert apart.volume_fractions == packed.volume_fractions == fused.volume_fractions
    # Necks take from the surface.
    surfaces = [morphology(image.phase)["am_surface"] for image in (packed, fused)]
    assert surfaces[1] < 0.95 * surfaces[0]


@pytest.mark.parametrize("contact_m", [-0.4e-6, 0.0, 0.8e-6])
def test_scattered_binder_hardly_percolates_and_wires_all_the_same(contact_m):
    recipe = Recipe(95, 10, (32, 32, 48), contact_m=contact_m, binder="scattered")
    image = generate(recipe)
    check_dischargeable(image)
    for phase, fraction in recipe.volume_fractions.items():
        assert image.volume_fractions[phase] == pytest.approx(fraction, abs=1 / image.phase.size)
    if contact_m > 0:  # else wires of CBD join particles that no other one touches
        assert cbd_percolation(image) < 0.8
    assert share_at_plane(image.phase != AM, -1) == 1


@settings(max_examples=20, deadline=None)
@given(recipe=st.sampled_from(RECIPES), seed=st.integers(0, 2**32))
def test_recipe_is_met_and_all_of_it_is_wired(recipe, seed):
    assert_guarantees(Recipe(*recipe, seed=seed))


@settings(max_examples=25, deadline=None)
@given(
    am_wt_percent=st.floats(80, 97),
    calendering_percent=st.floats(0, 20),
    size=st.tuples(*[st.integers(8, 24)] * 3),
    voxel_size_m=st.floats(0.4e-6, 1e-6),
    seed=st.integers(0, 1000),
)
def test_small_boxes_of_any_recipe_are_wired(am_wt_percent, calendering_percent, size, voxel_size_m, seed):
    assert_guarantees(Recipe(am_wt_percent, calendering_percent, size, voxel_size_m, seed))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_is_met_for_many_seeds(recipe):
    for seed in range(20):
        assert_guarantees(Recipe(*recipe, seed=seed))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [(95.0, 0.0), (85.0, 20.0)])
def test_recipe_is_met_at_full_size(recipe):
    assert_guarantees(Recipe(*recipe, size=(72, 72, 244)))


def test_same_recipe_same_image_and_other_seed_another():
    first, second, other = (generate(Recipe(seed=seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.phase, second.phase)
    assert first.geometry_id == second.geometry_id != other.geometry_id
    assert (first.phase != other.phase).mean() > 0.3


def test_recipes_of_one_seed_are_independent():
    loose, dense = (generate(Recipe(90.0, calendering, seed=1)).phase == AM for calendering in (0.0, 0.001))
    assert np.corrcoef(loose.ravel(), dense.ravel())[0, 1] < 0.15


def test_a_packing_that_cannot_be_wired_is_replaced_and_in_the_end_refused(monkeypatch):
    module = importlib.import_module("tfmsnet.electrode.generate")
    place_binder, calls = module.place_binder, []

    def fails_at_first(am, openness, count):
        calls.append(count)
        return place_binder(am, openness, count if len(calls) > 2 else 1)

    monkeypatch.setattr(module, "place_binder", fails_at_first)
    assert_guarantees(Recipe(size=(12, 12, 16)))
    assert len(calls) == 3
    monkeypatch.setattr(module, "place_binder", lambda am, openness, count: place_binder(am, openness, 1))
    with pytest.raises(UserError, match=r"Recipe\(am_wt_percent=90.* use a larger size or another seed"):
        generate(Recipe(size=(12, 12, 16)))


def test_recipe_is_written_on_the_image():
    image = generate(Recipe(95, 20, (12, 12, 16)))
    assert (image.am_wt_percent, image.calendering_percent) == (95.0, 20.0)


def test_binder_sits_in_necks():
    phase = generate(Recipe(90.0, 0.0, (32, 32, 64))).phase
    to_am = ndimage.distance_transform_edt(phase != AM)
    near = ndimage.uniform_filter((phase == AM).astype(float), 5)
    assert np.percentile(to_am[phase == CBD], 90) < np.percentile(to_am[phase == ELECTROLYTE], 60)
    assert near[phase == CBD].mean() > 1.5 * near[phase == ELECTROLYTE].mean()


def test_particles_touch_each_other_and_are_a_few_micrometres_wide():
    am = generate(Recipe(90.0, 10.0, (40, 40, 80))).phase == AM
    labels, _ = ndimage.label(am)
    assert np.bincount(labels[am]).max() > 0.8 * am.sum()  # a skeleton, not a suspension
    d10, d50, d90 = np.percentile(local_thickness(am)[am], (10, 50, 90)) * 0.5
    assert 1.5 < d10 < d50 < d90 < 10


def test_the_box_is_filled_from_foil_to_separator():
    fractions = [(generate(Recipe(90.0, 10.0, seed=s)).phase == AM).mean(axis=(0, 1)) for s in range(6)]
    profile = np.mean(fractions, axis=0).reshape(4, -1).mean(axis=1)
    assert profile == pytest.approx(profile.mean(), rel=0.2)


def test_finer_voxels_show_the_same_structure():
    """Surface and sizes belong to the packing, not to the grid: half the voxel edge, eightfold voxels."""
    fine = generate(Recipe(90.0, 10.0, (48, 48, 96), 0.25e-6)).phase
    coarse = resample(fine, 0.25e-6, 0.5e-6)
    thick_fine = np.median(local_thickness(fine == AM)[fine == AM]) * 0.25
    thick_coarse = np.median(local_thickness(coarse == AM)[coarse == AM]) * 0.5
    assert thick_coarse == pytest.approx(thick_fine, abs=0.5)
