import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfmsnet.halfcell import Parameters, open_circuit_potential
from tfmsnet.halfcell.kinetics import Insertion, lithium_metal_overpotential
from tfmsnet.materials.parameters import FARADAY_C_MOL

DEPTH_M = 0.25e-6
# The first call compiles.
quick = settings(deadline=None, max_examples=60)


def react(step, dol, salt=1000.0, parameters=None, depth_m=DEPTH_M, guess=0.0):
    insertion = Insertion(np.array([depth_m]), parameters or Parameters())
    result = insertion.react(*(np.array([value], float) for value in (step, dol, salt, guess)))
    return [float(part[0]) for part in result]


def exchange_current(dol, salt, parameters):
    c_max = parameters.c_max_mol_m3
    rate = FARADAY_C_MOL * parameters.reaction_rate_m2p5_s_mol0p5
    return rate * np.sqrt(salt * dol * (1 - dol)) * c_max


def test_exchange_current_is_that_of_the_paper():
    assert exchange_current(0.5, 1000.0, Parameters()) == pytest.approx(3.2, abs=0.05)


@quick
@given(dol=st.floats(0.05, 0.95), salt=st.floats(10, 2400))
def test_nothing_flows_at_equilibrium(dol, salt):
    current, *_ = react(open_circuit_potential(dol, Parameters()), dol, salt)
    assert abs(current) < 1e-9


@quick
@given(dol=st.floats(0.1, 0.9), salt=st.floats(10, 2400), overpotential=st.floats(-0.2, 0.2))
def test_without_depth_it_is_the_butler_volmer_equation(dol, salt, overpotential):
    parameters = Parameters()
    current, *_ = react(open_circuit_potential(dol, parameters) + overpotential, dol, salt, depth_m=1e-12)
    half = overpotential / (2 * parameters.thermal_voltage_v)
    expected = exchange_current(dol, salt, parameters) * 2 * np.sinh(half)
    assert current == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_every_state_within_volts_of_equilibrium_is_solved():
    """200,000 states up to 3 V away, where Newton's method alone gave up on 1 in 140."""
    rng, count, parameters = np.random.default_rng(0), 200_000, Parameters()
    dol, overpotential = rng.uniform(0.001, 0.999, count), rng.uniform(-3, 3, count)
    insertion = Insertion(np.full(count, DEPTH_M), parameters)
    step = open_circuit_potential(dol, parameters) + overpotential
    reaction = insertion.react(step, dol, np.full(count, 1000.0), np.zeros(count))
    for values in reaction:
        assert np.isfinite(values).all()
    assert (reaction.current * overpotential >= 0).all()


@quick
@example(dol=0.0859375, overpotential=-2.875)
@given(dol=st.floats(0.02, 0.98), overpotential=st.floats(-3, 3))
def test_surface_stays_between_empty_and_full(dol, overpotential):
    parameters = Parameters()
    current, per_volt, _, surface = react(open_circuit_potential(dol, parameters) + overpotential, dol)
    assert 0 < surface < 1
    assert per_volt > 0
    assert (surface - dol) * overpotential <= 1e-12  # a low potential draws lithium in
    insertion = Insertion(np.array([DEPTH_M]), parameters)
    limit = insertion.limit(np.array([dol]), filling=overpotential < 0)[0]
    assert abs(current) <= limit * (1 + 1e-6)


@quick
@given(dol=st.floats(0.1, 0.9), overpotential=st.floats(-0.1, 0.1))
@example(dol=0.78125, overpotential=-0.09375)
def test_slopes_agree_with_finite_differences(dol, overpotential):
    """To some 1e-4: they are those before Newton's last step, which isn't looked at again."""
    step = open_circuit_potential(dol, Parameters()) + overpotential
    current, per_volt, per_dol, _ = react(step, dol)
    small = 1e-5
    by_volt = (react(step + small, dol)[0] - react(step - small, dol)[0]) / (2 * small)
    by_dol = (react(step, dol + small)[0] - react(step, dol - small)[0]) / (2 * small)
    scale = abs(current) + 1
    assert per_volt == pytest.approx(by_volt, rel=1e-3, abs=1e-4 * scale)
    assert per_dol == pytest.approx(by_dol, rel=1e-3, abs=1e-4 * scale)


@quick
@given(guess=st.floats(-50, 50))
def test_the_guess_does_not_matter(guess):
    step = open_circuit_potential(0.7, Parameters()) - 0.05
    assert react(step, 0.7, guess=guess)[0] == pytest.approx(react(step, 0.7)[0], rel=1e-8)


@quick
@given(current=st.floats(-500, 500))
def test_lithium_metal_obeys_butler_volmer_and_ohm(current):
    parameters = Parameters()
    overpotential, slope = (
        float(part) for part in lithium_metal_overpotential(np.array(current), parameters)
    )
    reaction = overpotential - parameters.sei_resistance_ohm_m2 * current
    i0 = parameters.lithium_exchange_current_a_m2
    assert 2 * i0 * np.sinh(reaction / (2 * parameters.thermal_voltage_v)) == pytest.approx(current, abs=1e-9)
    nearby, _ = lithium_metal_overpotential(np.array(current + 1e-3), parameters)
    assert slope == pytest.approx((float(nearby) - overpotential) / 1e-3, rel=1e-4)
