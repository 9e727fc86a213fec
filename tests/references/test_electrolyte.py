"""The electrolyte from plane to plane and within planes, beside the simulator's, of a dense electrode."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tfmsnet
from tfmsnet.electrode import AM, CBD, ELECTROLYTE, PhaseImage, Recipe, generate, remove_islands
from tfmsnet.halfcell import Parameters, simulate
from tfmsnet.halfcell.cell import Cell
from tfmsnet.halfcell.control import Galvanostatic
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.load import constant_current
from tfmsnet.references.conduction import rising
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Voxels
from tfmsnet.references.planes import Control, Planes
from tfmsnet.references.reduced import ResolvedParticles
from tfmsnet.references.reduced_cell import ReducedCell
from tfmsnet.references.within_planes import WithinPlanes

PLACES = 12
weighted = partial(arrays, np.float64, (1, PLACES))


@given(weighted(elements=st.floats(-5, 5)), weighted(elements=st.floats(0.1, 3)))
def test_the_nearest_values_that_dont_fall(values, weights):
    found = rising(tf.constant(values), tf.constant(weights)).numpy()[0]
    values, weights = values[0], weights[0]
    assert (np.diff(found) >= -1e-9).all()
    # Least squares on a cone (Karush-Kuhn-Tucker): what is left pulls no tail of the places up, and none of
    # the moves that are made is in vain.
    left = np.cumsum((weights * (values - found))[::-1])[::-1]
    assert left[0] == pytest.approx(0, abs=1e-8)
    assert (left <= 1e-8).all()
    np.testing.assert_allclose(left[1:] * np.diff(found), 0, atol=1e-7)


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(94, 20, (24, 24, 64), seed=403))


@pytest.fixture(scope="module")
def geometry(image):
    phase, voxel = tf.constant(image.phase[None]), tf.constant([image.voxel_size_m], tf.float64)
    return Geometry(phase, voxel, Materials(Parameters()))


@pytest.fixture(scope="module")
def conduction(image, geometry):
    numbers = Materials(Parameters())
    percent = tf.constant([image.calendering_percent], tf.float64)
    return geometry.conduction(numbers.single.am_conductivity_s_m, numbers.cbd_conductivity(percent))


def test_resistances_lead_from_end_to_end(geometry, conduction):
    """No plane's surface is off its plane as a whole, least of all where all of the current passes."""
    liquid, _ = conduction
    filling = geometry.plane_filling()
    passes = tf.cumsum(filling, axis=1).numpy()[0] / float(geometry.foil_faces)
    whole = liquid.deviation * geometry.lattice.on_planes(filling / geometry.plane_area())
    whole += liquid.through * geometry.lattice.on_planes(
        (tf.cumsum(filling, axis=1) - 0.5 * filling) / geometry.foil_faces
    )
    mean = geometry.plane_mean(tf.cast(whole, tf.float64)).numpy()[0]
    drop = (liquid.between.numpy()[0, : geometry.planes - 1] * passes[:-1]).sum()
    assert abs(mean[-8:]).max() < 0.01 * drop
    # From the separator on: what planes are off by isn't all of one sign.
    area = geometry.plane_area().numpy()[0]
    assert abs((area * mean).sum() / area.sum()) < 2e-4 * drop


def simulated(image, step_s):
    """One step of 1C by the simulator: (faces,) voxel of the image, area and salt; the state."""
    grid = build_grid(image, Parameters())
    cell = Cell(grid, Parameters().at_temperature(), step_s)
    state = cell.step(cell.at_rest(), None, step_s, Galvanostatic(cell.one_c_a))
    voxel = grid.am_voxels[grid.interface.am]
    return voxel, grid.interface.area_m2, state.salt[grid.interface.liquid], state


def cell_of(geometry, conduction):
    """The reduced model's equations, and what takes them apart within planes."""
    materials = Materials(Parameters())
    particles, planes = Voxels(geometry, materials), Planes(geometry, *conduction, materials)
    within = WithinPlanes(geometry, particles, planes, *conduction, materials)
    return ReducedCell(geometry, particles, planes, within, materials), within, planes


