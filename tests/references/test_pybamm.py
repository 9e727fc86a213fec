"""The porous electrode with the parameters of PyBaMM's half-cell DFN, which are the same in all depths."""

import numpy as np
import pytest
import tensorflow as tf

from halfcell_checks.dfn import dfn_curve, dfn_electrode, solid_conductivity_s_m
from tfmsnet.electrode.transport import effective_transport
from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.references import reduced
from tfmsnet.references.conduction import Conduction
from tfmsnet.references.geometry import SEPARATOR_LAYERS, Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres
from tfmsnet.references.planes import Planes

PARAMETERS = Parameters()
IMAGE = dfn_electrode()
SOLID_S_M = solid_conductivity_s_m(IMAGE, PARAMETERS)


class Even(Geometry):
    """Each plane conducts like the whole."""

    def conduction(self, am_s_m, cbd_s_m, parted=False):
        transport = effective_transport(IMAGE, PARAMETERS.cbd_transport_factor)
        separator = PARAMETERS.separator_porosity**PARAMETERS.separator_bruggeman
        factor = np.repeat([transport, separator], [IMAGE.shape[2], SEPARATOR_LAYERS])
        liquid = 0.5 * self.height * self.voxel_size_m[:, None] / factor
        solid = 0.5 * self.height[:, : self.planes] * self.voxel_size_m[:, None] / SOLID_S_M
        none = tf.zeros_like(self.surface.area)
        ends = liquid[:, -1:], solid[:, :1]
        return tuple(
            Conduction(half[:, 1:] + half[:, :-1], end, none, none, none)
            for half, end in zip((liquid, solid), ends, strict=True)
        )


class EvenPlanes(Planes):
    """Each plane holds as much electrolyte."""

    def __init__(self, geometry, *arguments):
        super().__init__(geometry, *arguments)
        electrode = self.electrolyte_m[:, : geometry.planes]
        even = tf.ones_like(electrode) * tf.reduce_mean(electrode, axis=1, keepdims=True)
        self.electrolyte_m = tf.concat([even, self.electrolyte_m[:, geometry.planes :]], axis=1)


class EvenSpheres(Spheres):
    """Each plane holds as much active material."""

    def __init__(self, geometry, materials):
        super().__init__(geometry, materials, dimensions=3.0)
        inside = tf.cast(self.volume > 0.0, tf.float64)
        total = tf.reduce_sum(self.volume, axis=1, keepdims=True)
        even = inside * total / tf.reduce_sum(inside, axis=1, keepdims=True)
        self.area *= tf.cast(even / tf.where(inside > 0.0, self.volume, 1.0), tf.float32)[:, None]
        self.volume = even


@pytest.mark.parametrize("c_rate", [0.5, 1.0, 2.0])
def test_curve_is_that_of_the_dfn(c_rate, monkeypatch):
    monkeypatch.setattr(reduced, "Geometry", Even)
    monkeypatch.setattr(reduced, "Planes", EvenPlanes)
    profile, times_s = equal_charge_frames(c_rate)
    found = tf.function(
        lambda *arguments: reduced.discharge(EvenSpheres, Materials(PARAMETERS), *arguments)["voltage_v"]
    )(np.array(IMAGE.phase)[None], np.array([0.5e-6]), profile[None], times_s[None], np.zeros(1))
    off = found.numpy()[0, 1:] - dfn_curve(c_rate)["voltage_v"]
    assert np.sqrt(np.mean(off**2)) < 0.3e-3
    # The first step is backward Euler's: its error fades.
    assert np.abs(off[2:]).max() < 0.3e-3
