import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from halfcell_checks.refinement import with_split_voxels
from tfmsnet.electrode import AM, ELECTROLYTE, PhaseImage, Recipe, generate
from tfmsnet.errors import UserError
from tfmsnet.halfcell import DischargeFailed, Parameters, open_circuit_potential, simulate
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.load import constant_current
from tfmsnet.materials.parameters import FARADAY_C_MOL

C_RATES = [0.5, 1.0, 2.0]


@pytest.mark.parametrize("c_rate", C_RATES)
def test_every_step_conserves_charge_lithium_and_salt(discharges, c_rate):
    balances = discharges[c_rate].balances
    assert len(balances.times_s) >= 24
    assert balances.charge.max() <= 1e-6
    assert balances.lithium.max() <= 1e-5
    assert balances.salt.max() <= 1e-5


@pytest.mark.parametrize("c_rate", C_RATES)
def test_first_frame_is_the_equilibrium(discharges, c_rate):
    discharge = discharges[c_rate]
    rest = open_circuit_potential(0.45925, Parameters())
    assert discharge.voltage_v[0] == pytest.approx(rest)
    solid = discharge.image.phase != ELECTROLYTE
    np.testing.assert_allclose(discharge.potential[0][solid], rest, rtol=1e-6)
    np.testing.assert_allclose(
        discharge.concentration[0][discharge.image.phase == AM], 0.45925 * 48207, rtol=1e-6
    )


@pytest.mark.parametrize("c_rate", C_RATES)
def test_mean_dol_rises_evenly_to_0_820_at_every_rate(discharges, c_rate):
    discharge = discharges[c_rate]
    np.testing.assert_allclose(discharge.dol, 0.45925 + (1 - 0.45925) * np.arange(25) / 36, atol=1e-9)
    assert discharge.dol[-1] == pytest.approx(0.820, abs=5e-4)
    np.testing.assert_allclose(discharge.times_s, np.arange(25) * 100 / c_rate)
    assert discharge.c_rate_profile.tolist() == [0.0] + 24 * [c_rate]


def test_charge_passed_is_that_of_the_definition_of_1c(discharges):
    discharge = discharges[1.0]
    am = discharge.image.phase == AM
    gained = (discharge.concentration[-1][am].mean() - discharge.concentration[0][am].mean()) * am.sum()
    coulombs = FARADAY_C_MOL * gained * discharge.image.voxel_size_m**3
    current = FARADAY_C_MOL * 48207 * (1 - 0.45925) * am.sum() * discharge.image.voxel_size_m**3 / 3600
    assert coulombs == pytest.approx(current * 2400, rel=1e-5)


def test_voltage_falls_with_time_and_with_the_rate(discharges):
    curves = [discharges[c_rate].voltage_v for c_rate in C_RATES]
    for curve in curves:
        assert (np.diff(curve) < 0).all()
    for slower, faster in itertools.pairwise(curves):
        assert (slower[1:] > faster[1:]).all()
    assert (curves[0][1:] < open_circuit_potential(discharges[0.5].dol, Parameters())[1:]).all()


@pytest.mark.parametrize("c_rate", C_RATES)
def test_fields_stay_in_their_phases_and_bounds(discharges, c_rate):
    discharge = discharges[c_rate]
    am, solid = discharge.image.phase == AM, discharge.image.phase != ELECTROLYTE
    assert not discharge.concentration[:, ~am].any()
    assert not discharge.potential[:, ~solid].any()
    assert discharge.concentration[:, am].min() > 0
    assert discharge.concentration[:, am].max() < 48207
    assert discharge.concentration.dtype == discharge.potential.dtype == np.float32
    # The electrons' drop is small against the voltage, and the foil is where they leave: lowest.
    assert (discharge.potential[1:, solid].min(axis=1) >= discharge.voltage_v[1:] - 1e-6).all()


def test_surfaces_are_fuller_than_cores(discharges):
    discharge = discharges[2.0]
    grid = build_grid(discharge.image, discharge.parameters)
    lithium = discharge.concentration[-1].ravel()[grid.am_voxels]
    surface = np.zeros(len(lithium), bool)
    surface[grid.interface.am] = True
    assert lithium[surface].mean() > lithium[~surface].mean()


