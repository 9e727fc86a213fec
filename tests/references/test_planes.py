"""Potentials and salt from plane to plane: what is conserved, and a held voltage beside a given current."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import Parameters
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.planes import Control, Planes

CURRENT_A_M2 = tf.constant([12.0], tf.float64)


@pytest.fixture(scope="module")
def geometry():
    image = generate(Recipe(90, 0, (12, 12, 20), seed=2))
    phase, voxel = tf.constant(image.phase[None]), tf.constant([image.voxel_size_m], tf.float64)
    return Geometry(phase, voxel, Materials(Parameters()))


@pytest.fixture(scope="module")
def planes(geometry):
    conduction = geometry.conduction(0.01, tf.constant([16.0], tf.float64))
    return Planes(geometry, *conduction, Materials(Parameters()))


def reaction(geometry):
    """A linearised reaction, its slope, and salt that varies."""
    rng = np.random.default_rng(1)
    shape = [1, geometry.planes]
    salt = 1000 + 100 * rng.standard_normal([1, geometry.layers])
    return 3.9 * np.ones(shape), rng.uniform(0, 2, shape), rng.uniform(10, 60, shape), salt


def solved(planes, geometry, control, guess=CURRENT_A_M2):
    step, current, slope, salt = (tf.constant(part, tf.float64) for part in reaction(geometry))
    found = planes.potentials(step, current, slope, salt, guess, control)
    return found, current - slope * (found.step - step), salt


def held(volts):
    return Control(tf.constant([True]), tf.constant([volts], tf.float64))


def given(current):
    return Control(tf.constant([False]), current)


def test_all_current_reacts_and_leaves_through_the_foil(planes, geometry):
    found, reacting, _ = solved(planes, geometry, given(CURRENT_A_M2))
    assert float(tf.reduce_sum(reacting)) == pytest.approx(12.0, abs=1e-8)
    np.testing.assert_allclose(
        np.diff(found.ionic.numpy()[0, : geometry.planes + 1]), reacting.numpy()[0], atol=1e-8
    )


@pytest.mark.parametrize("guess", [-5.0, 0.0, 11.0])
def test_a_held_voltage_finds_the_current_that_gives_it(planes, geometry, guess):
    known, expected, _ = solved(planes, geometry, given(CURRENT_A_M2))
    current = tf.constant([guess], tf.float64)
    for _ in range(4):  # the lithium metal's kinetics alone aren't linear
        found, reacting, _ = solved(planes, geometry, held(float(known.voltage[0])), current)
        current = found.current
    assert float(current[0]) == pytest.approx(12.0, rel=1e-6)
    np.testing.assert_allclose(reacting, expected, atol=1e-5)
    assert float(found.voltage[0]) == pytest.approx(float(known.voltage[0]), abs=1e-9)


def test_salt_is_conserved(planes, geometry):
    found, reacting, salt = solved(planes, geometry, given(CURRENT_A_M2))
    weight = tf.constant([1 / 50.0], tf.float64)
    new = planes.salt(weight, weight[:, None] * salt, reacting, found.ionic, salt)
    before, after = (float(tf.reduce_sum(part * planes.electrolyte_m)) for part in (salt, new))
    assert after == pytest.approx(before, rel=1e-9)
    assert np.abs(new - salt).max() > 1.0
