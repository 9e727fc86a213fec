import dataclasses
import math

import numpy as np
import pytest

from tfmsnet.electrode import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError


@pytest.fixture
def phase():
    return np.random.default_rng(0).integers(0, 3, (4, 5, 9))


def test_labels_are_kept_as_read_only_bytes_of_their_own(phase):
    image = PhaseImage(phase)
    assert image.phase.dtype == np.uint8
    assert image.phase.flags.c_contiguous
    assert not image.phase.flags.writeable
    np.testing.assert_array_equal(image.phase, phase)
    phase[0, 0, 0] = 9
    assert image.phase.max() == 2


def test_sizes_and_fractions(phase):
    image = PhaseImage(phase, 1e-6)
    assert image.shape == (4, 5, 9)
    assert image.size_m == pytest.approx((4e-6, 5e-6, 9e-6))
    assert sum(image.volume_fractions.values()) == pytest.approx(1)
    assert image.volume_fractions["CBD"] == pytest.approx((phase == CBD).mean())


def test_geometry_id_is_that_of_the_geometry(phase):
    image = PhaseImage(phase)
    assert PhaseImage(phase.astype(np.int32), am_wt_percent=90).geometry_id == image.geometry_id
    assert PhaseImage(phase, 1e-6).geometry_id != image.geometry_id
    assert PhaseImage(phase.reshape(5, 4, 9)).geometry_id != image.geometry_id
    assert PhaseImage(phase, geometry_id="mine").geometry_id == "mine"
    assert dataclasses.replace(image, am_wt_percent=90.0).geometry_id == image.geometry_id


def test_an_image_without_binder_is_fine():
    assert PhaseImage(np.indices((3, 3, 3))[2] % 2).volume_fractions["CBD"] == 0


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        (np.zeros((4, 4), int), r"shape \(4, 4\)"),
        (np.zeros((4, 0, 4), int), "non-empty"),
        (np.zeros((4, 4, 4)), "float64"),
        (np.arange(27).reshape(3, 3, 3), r"0 \(1 voxels\).* and 19 more labels"),
        (np.full((3, 3, 3), ELECTROLYTE), r"no AM \(label 1\)"),
        (np.full((3, 3, 3), AM), r"no electrolyte \(label 0\)"),
        (np.indices((3, 3, 3))[0] - 1, "expected the labels"),
    ],
)
def test_what_is_no_phase_image_is_refused(phase, message):
    with pytest.raises(UserError, match=message) as caught:
        PhaseImage(phase)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "field",
    [
        {"voxel_size_m": 0.5},
        {"voxel_size_m": 0.0},
        {"voxel_size_m": math.nan},
        {"am_wt_percent": 101.0},
        {"calendering_percent": -1.0},
    ],
)
def test_numbers_out_of_range_are_refused_by_name(phase, field):
    with pytest.raises(UserError, match=next(iter(field))):
        PhaseImage(phase, **field)
