"""The 0-D cell against Faraday's law and the simulator."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters, open_circuit_potential
from tfmsnet.load import equal_charge_frames
from tfmsnet.references.faraday import charge_passed, dol_after, mean_dol, uniform_fields

PARAMETERS = Parameters()
rates = st.lists(st.floats(-3, 3), min_size=1, max_size=12)


@pytest.mark.parametrize("c_rate", [0.2, 0.5, 1.0, 2.0])
def test_every_discharge_of_25_frames_ends_at_0_82(c_rate):
    dol = mean_dol(*equal_charge_frames(c_rate), PARAMETERS)
    assert dol[0] == PARAMETERS.initial_dol
    assert dol[-1] == pytest.approx(0.820, abs=5e-4)
    np.testing.assert_allclose(np.diff(dol), dol[1] - dol[0], rtol=1e-9)


def test_one_hour_at_1c_fills_the_electrode():
    assert mean_dol([0.0, 1.0], [0.0, 3600.0], PARAMETERS)[-1] == pytest.approx(1.0)


@given(rates)
def test_charging_back_returns_to_the_start(rates):
    profile = np.array([0.0, *rates, *[-rate for rate in rates]])
    dol = mean_dol(profile, 40.0 * np.arange(len(profile)), PARAMETERS)
    assert dol[-1] == pytest.approx(PARAMETERS.initial_dol, abs=1e-12)


@given(rates)
def test_splitting_intervals_changes_nothing(rates):
    times_s = 50.0 * np.arange(len(rates) + 1)
    coarse = charge_passed([0.0, *rates], times_s)
    fine = charge_passed([0.0, *np.repeat(rates, 2)], 25.0 * np.arange(2 * len(rates) + 1))
    np.testing.assert_allclose(fine[::2], coarse, atol=1e-12)


def test_the_simulator_agrees(sample):
    dol = mean_dol(sample.c_rate_profile, sample.times_s, sample.parameters)
    np.testing.assert_allclose(dol, sample.dol, atol=2e-5)
    means = [frame[sample.am_mask].mean(dtype=np.float64) for frame in sample.concentration]
    np.testing.assert_allclose(means, dol * sample.parameters.c_max_mol_m3, rtol=5e-5)


def test_uniform_fields_are_the_open_circuit_state():
    known = uniform_fields(*equal_charge_frames(1.0), PARAMETERS)
    dol = known.concentration / PARAMETERS.c_max_mol_m3
    np.testing.assert_allclose(known.potential, open_circuit_potential(dol, PARAMETERS))
    assert known.potential[0] == pytest.approx(4.203, abs=2e-3)


def test_the_formula_takes_tensors():
    tf = pytest.importorskip("tensorflow")
    charge = tf.constant([0.0, 0.5, 1.0], tf.float64)
    np.testing.assert_allclose(dol_after(charge, PARAMETERS), dol_after(charge.numpy(), PARAMETERS))


@pytest.mark.parametrize("profile", [[0.0, 1.0], [], [[0.0, 1.0, 1.0]]])
def test_a_profile_that_does_not_fit_the_times_is_told(profile):
    with pytest.raises(UserError, match="c_rate_profile: expected"):
        charge_passed(profile, [0.0, 10.0, 20.0])
