"""Geometry channels: ranges, symmetry, the paper's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfmsnet.errors import UserError
from tfmsnet.features import CHANNELS, UPTAKE_LENGTHS_M, UPTAKE_RADII, geometry_features

UPTAKES = (*UPTAKE_LENGTHS_M, *UPTAKE_RADII)
phases = hnp.arrays(np.uint8, st.tuples(*[st.integers(3, 9)] * 3), elements=st.integers(0, 2))


@settings(deadline=None, max_examples=20)
@given(phase=phases)
def test_every_channel_lies_in_its_range(phase):
    features = geometry_features(phase[None], 0.5e-6, CHANNELS).numpy()
    assert features.shape == (1, *phase.shape, len(CHANNELS))
    for name, values in zip(CHANNELS, np.moveaxis(features, -1, 0), strict=True):
        low, high = {"surface": (0, 12)}.get(name, (-1.05, np.inf) if name in UPTAKES else (0, 1))
        assert low <= values.min() <= values.max() <= high


@settings(deadline=None, max_examples=20)
@given(phase=phases)
def test_a_mirrored_image_has_mirrored_channels(phase):
    features = geometry_features(phase[None], 0.5e-6, CHANNELS).numpy()
    mirrored = geometry_features(phase[None, ::-1], 0.5e-6, CHANNELS).numpy()
    # Sums of floats depend on their order, and so where the solution of the uptakes stops.
    tolerance = np.array([0.05 if name in UPTAKES else 1e-5 for name in CHANNELS])
    assert (np.abs(mirrored - features[:, ::-1]) <= tolerance).all()


def test_the_papers_channels():
    phase = np.zeros((1, 5, 5, 10), np.uint8)
    phase[:, 1:4, 1:4] = 1
    phase[:, 2, 2, 5] = 2
    inverted, partition, depth = np.moveaxis(
        geometry_features(phase, 1e-6, ("inverted_distance", "phase_partition", "depth")).numpy()[0], -1, 0
    )
    assert inverted[0, 0, 0] == 0
    assert inverted[1, 2, 4] == pytest.approx(1 - 1 / 8)
    assert inverted[2, 2, 4] == pytest.approx(1 - 2 / 8)
    assert (partition[0, 0, 0], partition[1, 1, 1], partition[2, 2, 5]) == (0, 1, 0.5)
    np.testing.assert_allclose(depth[0, 0], (np.arange(10) + 0.5) / 10, rtol=1e-6)


def test_lengths_in_radii_know_no_voxel_size_and_a_spheres_radius():
    place = np.arange(24) - 11.5
    phase = (place[:, None, None] ** 2 + place[:, None] ** 2 + place**2 < 9.0**2).astype(np.uint8)[None]
    small, large = (geometry_features(phase, edge, tuple(UPTAKE_RADII)).numpy() for edge in (0.25e-6, 2e-6))
    np.testing.assert_array_equal(small, large)
    in_um = geometry_features(phase, 1e-6 / 9.0, ("uptake_1um", "uptake_2um")).numpy()
    inside = phase == 1
    np.testing.assert_allclose(small[..., 2:][inside].std(0), in_um[inside].std(0), rtol=0.15)


def test_ways_from_the_ends_are_lengths():
    found = geometry_features(np.ones((1, 2, 2, 40), np.uint8), 0.5e-6, ("from_foil", "from_separator"))
    found = found.numpy()
    np.testing.assert_allclose(found[0, 0, 0, [0, -1], 0], [0.0025, 0.1975], rtol=1e-5)
    np.testing.assert_allclose(found[..., 0] + found[..., 1], 0.2, rtol=1e-5)


def test_an_unknown_channel_is_named():
    with pytest.raises(UserError, match="no channel 'tortuosity'"):
        geometry_features(np.ones((1, 4, 4, 4), np.uint8), 1e-6, ("tortuosity",))
