"""Pulses, rests, charges and held voltages: conservation, equilibrium, and why segments end."""

import numpy as np
import pytest

from halfcell_checks.refinement import with_shorter_steps
from tfmsnet.electrode import Recipe, generate
from tfmsnet.errors import UserError
from tfmsnet.halfcell import DischargeFailed, Parameters, one_c_a_m2, open_circuit_potential, simulate
from tfmsnet.load import (
    CRate,
    CurrentDensity,
    End,
    Every,
    Load,
    Rest,
    Voltage,
    cccv,
    constant_current,
    drive_cycle,
    gitt,
)
from tfmsnet.materials import parameter_set

PARAMETERS = Parameters()


@pytest.fixture(scope="module")
def small():
    """16 x 16 x 32 voxels."""
    return generate(Recipe(90.0, 0.0, (16, 16, 32), seed=1))


@pytest.fixture(scope="module")
def everything(small):
    """Discharge, rest, charge to a voltage that is then held, rest, voltage step, pulse."""
    segments = (
        CRate(2.0, End(charge=0.3)),
        Rest(End(time_s=600)),
        CRate(-1.0, End(voltage_v=4.1)),
        Voltage(4.1, End(taper_c_rate=0.1)),
        Rest(End(time_s=300)),
        Voltage(4.0, End(charge=0.05)),
        CRate(3.0, End(time_s=20)),
    )
    return simulate(small, Load(segments, Every(120)))


def test_every_step_of_every_kind_conserves_charge_lithium_and_salt(everything):
    balances = everything.balances
    assert len(balances.times_s) > len(everything.times_s)
    assert balances.charge.max() <= 1e-6
    assert balances.lithium.max() <= 1e-5
    assert balances.salt.max() <= 1e-5


def test_each_segment_says_why_it_ended_and_a_frame_stands_there(everything):
    reasons = ["charge", "time", "voltage", "taper", "time", "charge", "time"]
    assert [end.reason for end in everything.ends] == reasons
    assert [end.segment for end in everything.ends] == list(range(7))
    assert everything.complete
    at_end = np.isin(everything.times_s, [end.time_s for end in everything.ends])
    assert at_end.sum() == 7
    voltage_v = everything.voltage_v[at_end]
    assert voltage_v[2] == pytest.approx(4.1, abs=1e-4)
    assert voltage_v[3] == pytest.approx(4.1, abs=1e-7)
    assert voltage_v[5] == pytest.approx(4.0, abs=1e-7)


def test_the_profile_passes_the_charge_that_the_lithium_gained(everything):
    passed = np.cumsum(everything.c_rate_profile[1:] * np.diff(everything.times_s)) / 3600
    gained = (everything.dol[1:] - everything.dol[0]) / (1 - PARAMETERS.initial_dol)
    np.testing.assert_allclose(passed, gained, atol=1e-9)


def test_a_held_voltage_tapers_towards_equilibrium(small):
    held = simulate(small, Load((Voltage(4.0, End(time_s=20000)),), Every(2000)))
    assert held.c_rate_profile[1] > 0
    assert np.abs(held.c_rate_profile[1:]).argmax() == 0
    np.testing.assert_allclose(held.voltage_v[1:], 4.0, atol=1e-7)
    assert float(open_circuit_potential(held.dol[-1], PARAMETERS)) == pytest.approx(4.0, abs=1e-5)
    assert held.balances.charge.max() <= 1e-6


def test_a_rest_relaxes_to_the_equilibrium_of_the_mean(small):
    load = Load((CRate(2.0, End(charge=0.2)), Rest(End(time_s=1e5))), Every(2e4))
    rested = simulate(small, load)
    rest_v = float(open_circuit_potential(rested.dol[-1], PARAMETERS))
    assert rested.voltage_v[-1] == pytest.approx(rest_v, abs=1e-6)
    lithium = rested.concentration[-1][small.phase == 1]
    assert np.ptp(lithium) < 1e-4 * PARAMETERS.c_max_mol_m3


