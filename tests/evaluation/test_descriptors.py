"""Local descriptors of a phase image."""

import numpy as np
import pytest

from tfmsnet.evaluation.regression import DESCRIPTORS, LENGTH_SCALE_M, descriptors

VOXEL_M = 0.5e-6


def named(phase, voxel_size_m=VOXEL_M):
    return dict(zip(DESCRIPTORS, descriptors(phase, voxel_size_m), strict=True))


def test_distances_in_a_slab():
    phase = np.zeros((4, 4, 12), np.uint8)
    phase[..., 2:7], phase[..., 7:9] = 1, 2
    found = named(phase)
    voxels = LENGTH_SCALE_M / VOXEL_M
    np.testing.assert_allclose(found["distance inside AM"][0, 0, 2:7] * voxels, [1, 2, 3, 2, 1], rtol=1e-6)
    np.testing.assert_allclose(
        found["distance inside solid"][0, 0, 2:9] * voxels, [1, 2, 3, 4, 3, 2, 1], rtol=1e-6
    )
    np.testing.assert_allclose(found["distance to CBD"][0, 0, 2:7] * voxels, [5, 4, 3, 2, 1], rtol=1e-6)
    assert not found["distance inside AM"][phase != 1].any()


def test_depth_runs_from_collector_to_separator(make_sample):
    phase = make_sample(frames=2).phase
    depth = named(phase)["relative depth"]
    assert 0.0 < depth[0, 0, 0] < depth[0, 0, -1] < 1.0
    assert (np.ptp(depth, axis=(0, 1)) == 0.0).all()


def test_lengths_do_not_depend_on_the_resolution():
    coarse = np.zeros((6, 6, 6), np.uint8)
    coarse[1:5, 1:5, 1:5] = 1
    fine = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    largest = [named(p, v)["distance inside AM"].max() for p, v in ((coarse, VOXEL_M), (fine, VOXEL_M / 2))]
    assert largest[1] == pytest.approx(largest[0], abs=VOXEL_M / LENGTH_SCALE_M)


def test_mirroring_the_image_mirrors_the_descriptors(make_sample):
    phase = make_sample(frames=2).phase
    np.testing.assert_allclose(
        descriptors(phase[::-1].copy(), VOXEL_M), descriptors(phase, VOXEL_M)[:, ::-1], atol=1e-6
    )


@pytest.mark.parametrize("label", [0, 1, 2])
def test_an_image_of_one_phase_has_finite_descriptors(label):
    assert np.isfinite(descriptors(np.full((3, 4, 5), label, np.uint8), VOXEL_M)).all()
