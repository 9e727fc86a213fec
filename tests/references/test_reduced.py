"""The reduced models against the simulator and PyBaMM; conservation, symmetry, images that can't work."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from halfcell_checks.dfn import dfn_curve, dfn_electrode
from tfmsnet.electrode import AM, CBD, ELECTROLYTE, PhaseImage, Recipe, generate
from tfmsnet.halfcell import Parameters, open_circuit_potential, simulate
from tfmsnet.load import constant_current, equal_charge_frames
from tfmsnet.references.particles import Spheres
from tfmsnet.references.reduced import PLANE_CHANNELS, PorousElectrode, ResolvedParticles

PARAMETERS = Parameters()
MODELS = (PorousElectrode, ResolvedParticles)
VOXEL_M = 0.5e-6
# Pulses, rests, and a charge of about as much.
TIMES_S = 30.0 * np.arange(31)
PULSES = np.where(np.arange(31) // 5 % 2 == 1, 2.0, 0.0)
PULSES[16:] *= -0.8

traced = {}


def run(model, phases, profile, times_s, voxel_size_m=VOXEL_M):
    """Discharge phase images (batch, x, y, z) or one of them."""
    if model not in traced:
        sizes = ([None] * 4, tf.uint8), ([None], tf.float64), *[([None, None], tf.float64)] * 2
        signature = [tf.TensorSpec(*size) for size in (*sizes, ([None], tf.float64))]
        traced[model] = tf.function(model(PARAMETERS).discharge, input_signature=signature)
    phases = np.asarray(phases).reshape(-1, *np.shape(phases)[-3:])
    batch = len(phases)
    found = traced[model](
        phases,
        np.full(batch, voxel_size_m),
        np.tile(profile, (batch, 1)),
        np.tile(times_s, (batch, 1)),
        np.zeros(batch),
    )
    return {name: value.numpy() for name, value in found.items()}


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(90, 0, (16, 16, 24), seed=2))


@pytest.fixture(scope="module")
def truth(image):
    return simulate(image, 1.0)


def test_resolved_particles_are_close_to_the_simulator(image, truth):
    found = run(ResolvedParticles, image.phase, *equal_charge_frames(1.0))
    am, solid = np.asarray(image.phase) == AM, np.asarray(image.phase) != ELECTROLYTE
    off, true = found["concentration"][0][1:, am] - truth.concentration[1:, am], truth.concentration[1:, am]
    assert np.median(off.std(1) / true.std(1)) < 0.015
    assert np.abs(found["voltage_v"][0] - truth.voltage_v).max() < 0.5e-3
    assert np.abs(found["potential"][0][:, solid] - truth.potential[:, solid]).max() < 0.7e-3
    np.testing.assert_allclose(found["dol"][0], truth.dol, atol=1e-5)
    assert not found["concentration"][0][:, ~am].any()
    assert not found["potential"][0][:, ~solid].any()


def test_a_porous_electrode_is_near_the_simulator(image, truth):
    found = run(PorousElectrode, image.phase, *equal_charge_frames(1.0))
    assert np.abs(found["voltage_v"][0] - truth.voltage_v).max() < 1e-3
    am = np.asarray(image.phase) == AM
    off, true = found["concentration"][0][1:, am] - truth.concentration[1:, am], truth.concentration[1:, am]
    assert np.median(off.std(1) / true.std(1)) < 0.35


class OfSpheres(PorousElectrode):
    """Particles of three dimensions, as PyBaMM's."""

    kind = partial(Spheres, dimensions=3.0)


@pytest.mark.parametrize("c_rate", [0.5, 1.0, 2.0])
def test_a_porous_electrode_of_spheres_has_pybamms_curve(c_rate):
    """PyBaMM's has the same porosity, surface and effective transport in all depths."""
    found = run(OfSpheres, dfn_electrode().phase, *equal_charge_frames(c_rate))
    assert np.abs(found["voltage_v"][0, 1:] - dfn_curve(c_rate)["voltage_v"]).max() < 1.5e-3 * max(1, c_rate)


def layers(am=6, cbd=2, pores=16):
    return np.broadcast_to(np.repeat([AM, CBD, ELECTROLYTE], [am, cbd, pores]).astype(np.uint8), (6, 6, 24))


def test_layers_are_the_simulators():
    """Nothing varies within a plane: the same equations."""
    frames = 12
    known = simulate(PhaseImage(layers(), VOXEL_M, calendering_percent=0.0), constant_current(1.0, frames))
    found = run(ResolvedParticles, layers(), *equal_charge_frames(1.0, frames))
    assert np.abs(found["voltage_v"][0] - known.voltage_v).max() < 1e-4
    off = np.abs(found["concentration"][0] - known.concentration).max()
    assert off < 1e-3 * PARAMETERS.c_max_mol_m3


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("c_rate", [1.0, 4.0])
def test_the_steps_in_time_are_short_enough(model, c_rate, image):
    """As long as the simulator's; farthest in the first frame."""
    am, found = np.asarray(image.phase) == AM, []
    for parts in (1, 4):
        times_s = 100.0 / c_rate / parts * np.arange(12 * parts + 1)
        answer = run(model, image.phase, np.full(len(times_s), c_rate), times_s)
        found.append((answer["voltage_v"][0][::parts], answer["concentration"][0][::parts, am]))
    (usual_v, usual), (short_v, short) = found
    assert np.abs(usual_v - short_v).max() < 0.12e-3 * c_rate
    apart = (usual - short)[1:].std(1) / short[1:].std(1)
    assert apart.max() < 0.06
    assert apart[3:].max() < 0.025