def test_a_rest_of_a_fresh_cell_changes_nothing(small):
    rested = simulate(small, Load((Rest(End(time_s=3600)),), Every(1200)))
    np.testing.assert_allclose(rested.voltage_v, rested.voltage_v[0], atol=1e-9)
    np.testing.assert_allclose(rested.dol, PARAMETERS.initial_dol, rtol=1e-12)


def test_a_charge_brings_back_what_a_discharge_took(small):
    there, back = CRate(1.0, End(charge=0.3)), CRate(-1.0, End(charge=0.3))
    rest = Rest(End(time_s=5e4))
    returned = simulate(small, Load((there, back, rest), Every(5e4)))
    assert returned.dol[-1] == pytest.approx(PARAMETERS.initial_dol, abs=1e-9)
    assert returned.voltage_v[-1] == pytest.approx(returned.voltage_v[0], abs=1e-6)


@pytest.mark.parametrize(
    "load",
    [
        gitt(2.0, pulses=2, rest_s=600, every_s=60),
        drive_cycle(np.arange(13) * 10.0, np.tile([0.5, 3, -1, 2, 0, 1], 3)[:13], every_s=20),
        cccv(1.0, discharge_charge=0.2),
    ],
    ids=lambda load: load.name,
)
def test_halving_the_time_steps_changes_little(small, load):
    (voltage, dol), (finer_voltage, finer_dol) = (with_shorter_steps(small, load, split) for split in (1, 2))
    # A voltage is met within 0.1 mV, so that a frame may lie just before an end or just after it.
    frames = min(len(voltage), len(finer_voltage)) - 2
    assert np.abs(voltage[:frames] - finer_voltage[:frames]).max() < 1e-3
    assert np.abs(dol[:frames] - finer_dol[:frames]).max() < 1e-3


def test_a_current_density_is_the_c_rate_that_it_makes(small):
    end = End(time_s=60)
    one_c = one_c_a_m2(small, PARAMETERS)
    by_density = simulate(small, Load((CurrentDensity.ma_cm2(0.15 * one_c, end),), Every(30)))
    by_rate = simulate(small, Load((CRate(1.5, end),), Every(30)))
    np.testing.assert_allclose(by_density.c_rate_profile, by_rate.c_rate_profile, rtol=1e-12)
    np.testing.assert_allclose(by_density.voltage_v, by_rate.voltage_v, atol=1e-7)


def test_equal_segments_in_a_row_are_one(small):
    halves = Load((CRate(1.0, End(time_s=200)),) * 2, Every(100))
    whole = Load((CRate(1.0, End(time_s=400)),), Every(100))
    np.testing.assert_array_equal(simulate(small, halves).voltage_v, simulate(small, whole).voltage_v)


def test_a_segment_that_is_beyond_its_end_from_the_start_takes_no_time(small):
    segments = (CRate(1.0, End(charge=0.1)), CRate(-1.0, End(voltage_v=3.9)), CRate(1.0, End(mean_dol=0.5)))
    segments += (CRate(1.0, End(time_s=30)),)
    ended = simulate(small, Load(segments, Every(60)))
    assert [end.reason for end in ended.ends] == ["charge", "voltage", "mean_dol", "time"]
    assert len({end.time_s for end in ended.ends[:3]}) == 1
    assert (np.diff(ended.times_s) > 0).all()
    assert ended.times_s[-1] == ended.ends[0].time_s + 30


def test_a_mean_dol_ends_a_segment(small):
    ended = simulate(
        small, Load((CRate(1.0, End(mean_dol=0.5)), Voltage(4.15, End(mean_dol=0.49))), Every(60))
    )
    assert [end.reason for end in ended.ends] == ["mean_dol", "mean_dol"]
    at_end = np.isin(ended.times_s, [end.time_s for end in ended.ends])
    np.testing.assert_allclose(ended.dol[at_end], [0.5, 0.49], atol=1e-5)