def in_pores(grid, salt, layers):
    """Mean over the electrolyte of each plane and each of the separator's layers."""
    layer = grid.liquid_places % layers
    return np.bincount(layer, grid.liquid_volume_m3 * salt) / np.bincount(layer, grid.liquid_volume_m3)


def driven(cell, c_rate):
    return Control(tf.constant([False]), cell.current(tf.constant([c_rate], tf.float64)))


@pytest.mark.parametrize("step_s", [5.0, 60.0])
def test_salt_is_the_simulators(image, geometry, conduction, step_s):
    """At the surface and in the electrolyte; soon after a jump of the current, and later."""
    voxel, area, salt, truth = simulated(image, step_s)
    cell, within, _ = cell_of(geometry, conduction)
    state, solved = cell.step(cell.at_rest(), tf.constant([step_s], tf.float64), driven(cell, 1.0))
    assert solved
    ours = within.at(state.salt, state.current, state.apart).salt
    ours = geometry.lattice.unpacked(ours).numpy()[0, ..., : geometry.planes].ravel()[voxel]
    plane = voxel % geometry.planes

    def parted(values):
        mean = np.bincount(plane, area * values) / np.bincount(plane, area)
        return mean, values - mean[plane]

    (mean, salt), (our_mean, ours) = parted(salt), parted(ours)
    slope = (area * salt * ours).sum() / (area * ours**2).sum()
    left = (area * (salt - ours) ** 2).sum() / (area * salt**2).sum()
    assert slope == pytest.approx(1.0, abs=0.15)
    assert left < 0.1
    # Of a profile of up to 30 mol/m3.
    assert np.sqrt(np.mean((our_mean - mean) ** 2)) < 0.02 * np.ptp(mean)
    stored = in_pores(build_grid(image, Parameters()), truth.salt, geometry.layers)
    assert np.sqrt(np.mean((state.stored.numpy()[0] - stored) ** 2)) < 0.02 * np.ptp(stored)
    assert float(state.voltage[0]) == pytest.approx(truth.voltage_v, abs=1.5e-4)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=4), st.floats(1, 60))
def test_no_salt_is_lost(geometry, conduction, c_rates, step_s):
    """What the lithium metal gives the active material takes: the electrolyte keeps its salt."""
    cell, _, planes = cell_of(geometry, conduction)
    state, step = cell.at_rest(), tf.function(cell.step)
    amount = float(tf.reduce_sum(planes.electrolyte_m * state.stored))
    for c_rate in c_rates:
        state, _ = step(state, tf.constant([step_s], tf.float64), driven(cell, c_rate))
        left = float(tf.reduce_sum(planes.electrolyte_m * state.stored))
        assert left == pytest.approx(amount, rel=1e-7)


@pytest.fixture(scope="module")
def pocket():
    """Part of the active material stands in a chamber with one door, a voxel wide and of CBD."""
    phase = np.array(generate(Recipe(85, 0, (24, 24, 32), seed=3)).phase)
    phase[3:19, 3:19, 8:22] = AM
    phase[5:17, 5:17, 10:20] = ELECTROLYTE
    phase[5:11, 5:17, 10:20] = AM
    phase[14, 14, 20:22] = CBD
    phase[12:17, 12:17, 22:] = ELECTROLYTE
    return remove_islands(PhaseImage(phase, 0.5e-6, calendering_percent=0.0))[0]


def test_a_pocket_takes_what_its_door_lets_through(pocket):
    """Answered as if it filled like the rest, concentrations are off by a fifth of their spread."""
    load = constant_current(1.0)
    truth = simulate(pocket, load, Parameters())
    found = tfmsnet.load_model("resolved-particles").fields(pocket, load)
    assert len(found.times_s) == len(truth.times_s)
    ours, true = (part.concentration[1:, pocket.phase == AM].astype(float) for part in (found, truth))
    assert np.median(np.sqrt(((ours - true) ** 2).mean(1) / true.var(1))) < 0.04
    assert np.abs(found.voltage_v - truth.voltage_v).max() < 1e-4


