"""Geometry channels: the TensorFlow distance transform against SciPy's, ranges, symmetry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from tfmsnet.errors import UserError
from tfmsnet.features import CHANNELS, distance_inside, geometry_features

phases = hnp.arrays(np.uint8, st.tuples(*[st.integers(3, 9)] * 3), elements=st.integers(0, 2))


@settings(deadline=None, max_examples=30)
@given(mask=hnp.arrays(np.bool_, st.tuples(*[st.integers(2, 10)] * 3)), reach=st.integers(1, 12))
def test_the_distance_is_the_exact_euclidean_one(mask, reach):
    found = distance_inside(mask[None], reach).numpy()[0]
    if mask.all():
        expected = np.full(mask.shape, reach, np.float64)
    else:
        expected = np.minimum(ndimage.distance_transform_edt(mask), reach)
    np.testing.assert_allclose(found, expected, rtol=3e-7)


@settings(deadline=None, max_examples=20)
@given(phase=phases)
def test_every_channel_lies_in_0_to_1(phase):
    features = geometry_features(phase[None], 0.5e-6, tuple(CHANNELS)).numpy()
    assert features.shape == (1, *phase.shape, len(CHANNELS))
    assert features.min() >= 0
    assert features.max() <= 1


@settings(deadline=None, max_examples=20)
@given(phase=phases)
def test_a_mirrored_image_has_mirrored_channels(phase):
    features = geometry_features(phase[None], 0.5e-6, tuple(CHANNELS)).numpy()
    mirrored = geometry_features(phase[None, ::-1], 0.5e-6, tuple(CHANNELS)).numpy()
    np.testing.assert_array_equal(mirrored, features[:, ::-1])


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


def test_an_unknown_channel_is_named():
    with pytest.raises(UserError, match="no channel 'tortuosity'"):
        geometry_features(np.ones((1, 4, 4, 4), np.uint8), 1e-6, ("tortuosity",))
