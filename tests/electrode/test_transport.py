import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.electrode import AM, CBD, PhaseImage, Recipe, generate, tortuosity_factor
from tfmsnet.electrode.transport import effective_transport, phase_tortuosity_factor
from tfmsnet.errors import UserError


def test_a_straight_pore():
    phase = np.full((8, 8, 20), AM)
    phase[2:5, 3:7] = 0
    image = PhaseImage(phase)
    assert effective_transport(image) == pytest.approx(12 / 64, rel=1e-5)
    assert tortuosity_factor(image) == pytest.approx(1, rel=1e-5)


@given(factor=st.floats(0.01, 1), layers=st.integers(1, 15))
@settings(max_examples=15, deadline=None)
def test_layers_across_the_way_are_resistances_in_series(factor, layers):
    phase = np.zeros((5, 6, 16), dtype=np.uint8)
    phase[0] = AM
    phase[1:, :, 3 : 3 + layers] = CBD
    layers = (phase[1, 0] == CBD).sum()
    expected = 4 / 5 * 16 / (16 - layers + layers / factor)
    assert effective_transport(PhaseImage(phase), factor) == pytest.approx(expected, rel=1e-4)


def test_layers_along_the_way_are_conductances_in_parallel():
    phase = np.zeros((8, 5, 12), dtype=np.uint8)
    phase[:2] = AM
    phase[2:5] = CBD
    image = PhaseImage(phase)
    assert effective_transport(image, 0.05) == pytest.approx(3 / 8 + 3 / 8 * 0.05, rel=1e-5)
    expected = (3 / 8 + 0.27 * 3 / 8) / (3 / 8 + 3 / 8 * 0.05)
    assert tortuosity_factor(image, 0.05, 0.27) == pytest.approx(expected, rel=1e-5)
    assert tortuosity_factor(image, 0) == pytest.approx(1, rel=1e-5)  # the pores alone
    for labels in ((0,), (1,), (1, 2)):  # straight as they are, whatever share they have
        expected = 1 if np.isin(image.phase[:, :, 0], labels).any() else math.inf
        assert phase_tortuosity_factor(image, labels) == pytest.approx(expected, rel=1e-5)


def test_dilute_spheres_obstruct_as_maxwell_says():
    """Maxwell (1873): insulating spheres of a small fraction phi give 2 (1 - phi) / (2 + phi)."""
    count, radius = 32, 8
    offset = np.stack(np.indices((count,) * 3), -1) + 0.5 - count / 2
    am = np.linalg.norm(offset, axis=-1) < radius
    phi = am.mean()
    expected = 2 * (1 - phi) / (2 + phi)
    assert effective_transport(PhaseImage(am.astype(np.uint8))) == pytest.approx(expected, rel=0.02)


def test_dead_ends_carry_nothing():
    phase = np.full((8, 8, 16), AM)
    phase[2:5, 3:7] = 0
    straight = effective_transport(PhaseImage(phase))
    phase[6, 6, :10] = 0  # from the foil, not through
    phase[0, 0, 4] = 0  # closed
    assert effective_transport(PhaseImage(phase)) == pytest.approx(straight, rel=1e-5)


def test_no_way_through():
    phase = np.zeros((6, 6, 12), dtype=np.uint8)
    phase[:, :, 5] = AM
    assert effective_transport(PhaseImage(phase)) == 0
    assert tortuosity_factor(PhaseImage(phase)) == math.inf
    phase[:, :, 5] = np.where(np.indices((6, 6))[0] < 3, AM, CBD)
    assert effective_transport(PhaseImage(phase), 0) == 0
    assert effective_transport(PhaseImage(phase), 0.05) > 0


def test_foil_and_separator_side_are_alike():
    image = generate(Recipe(90.0, 10.0, (16, 16, 24)))
    turned = PhaseImage(image.phase[:, :, ::-1])
    assert effective_transport(turned) == pytest.approx(effective_transport(image), rel=1e-4)


def test_calendering_and_binder_obstruct():
    def tortuosity(recipe):
        return np.mean([tortuosity_factor(generate(Recipe(*recipe, (20, 20, 40), seed=s))) for s in range(3)])

    assert tortuosity((90.0, 0.0)) < tortuosity((90.0, 20.0))


@pytest.mark.parametrize(("factor", "porosity"), [(-0.1, 0.27), (1.1, 0.27), (0.05, 2.0)])
def test_factors_out_of_range_are_refused(factor, porosity):
    with pytest.raises(UserError, match="expected 0 to 1"):
        tortuosity_factor(generate(Recipe(size=(8, 8, 8))), factor, porosity)
