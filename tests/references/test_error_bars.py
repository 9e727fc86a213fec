"""How far off reduced models say that they may be."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.references.error_bars import DOUBTFUL_V, SPHERES, VOXELS, over_all


def at(bar, salt, density):
    found = bar.at(tf.constant([salt], tf.float64), 1000.0, tf.constant([density], tf.float64))
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


def test_depleted_salt_is_doubtful():
    assert at(VOXELS, [1e-3, 3000.0], [1.0])["voltage_error_v"] > DOUBTFUL_V
    assert at(VOXELS, [600.0, 1400.0], [1.0])["voltage_error_v"] < DOUBTFUL_V


def test_of_a_whole_answer_the_first_frame_does_not_count():
    curve_v, vrmse = over_all(np.array([9.0, 3e-3, 4e-3]), np.array([9.0, 0.01, 0.03]))
    assert curve_v == pytest.approx(np.sqrt(12.5e-6))
    assert vrmse == pytest.approx(0.02)