@pytest.mark.parametrize("model", MODELS)
def test_lithium_is_conserved_under_any_load(model, image):
    found = run(model, image.phase, PULSES, TIMES_S)
    am = np.asarray(image.phase) == AM
    mean = found["concentration"][0][:, am].mean(1, dtype=np.float64) / PARAMETERS.c_max_mol_m3
    np.testing.assert_allclose(mean, found["dol"][0], atol=1e-7)
    assert found["valid"].all()


@pytest.mark.parametrize("model", MODELS)
def test_a_rest_relaxes_to_the_equilibrium_of_the_mean(model, image):
    profile = np.array([0.0, *[2.0] * 6, *[0.0] * 8])
    times_s = np.concatenate([30.0 * np.arange(7), 180 + 1500.0 * np.arange(1, 9)])
    found = run(model, image.phase, profile, times_s)
    rest = open_circuit_potential(found["dol"][0, -1], PARAMETERS)
    assert found["voltage_v"][0, -1] == pytest.approx(rest, abs=2e-4)
    salt = found["planes"][0, -1, :, PLANE_CHANNELS.index("salt_mol_m3")]
    np.testing.assert_allclose(salt, PARAMETERS.initial_salt_mol_m3, rtol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_a_mirrored_image_gives_the_mirrored_answer_and_batches_dont_matter(model, image):
    phase = np.asarray(image.phase)
    both = run(model, np.stack([phase, phase[::-1]]), PULSES, TIMES_S)
    one = run(model, phase, PULSES, TIMES_S)
    np.testing.assert_allclose(both["voltage_v"][0], both["voltage_v"][1], atol=5e-5)
    np.testing.assert_allclose(both["voltage_v"][0], one["voltage_v"][0], atol=5e-5)
    off = np.abs(both["concentration"][0] - both["concentration"][1][:, ::-1]).max()
    assert off < 1e-3 * PARAMETERS.c_max_mol_m3


def test_discharge_ends_where_the_surface_is_full(image):
    profile, times_s = equal_charge_frames(20.0, 40)
    for model in MODELS:
        found = run(model, image.phase, profile, times_s)
        assert 2 < found["ended"][0] < 40
        assert found["valid"][0].sum() == found["ended"][0]
        assert (
            found["voltage_v"][0, found["ended"][0] :] == found["voltage_v"][0, found["ended"][0] - 1]
        ).all()


BROKEN = {
    "islands": lambda phase: phase.__setitem__(np.s_[:, :, 8:10], ELECTROLYTE),
    "a plane without AM": lambda phase: phase.__setitem__(np.s_[:, :, 5], CBD),
    "a plane without pores": lambda phase: phase.__setitem__(np.s_[:, :, 5], AM),
    "no electrolyte at the separator": lambda phase: phase.__setitem__(np.s_[:, :, -1], AM),
    "AM alone": lambda phase: phase.__setitem__(np.s_[:], AM),
    "nothing on the foil": lambda phase: phase.__setitem__(np.s_[:, :, 0], ELECTROLYTE),
    "no AM": lambda phase: phase.__setitem__(np.s_[:], ELECTROLYTE),
}


@pytest.mark.parametrize("model", MODELS)
def test_no_image_gives_nan_or_concentrations_out_of_bounds(model, image):
    phases = []
    for breaking in BROKEN.values():
        phases.append(np.array(image.phase))
        breaking(phases[-1])
    found = run(model, np.stack(phases), *equal_charge_frames(4.0))
    for name in ("concentration", "potential", "voltage_v", "planes"):
        assert np.isfinite(found[name]).all(), name
    assert found["concentration"].min() >= 0
    assert found["concentration"].max() <= PARAMETERS.c_max_mol_m3
    # Nothing carries a current: only the first frame holds.
    assert found["ended"][-1] == found["ended"][-2] == 1


def test_it_runs_from_a_saved_model(image, tmp_path):
    profile, times_s = equal_charge_frames(1.0, 4)
    known = run(ResolvedParticles, image.phase, profile, times_s)
    module = tf.Module()
    module.discharge = traced[ResolvedParticles]
    tf.saved_model.save(module, tmp_path / "model")
    loaded = tf.saved_model.load(tmp_path / "model")
    arguments = np.asarray(image.phase)[None], np.array([VOXEL_M]), profile[None], times_s[None], np.zeros(1)
    found = loaded.discharge(*map(tf.constant, arguments))
    np.testing.assert_allclose(found["concentration"], known["concentration"], rtol=1e-5)
    np.testing.assert_allclose(found["voltage_v"], known["voltage_v"], atol=1e-6)
