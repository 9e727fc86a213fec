import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.electrode import Recipe, generate, resample


def balls(count, edge, radius):
    """Labels (count,)*3 of three concentric shells in a box of the given edge."""
    axis = (np.arange(count) + 0.5) / count * edge - edge / 2
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    return np.select([distance < 0.7 * radius, distance < radius], [1, 2], 0)


def test_same_size_changes_nothing():
    phase = generate(Recipe(size=(10, 12, 16))).phase
    np.testing.assert_array_equal(resample(phase, 0.5e-6, 0.5e-6), phase)


@given(seed=st.integers(0, 99), factor=st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_splitting_voxels_and_joining_them_gives_the_same(seed, factor):
    phase = np.random.default_rng(seed).integers(0, 3, (5, 6, 7))
    fine = resample(phase, 1e-6, 1e-6 / factor)
    assert fine.shape == tuple(factor * n for n in phase.shape)
    np.testing.assert_array_equal(resample(fine, 1e-6 / factor, 1e-6), phase)


@pytest.mark.parametrize("factor", [2, 3])
def test_whole_ratios_against_counting_by_hand(factor):
    phase = np.random.default_rng(2).integers(0, 3, (4 * factor, 5 * factor, 3 * factor))
    blocks = phase.reshape(4, factor, 5, factor, 3, factor).transpose(0, 2, 4, 1, 3, 5).reshape(4, 5, 3, -1)
    votes = np.stack([(blocks == label).sum(axis=-1) for label in range(3)])
    result = resample(phase, 0.5e-6, factor * 0.5e-6)
    won = np.take_along_axis(votes, result[None].astype(int), 0)[0]
    np.testing.assert_array_equal(won, votes.max(axis=0))


@pytest.mark.parametrize("target_voxel_size_m", [0.5e-6, 0.64e-6, 1e-6])
def test_volume_fractions_are_kept(target_voxel_size_m):
    phase = balls(80, 1.0, 0.45)
    result = resample(phase, 0.4e-6, target_voxel_size_m)
    before, after = (np.bincount(p.ravel(), minlength=3) / p.size for p in (phase, result))
    assert after == pytest.approx(before, abs=0.01)


def test_ties_favour_no_phase():
    phase = np.random.default_rng(0).integers(0, 2, (40, 40, 40))  # every second vote of eight is close
    result = resample(phase, 0.5e-6, 1e-6)
    assert result.mean() == pytest.approx(phase.mean(), abs=0.03)


def test_a_rest_at_the_far_end_is_left_out():
    phase = np.zeros((10, 10, 11), dtype=np.uint8)
    phase[:, :, 10] = 1
    assert resample(phase, 0.5e-6, 1e-6).shape == (5, 5, 5)
    assert resample(phase, 0.5e-6, 1e-6).max() == 0
