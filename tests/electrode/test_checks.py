import numpy as np
import pytest

from tfmsnet.electrode import (
    AM,
    CBD,
    ELECTROLYTE,
    PhaseImage,
    Recipe,
    check_dischargeable,
    generate,
    remove_islands,
)
from tfmsnet.errors import UserError


@pytest.fixture
def phase():
    """A column of AM on the foil with a ring of CBD half-way up."""
    phase = np.zeros((9, 9, 12), dtype=np.uint8)
    phase[3:6, 3:6, :10] = AM
    phase[2:7, 2:7, 4:6] = np.where(phase[2:7, 2:7, 4:6] == AM, AM, CBD)
    return phase


def refused(phase, message, **options):
    with pytest.raises(UserError, match=message) as caught:
        check_dischargeable(PhaseImage(phase), **options)
    assert "\n" not in str(caught.value)


def test_a_good_electrode_passes(phase):
    check_dischargeable(PhaseImage(phase))
    check_dischargeable(generate(Recipe()), min_cbd_percolation=0.95)


def test_an_electrode_without_binder_passes_unless_percolation_is_asked_for(phase):
    phase[phase == CBD] = ELECTROLYTE
    check_dischargeable(PhaseImage(phase))
    refused(phase, "no CBD", min_cbd_percolation=0.5)


def test_too_few_planes(phase):
    refused(phase[:, :, :7], "7 voxels from foil to separator, expected at least 8")


def test_nothing_on_the_foil(phase):
    refused(phase[:, :, ::-1], "no AM or CBD on the foil")


def test_loose_active_material(phase):
    am = (phase == AM).sum()
    phase[0, 0, 5:8] = AM
    refused(
        phase, rf"3 AM voxels \({100 * 3 / (am + 3):.2g} % of the AM\) and 0 CBD voxels .* remove_islands"
    )


def test_loose_binder(phase):
    phase[0, 0, 5] = CBD
    refused(phase, r"0 AM voxels .* and 1 CBD voxels")


def test_contact_at_an_edge_is_no_contact(phase):
    phase[2, 2, 3] = AM  # touches the ring above by a face
    check_dischargeable(PhaseImage(phase))
    phase[1, 1, 3] = AM  # touches that one by an edge
    refused(phase, "1 AM voxels")


def test_no_electrolyte_at_the_separator(phase):
    phase[:, :, -1] = AM
    phase[4, 4, :] = AM
    refused(phase, "no electrolyte meets the separator")
    phase[0, 0, -1] = CBD  # soaked
    check_dischargeable(PhaseImage(phase))


def test_binder_that_does_not_percolate(phase):
    ring = (phase == CBD).sum()
    refused(phase, "0 % of the CBD .* expected at least 50 %", min_cbd_percolation=0.5)
    phase[2, 2, :4] = CBD
    check_dischargeable(PhaseImage(phase), min_cbd_percolation=1.0)
    phase[6, 4, 8] = CBD
    share = 100 * (ring + 4) / (ring + 5)
    refused(phase, f"{share:.3g} % of the CBD", min_cbd_percolation=1.0)


def test_percolation_is_a_share(phase):
    refused(phase, "share from 0 to 1, got 95", min_cbd_percolation=95)


def test_islands_are_removed_and_counted(phase):
    whole = PhaseImage(phase, am_wt_percent=90.0)
    assert remove_islands(whole) == (whole, 0)
    broken = phase.copy()
    broken[0, 0, 5:8] = AM
    broken[8, 8, 2] = CBD
    mended, changed = remove_islands(PhaseImage(broken, am_wt_percent=90.0, geometry_id="broken"))
    assert changed == 4
    np.testing.assert_array_equal(mended.phase, phase)
    assert mended.am_wt_percent == 90.0
    assert mended.geometry_id == whole.geometry_id
    check_dischargeable(mended)


def test_islands_without_any_contact_to_the_foil(phase):
    with pytest.raises(UserError, match="no AM or CBD on the foil"):
        remove_islands(PhaseImage(phase[:, :, ::-1]))


@pytest.mark.parametrize("seed", range(3))
def test_random_noise_can_be_mended(seed):
    phase = np.random.default_rng(seed).choice(3, p=[0.6, 0.3, 0.1], size=(12, 12, 16))
    mended, changed = remove_islands(PhaseImage(phase))
    assert changed > 0
    check_dischargeable(mended)
