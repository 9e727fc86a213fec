"""How far off reduced models say that they may be."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.electrode import AM, CBD
from tfmsnet.halfcell import Parameters
from tfmsnet.materials import names, parameter_set
from tfmsnet.references.error_bars import DOUBTFUL_V, SPHERES, VOXELS, of_spheres, over_all
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres


def geometry_of(phase):
    return Geometry(tf.constant(phase), tf.constant([0.5e-6], tf.float64), Materials(Parameters()))


def at(bar, salt, density, beyond=0.0):
    salt, density, beyond = (tf.constant([part], tf.float64) for part in (salt, density, beyond))
    found = bar.at(salt, 1000.0, density, beyond)
    return {name: float(value[0]) for name, value in found.items()}


@pytest.mark.parametrize("bar", [SPHERES, VOXELS])
def test_at_rest_in_equilibrium_they_are_smallest(bar):
    rest = at(bar, [1000.0] * 4, [0.0] * 3)
    busy = at(bar, [400.0, 800.0, 1100.0, 1500.0], [2.0, 1.0, 0.5])
    assert rest == {"voltage_error_v": bar.volt, "concentration_vrmse": bar.vrmse}
    assert all(busy[name] >= rest[name] > 0 for name in rest)
    assert busy["voltage_error_v"] > 2 * rest["voltage_error_v"]


def test_the_sign_of_the_current_does_not_matter():
    assert at(SPHERES, [1000.0] * 2, [1.0, 2.0]) == at(SPHERES, [1000.0] * 2, [-1.0, -2.0])


def test_sizes_that_spread_too_far_widen_the_bar_of_one_particle_for_all():
    """Of spheres of 1 and of 9 voxels' radius the large ones have nearly all of the way to the surface."""
    phase, bar = np.full((1, 24, 24, 72), CBD, np.uint8), SPHERES
    inside = np.indices(phase.shape[1:]).transpose(1, 2, 3, 0)
    phase[0][np.linalg.norm(inside - [11.5, 11.5, 12], axis=-1) < 9] = AM
    alike = Spheres(geometry_of(phase), Materials(Parameters())).beyond
    phase[0, 2::4, 2::4, 28:70:4] = AM
    spread = Spheres(geometry_of(phase), Materials(Parameters())).beyond
    assert float(alike[0]) == 0.0 < 0.1 < float(spread[0])
    wider = at(bar, [1000.0] * 2, [1.0], float(spread[0]))
    assert wider["voltage_error_v"] > 2 * at(bar, [1000.0] * 2, [1.0])["voltage_error_v"]


def test_one_particle_for_all_says_less_of_other_active_materials():
    for name in names():
        bar = of_spheres(parameter_set(name).parameters)
        assert (bar == SPHERES) == (name == "nmc111")
        assert all(one >= other for one, other in zip(bar, SPHERES, strict=True))
    assert of_spheres(dataclasses.replace(Parameters(), initial_dol=0.5, cbd_porosity=0.3)) == SPHERES


def test_depleted_salt_is_doubtful():
    assert at(VOXELS, [1e-3, 3000.0], [1.0])["voltage_error_v"] > DOUBTFUL_V
    assert at(VOXELS, [600.0, 1400.0], [1.0])["voltage_error_v"] < DOUBTFUL_V


def test_of_a_whole_answer_the_first_frame_does_not_count():
    curve_v, vrmse = over_all(np.array([9.0, 3e-3, 4e-3]), np.array([9.0, 0.01, 0.03]))
    assert curve_v == pytest.approx(np.sqrt(12.5e-6))
    assert vrmse == pytest.approx(0.02)