def test_a_load_that_leaves_the_fit_of_the_potential_is_refused_with_its_segment(small):
    segments = (CRate(1.0, End(charge=0.5)), Rest(End(time_s=60)), CRate(1.0, End(charge=0.5)))
    with pytest.raises(UserError, match=r"segment 2 .* mean DOL of 1\.000.* charge of 0\.43 at most"):
        simulate(small, Load(segments, Every(60)))
    with pytest.raises(UserError, match=r"segment 1 .* which the current leads away from"):
        simulate(small, Load((CRate(1.0, End(charge=0.5)), CRate(1.0, End(mean_dol=0.5))), Every(60)))


def test_a_failure_keeps_the_frames_before_it(electrode):
    with pytest.raises(DischargeFailed) as failure:
        simulate(electrode, Load((CRate(1.0, End(charge=0.2)), CRate(60.0, End(charge=0.5))), Every(60)))
    partial = failure.value.partial
    assert not partial.complete
    assert [end.reason for end in partial.ends] == ["charge", "failed"]
    assert partial.times_s[-1] == partial.ends[-1].time_s
    whole = simulate(electrode, Load((CRate(1.0, End(charge=0.2)),), Every(60)))
    np.testing.assert_allclose(partial.voltage_v[: len(whole.voltage_v)], whole.voltage_v, atol=5e-5)


@pytest.mark.parametrize("held", [False, True], ids=["rested", "held"])
@pytest.mark.parametrize(
    ("cell", "low_v", "high_v"),
    [("nmc111", 2.9, 4.25), ("nmc811", 2.9, 4.25), ("lfp", 2.6, 3.7), ("graphite", 0.01, 0.6)],
)
def test_from_full_surfaces_any_segment_goes_on(cell, low_v, high_v, held):
    parameters = parameter_set(cell).parameters
    hold = [Voltage(low_v, End(taper_c_rate=0.1, time_s=1200))] * held
    load = Load(
        (
            CRate(3.0, End(voltage_v=low_v)),
            *hold,
            Rest(End(time_s=300)),
            CRate(-1.0, End(voltage_v=high_v)),
            Voltage(high_v, End(taper_c_rate=0.2, time_s=1200)),
        ),
        Every(20),
    )
    done = simulate(generate(Recipe(92.0, 10.0, (8, 8, 16), seed=11)), load, parameters)
    assert done.complete
    assert done.balances.charge.max() <= 1e-6
    assert done.balances.lithium.max() <= 1e-5
    assert done.concentration.min() >= 0
    assert done.concentration.max() <= np.float32(parameters.c_max_mol_m3)
    # Without a current the voltage lies between the equilibria of the fullest and of the emptiest voxel.
    begun, rested = done.ends[held].time_s, np.flatnonzero(done.times_s == done.ends[held + 1].time_s)[0]
    dol = done.concentration[rested][done.image.phase == 1] / parameters.c_max_mol_m3
    fullest_v, emptiest_v = open_circuit_potential(np.array([dol.max(), dol.min()]), parameters)
    assert fullest_v - 1e-3 < done.voltage_v[rested] < emptiest_v + 1e-3
    if held:
        holding = (done.times_s > done.ends[0].time_s) & (done.times_s <= begun)
        assert (np.diff(done.c_rate_profile[holding]) < 0).all()
        np.testing.assert_allclose(done.voltage_v[holding], low_v, atol=1e-7)


def test_a_held_voltage_that_cannot_reach_its_end_stops_at_equilibrium(small):
    with pytest.raises(DischargeFailed, match=r"equilibrium with the 4\.100 V .* give the segment a time_s"):
        simulate(small, Load((Voltage(4.1, End(charge=0.5)),), Every(1000)))


def test_a_cut_off_that_is_not_reached_is_told(electrode):
    short = simulate(electrode, constant_current(2.0, 4, cutoff_voltage_v=3.0))
    assert [end.reason for end in short.ends] == ["charge"]


def test_the_curve_of_a_load_is_drawn_over_time_too(everything):
    labels = [axes.get_xlabel() for axes in everything.plot().axes]
    assert "time (h)" in labels
    assert "mean degree of lithiation" in labels