@pytest.fixture(scope="module")
def closed(pocket):
    """The pocket's geometry, equations, and deviations within planes."""
    materials = Materials(Parameters())
    voxel = tf.constant([pocket.voxel_size_m], tf.float64)
    geometry = Geometry(tf.constant(np.asarray(pocket.phase)[None]), voxel, materials)
    cbd_s_m = materials.cbd_conductivity(tf.constant([0.0], tf.float64))
    cell, within, _ = cell_of(geometry, geometry.conduction(materials.single.am_conductivity_s_m, cbd_s_m))
    return geometry, cell, within


@pytest.mark.parametrize("c_rate", [0.2, 4.0])
def test_currents_of_a_pocket_settle(closed, c_rate):
    """Where each pass would overshoot the last if they were taken over at once; in short steps, too."""
    _, cell, within = closed
    for step_s in (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0):
        now = cell.at_rest()
        state, solved = cell.step(now, tf.constant([step_s], tf.float64), driven(cell, c_rate))
        assert solved
        # No salt has the time to go far.
        assert np.abs(state.salt.numpy()[0] - 1000.0).max() < 35 * c_rate * min(step_s**0.3, 1.0)
        # Deep in the pocket flows less than elsewhere.
        flux = cell.plane_current(state).numpy()[0]
        around = within.at(state.salt, state.current, state.apart).around.numpy()[0]
        assert (around[11:19] < 0.8 * flux[11:19]).all()


def test_salt_of_a_pocket_is_the_simulators(pocket, closed):
    """Mean over the pores of each plane, the pocket's among them."""
    geometry, cell, _ = closed
    grid = build_grid(pocket, Parameters())
    simulator = Cell(grid, Parameters().at_temperature(), 100.0)
    truth, state, before = simulator.at_rest(), cell.at_rest(), None
    control = Galvanostatic(2.0 * simulator.one_c_a)
    for _ in range(4):
        truth, before = simulator.step(truth, before, 20.0, control), truth
        state, solved = cell.step(state, tf.constant([20.0], tf.float64), driven(cell, 2.0))
        assert solved
    stored = in_pores(grid, truth.salt, geometry.layers)
    off = (state.stored.numpy()[0] - stored)[: geometry.planes]
    assert np.sqrt(np.mean(off**2)) < 0.1 * np.ptp(stored)


def test_a_sample_that_fails_leaves_its_neighbours_alone(closed, pocket):
    """Depleted beside ordinary, in one batch."""
    sizes = (
        ([None] * 4, tf.uint8),
        ([None], tf.float64),
        *[([None, None], tf.float64)] * 2,
        ([None], tf.float64),
    )
    model = ResolvedParticles(Parameters())
    traced = tf.function(model.discharge, input_signature=[tf.TensorSpec(*size) for size in sizes])
    times_s = 20.0 * np.arange(6)
    profiles = np.tile([[1.0], [60.0], [1.0]], (1, 6))

    def run(rows):
        phases = np.repeat(np.asarray(pocket.phase)[None], len(rows), axis=0)
        many = np.full(len(rows), pocket.voxel_size_m), profiles[rows], np.tile(times_s, (len(rows), 1))
        return traced(phases, *many, np.zeros(len(rows)))

    both, alone = run([0, 1, 2]), run([0])
    assert both["ended"].numpy().tolist() == [6, 1, 6]
    for sample in (0, 2):
        np.testing.assert_allclose(both["voltage_v"][sample], alone["voltage_v"][0], atol=2e-5)
        np.testing.assert_allclose(
            both["concentration"][sample], alone["concentration"][0], atol=1e-4 * Parameters().c_max_mol_m3
        )