@pytest.mark.parametrize("change", [np.flipud, np.fliplr, lambda phase: phase.swapaxes(0, 1)])
def test_mirrored_electrode_gives_mirrored_fields(electrode, change):
    image = PhaseImage(change(electrode.phase), electrode.voxel_size_m)
    plain, mirrored = simulate(electrode, constant_current(2.0, 4)), simulate(image, constant_current(2.0, 4))
    np.testing.assert_allclose(mirrored.voltage_v, plain.voltage_v, atol=2e-5)
    for before, after in zip(plain.concentration, mirrored.concentration, strict=True):
        np.testing.assert_allclose(change(before), after, atol=5e-5 * 48207)
    for before, after in zip(plain.potential, mirrored.potential, strict=True):
        np.testing.assert_allclose(change(before), after, atol=2e-5)


def test_the_same_run_gives_the_same_bits(electrode):
    one, other = (simulate(electrode, constant_current(1.0, 3)) for _ in range(2))
    assert one.voltage_v.tobytes() == other.voltage_v.tobytes()
    assert one.concentration.tobytes() == other.concentration.tobytes()
    assert one.potential.tobytes() == other.potential.tobytes()


@pytest.mark.parametrize("c_rate", [1.0, 2.0])
def test_discharge_to_2_8_volts_finishes(electrode, c_rate):
    discharge = simulate(electrode, constant_current(c_rate, 37, 2.8))
    assert 25 < len(discharge.voltage_v) < 37
    assert discharge.complete
    assert len(discharge.concentration) == len(discharge.times_s) == len(discharge.voltage_v)
    assert discharge.voltage_v[-1] == pytest.approx(2.8, abs=1e-4)
    assert [end.reason for end in discharge.ends] == ["voltage"]
    assert discharge.dol[-1] > 0.85
    assert np.isfinite(discharge.concentration).all()
    assert np.isfinite(discharge.potential).all()
    assert discharge.concentration.max() < 48207
    assert discharge.balances.charge.max() <= 1e-6
    assert discharge.balances.lithium.max() <= 1e-5


def test_cut_off_keeps_the_frames_before_it_and_ends_at_it(discharges):
    full = discharges[2.0]
    short = simulate(full.image, constant_current(2.0, cutoff_voltage_v=3.9))
    kept = int((full.voltage_v > 3.9).sum())
    np.testing.assert_array_equal(short.voltage_v[:-1], full.voltage_v[:kept])
    assert short.voltage_v[-1] == pytest.approx(3.9, abs=1e-4)
    assert full.times_s[kept - 1] < short.times_s[-1] < full.times_s[kept]
    assert short.ends == ((0, short.times_s[-1], "voltage"),)


def test_charge_is_the_discharge_reversed_in_sign(electrode):
    half_full = Parameters(initial_dol=0.7)
    charge = simulate(electrode, constant_current(-1.0, 10), half_full)
    assert (np.diff(charge.dol) < 0).all()
    assert (np.diff(charge.voltage_v) > 0).all()
    assert (charge.voltage_v[1:] > open_circuit_potential(charge.dol[1:], half_full)).all()
    assert charge.balances.lithium.max() <= 1e-5
    assert charge.c_rate_profile[1] == -1.0
    limit_v = float(charge.voltage_v[5:7].mean())
    stopped = simulate(electrode, constant_current(-1.0, 10, limit_v), half_full)
    assert len(stopped.voltage_v) == 7
    assert stopped.voltage_v[-1] == pytest.approx(limit_v, abs=1e-4)


def test_a_thin_slow_electrode_follows_the_equilibrium(electrode):
    discharge = simulate(electrode, 0.01)
    rest = open_circuit_potential(discharge.dol, Parameters())
    np.testing.assert_allclose(discharge.voltage_v, rest, atol=2e-3)
    assert discharge.concentration[-1][electrode.phase == AM].std() < 1e-3 * 48207


