"""Steps of a reduced cell in time converge as BDF2 does."""

from itertools import pairwise

import numpy as np
import tensorflow as tf

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import Parameters
from tfmsnet.references import reduced_cell
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres
from tfmsnet.references.planes import Control, Planes
from tfmsnet.references.within_planes import WithinPlanes

END_S = 130.0


def test_half_the_step_is_a_quarter_of_the_error(monkeypatch):
    """Under a current that rises smoothly from 0 to several C; single precision ends the series."""
    monkeypatch.setattr(reduced_cell, "_MISFIT_V", 2e-7)
    monkeypatch.setattr(reduced_cell, "_PASSES", 40)
    image, materials = generate(Recipe(90, 0, (8, 8, 16), seed=2)), Materials(Parameters())
    geometry = Geometry(
        tf.constant(image.phase[None]), tf.constant([image.voxel_size_m], tf.float64), materials
    )
    liquid, electronic = geometry.conduction(0.01, tf.constant([16.0], tf.float64), parted=False)
    particles = Spheres(geometry, materials)
    planes = Planes(geometry, liquid, electronic, materials)
    within = WithinPlanes(geometry, particles, planes, liquid, electronic, materials)
    cell = reduced_cell.ReducedCell(geometry, particles, planes, within, materials)
    step = tf.function(
        lambda now, step_s, current: cell.step(now, step_s, Control(tf.constant([False]), current))[0]
    )

    def end(steps):
        state, step_s = cell.at_rest(), END_S / steps
        for k in range(1, steps + 1):
            c_rate = 4.0 * np.sin(np.pi * k * step_s / 400) ** 2
            current = cell.current(tf.constant([c_rate], tf.float64))
            state = step(state, tf.constant([step_s], tf.float64), current)
        surface, _ = particles.surface_and_mean(cell.dol(state))
        return np.array(
            [float(state.voltage[0]), float(tf.reduce_max(surface)), float(state.salt[0, 0]) / 1000]
        )

    ends = [end(steps) for steps in (10, 20, 40)]
    apart = [np.abs(coarse - fine) for coarse, fine in pairwise(ends)]
    order = np.log2(apart[0] / apart[1])
    assert (np.abs(order - 2.0) < 0.3).all(), order
