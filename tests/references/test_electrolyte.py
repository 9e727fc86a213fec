"""The electrolyte from plane to plane and within planes, beside the simulator's, of a dense electrode."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.cell import Cell
from tfmsnet.halfcell.control import Galvanostatic
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.materials.parameters import FARADAY_C_MOL
from tfmsnet.references.geometry import Geometry, rising
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Voxels
from tfmsnet.references.planes import Control, Planes
from tfmsnet.references.reduced_cell import ReducedCell

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


def simulated(image, step_s):
    """One step of 1C by the simulator: (faces,) voxel of the image, area and salt; the state."""
    grid = build_grid(image, Parameters())
    cell = Cell(grid, Parameters().at_temperature(), step_s)
    state = cell.step(cell.at_rest(), None, step_s, Galvanostatic(cell.one_c_a))
    voxel = grid.am_voxels[grid.interface.am]
    return voxel, grid.interface.area_m2, state.salt[grid.interface.liquid], state


def reduced(geometry, conduction, step_s):
    """The same step: what salt deviates by within its plane, (x, y, z) mol/m3; the state."""
    materials = Materials(Parameters())
    particles, planes = Voxels(geometry, materials), Planes(geometry, *conduction, materials)
    cell = ReducedCell(geometry, particles, planes, *conduction, materials)
    control = Control(tf.constant([False]), cell.current(tf.constant([1.0], tf.float64)))
    state, solved = cell.step(cell.at_rest(), tf.constant([step_s], tf.float64), control)
    assert solved
    salt = state.salt[:, : geometry.planes]
    diffusivity = materials.salt_diffusivity(salt)
    local = (materials.transference(salt) - 1.0) * cell.plane_current(state) / FARADAY_C_MOL
    through = -planes.diffused(state.salt)
    liquid, on_planes = conduction[0], geometry.lattice.on_planes
    salt = liquid.deviation * on_planes(local / diffusivity) + liquid.through * on_planes(
        through / diffusivity
    )
    return geometry.lattice.unpacked(salt).numpy()[0, ..., : geometry.planes], state


@pytest.mark.parametrize("step_s", [5.0, 60.0])
def test_salt_within_planes_is_the_simulators(image, geometry, conduction, step_s):
    """Soon after a jump of the current, when little salt flows through planes, and later."""
    voxel, area, salt, truth = simulated(image, step_s)
    ours, state = reduced(geometry, conduction, step_s)
    plane = voxel % geometry.planes

    def apart(values):
        mean = np.bincount(plane, area * values) / np.bincount(plane, area)
        return values - mean[plane]

    salt, ours = apart(salt), apart(ours.ravel()[voxel])
    slope = (area * salt * ours).sum() / (area * ours**2).sum()
    left = (area * (salt - ours) ** 2).sum() / (area * salt**2).sum()
    assert slope == pytest.approx(1.0, abs=0.15)
    assert left < 0.1
    assert float(state.voltage[0]) == pytest.approx(truth.voltage_v, abs=3e-4)