def test_progress_rises_to_one(electrode):
    seen = []
    simulate(electrode, constant_current(1.0, 3), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 4


def test_unknown_calendering_counts_as_none(electrode):
    assert math.isnan(electrode.calendering_percent)
    stated = PhaseImage(electrode.phase, electrode.voxel_size_m, calendering_percent=0.0)
    assert (
        simulate(stated, constant_current(1.0, 2)).voltage_v[1]
        == simulate(electrode, constant_current(1.0, 2)).voltage_v[1]
    )


@pytest.mark.parametrize("c_rate", [0, 0.0, math.nan, math.inf, -math.inf, "1", None, True, 1e9])
def test_c_rates_that_mean_nothing_are_refused(electrode, c_rate):
    with pytest.raises(UserError, match="c_rate"):
        simulate(electrode, c_rate)


@pytest.mark.parametrize("frames", [0, 1, 2.5, "25", True])
def test_numbers_of_frames_that_mean_nothing_are_refused(electrode, frames):
    with pytest.raises(UserError, match="frames"):
        simulate(electrode, constant_current(1.0, frames))


def test_frames_beyond_the_fit_of_the_potential_are_refused_with_how_many_fit(electrode):
    with pytest.raises(UserError, match=r"at most \(34 of the paper's frames\)"):
        simulate(electrode, constant_current(1.0, 40))
    with pytest.raises(UserError, match=r"at most \(3 of the paper's frames\)"):
        simulate(electrode, -1.0)


@pytest.mark.parametrize("cutoff", [math.nan, "2.8", 4.3])
def test_cut_offs_that_cannot_be_reached_are_refused(electrode, cutoff):
    with pytest.raises(UserError, match="voltage_v"):
        simulate(electrode, constant_current(1.0, cutoff_voltage_v=cutoff))


def test_slow_kinetics_and_bad_conductors_are_solved_too(electrode):
    sluggish = simulate(electrode, constant_current(1.0, 3), Parameters(reaction_rate_m2p5_s_mol0p5=1e-13))
    resistive = simulate(electrode, constant_current(1.0, 3), Parameters(am_conductivity_s_m=1e-4))
    usual = simulate(electrode, constant_current(1.0, 3))
    assert (sluggish.voltage_v[1:] < usual.voltage_v[1:] - 0.1).all()
    assert (resistive.voltage_v[1:] < usual.voltage_v[1:] - 0.1).all()
    assert max(sluggish.balances.charge.max(), resistive.balances.charge.max()) <= 1e-6


def test_closed_pores_take_no_part(electrode):
    closed = electrode.phase.copy()
    closed[4:9, 4:9, 10:15] = AM
    full = PhaseImage(closed, electrode.voxel_size_m)
    closed[6, 6, 12] = ELECTROLYTE
    hollow = PhaseImage(closed, electrode.voxel_size_m)
    cells = [build_grid(image, Parameters()) for image in (full, hollow)]
    assert len(cells[0].interface.am) == len(cells[1].interface.am)
    assert len(cells[0].liquid_volume_m3) == len(cells[1].liquid_volume_m3)
    assert simulate(hollow, constant_current(1.0, 2)).voltage_v[1] == pytest.approx(
        simulate(full, constant_current(1.0, 2)).voltage_v[1], abs=1e-3
    )


def test_an_image_without_wiring_is_refused():
    phase = np.zeros((8, 8, 12), np.uint8)
    phase[2:5, 2:5, 4:8] = AM
    with pytest.raises(UserError, match="foil"):
        simulate(PhaseImage(phase), 1.0)


def test_a_current_that_nothing_carries_fails_loudly(electrode):
    with pytest.raises(DischargeFailed, match=r"t = .* try|ask for") as failure:
        simulate(electrode, 300.0)
    assert failure.value.partial is None or not failure.value.partial.complete


@pytest.mark.slow
def test_splitting_every_voxel_in_8_changes_little():
    image = generate(Recipe(90.0, 0.0, (16, 16, 32), seed=1))
    coarse, fine = simulate(image, 2.0), simulate(with_split_voxels(image, 2), 2.0)
    assert np.abs(coarse.voltage_v - fine.voltage_v).max() < 3e-3


def test_importing_it_is_light():
    heavy = {"tensorflow", "keras", "matplotlib", "pyamg"}
    code = f"import sys, tfmsnet.halfcell; print({heavy} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "set()"
