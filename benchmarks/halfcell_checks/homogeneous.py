"""The porous-electrode model with PyBaMM's porous electrode: the same equations, nothing read off voxels."""

from functools import partial

import numpy as np
import tensorflow as tf

from halfcell_checks.dfn import dfn_electrode, solid_conductivity_s_m
from tfmsnet.electrode.transport import effective_transport
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.load import equal_charge_frames
from tfmsnet.materials import Parameters, parameter_set
from tfmsnet.references import reduced
from tfmsnet.references.conduction import Conduction
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres
from tfmsnet.serving import cell
from tfmsnet.serving.reduced_endpoints import CellTensors


class Homogeneous(Geometry):
    """One column of planes with an electrode's volume fractions, surface and effective transport everywhere.

    Args:
        phase: (1, 1, 1, z) uint8, AM.
        shares: (AM, electrolyte, area of a plane over the foil's, ionic transport factor, conductivity of the
            solid, S/m).
    """

    shares: tf.Tensor

    def __init__(self, phase: tf.Tensor, voxel_size_m: tf.Tensor, materials: Materials) -> None:
        super().__init__(phase, voxel_size_m, materials)
        am, electrolyte, area, self._transport, self._electronic = tf.unstack(self.shares)
        electrode = self.am
        beyond = self.lattice.on_planes(tf.ones([1, self.layers])) * (1.0 - electrode)
        self.porosity = electrolyte * electrode + materials.single.separator_porosity * beyond
        self.am = am * electrode
        self.surface = self.surface._replace(area=area * electrode, filling=electrode)
        self._separator = materials.double.separator_factor

    def conduction(self, am_s_m, cbd_s_m, parted=False) -> tuple[Conduction, Conduction]:
        """In series."""
        factor = tf.concat(
            [
                tf.fill([1, self.planes], tf.cast(self._transport, tf.float64)),
                self._separator * tf.ones([1, self.layers - self.planes], tf.float64),
            ],
            axis=1,
        )
        half = 0.5 * self.height * self.voxel_size_m[:, None] / factor
        plane = self.voxel_size_m[:, None] / tf.cast(self._electronic, tf.float64)
        return (
            self._uniform(half[:, 1:] + half[:, :-1], half[:, -1:]),
            self._uniform(tf.repeat(plane, self.planes - 1, axis=1), 0.5 * plane),
        )

    def _uniform(self, between: tf.Tensor, end: tf.Tensor) -> Conduction:
        nothing = tf.zeros_like(self.am)
        return Conduction(between, end, nothing, nothing, nothing)


@tf.function(reduce_retracing=True)
def _discharge(shares, planes, voxel_size_m, profile, times_s, inputs):
    Homogeneous.shares = shares
    original, reduced.Geometry = reduced.Geometry, Homogeneous
    try:
        phase = tf.ones(tf.stack([1, 1, 1, planes]), tf.uint8)
        found = reduced.discharge(
            partial(Spheres, dimensions=3.0),  # as PyBaMM's
            Materials(CellTensors(inputs)),
            phase,
            voxel_size_m[None],
            profile,
            times_s,
            tf.constant([np.nan], tf.float64),
        )
    finally:
        reduced.Geometry = original
    return found["voltage_v"], found["ended"]


def homogeneous_curve(name: str, c_rate: float) -> np.ndarray:
    """(frame,) V, of a set on the fixtures' electrode made homogeneous; frame 0 left out."""
    parameters: Parameters = parameter_set(name).parameters
    image = dfn_electrode(name)
    grid, fractions = build_grid(image, parameters), image.volume_fractions
    x, y, planes = image.shape
    area = grid.interface.area_m2.sum() / (x * y * planes * image.voxel_size_m**2)
    shares = (
        fractions["AM"],
        fractions["electrolyte"] + parameters.cbd_porosity * fractions["CBD"],
        area,
        effective_transport(image, parameters.cbd_transport_factor),
        solid_conductivity_s_m(image, parameters),
    )
    inputs = cell.values(parameters, float("nan"), image.voxel_size_m)
    tensors = {key: tf.constant(value[0]) for key, value in inputs.items() if key != "voxel_size_m"}
    profile, times_s = (tf.constant(np.asarray(part)[None]) for part in equal_charge_frames(c_rate))
    voltage_v, ended = _discharge(
        tf.constant(shares, tf.float32),
        tf.constant(planes),
        tf.constant(image.voxel_size_m, tf.float64),
        profile,
        times_s,
        tensors,
    )
    return voltage_v.numpy()[0, 1 : int(ended[0])]
