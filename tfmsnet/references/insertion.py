"""Insertion of lithium: kinetics in series with diffusion from a cell's centre to its surface."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmsnet.references.materials import LinearisedReaction, Materials
from tfmsnet.references.particles import Spheres, Voxels

# Degrees of lithiation stay this far from 0 and 1.
MARGIN = 1e-5
# Newton's last step is taken from where kinetics and diffusion differ by less than this share of the root
# mean square of the current, or by what rounding of the potentials (V) makes of it: its error is the square.
_LINEAR, _ROUNDING_V = 1e-3, 2e-6
# One or two are usual; far up an exponential each halves the bracket, down to rounding.
_ITERATIONS, _ROUNDING = 40, 2e-7
# Gauss-Legendre nodes and weights on 0 to 1, as the simulator has them.
_GAUSS = np.polynomial.legendre.leggauss(3)
_NODES, _WEIGHTS = (part[:, None].astype(np.float32) for part in ((1 + _GAUSS[0]) / 2, _GAUSS[1] / 2))


class LinearisedInsertion(NamedTuple):
    """Where kinetics and diffusion carry the same; (batch, site, z) float32 each, 0 where nothing reacts.

    Attributes:
        current: A/m2 into the active material.
        per_volt: by how much it falls per volt of phi_s - phi_l, S/m2.
        per_dol: by how much it falls per degree of lithiation in the cell's centre, A/m2, at least 0.
        slope: of the degree of lithiation from the centre to the surface, 1/m, mean over the surface.
    """

    current: tf.Tensor
    per_volt: tf.Tensor
    per_dol: tf.Tensor
    slope: tf.Tensor


class _Found(NamedTuple):
    """What a surface's degree of lithiation makes of kinetics and of diffusion.

    Attributes:
        kinetics: at the surface.
        passed: A/m2, what diffuses from it to the cell's centre.
        by_surface, by_cell: by how much that rises per degree of lithiation at the surface, and falls per
            degree in the centre, A/m2, above 0.
    """

    kinetics: LinearisedReaction
    passed: tf.Tensor
    by_surface: tf.Tensor
    by_cell: tf.Tensor

    @property
    def excess(self) -> tf.Tensor:
        """What diffuses beyond what reacts, A/m2."""
        return self.passed - self.kinetics.current

    @property
    def slope(self) -> tf.Tensor:
        """Of the excess; on a plateau of the open-circuit potential the kinetics' part may be below 0."""
        return self.by_surface + tf.maximum(self.kinetics.per_dol, 0.0)


class _Search(NamedTuple):
    dol: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    last: tf.Tensor
    off: tf.Tensor
    going: tf.Tensor
    found: _Found


class Insertion:
    """The simulator's `tfmsnet.halfcell.kinetics.Insertion` on the sites of particles.

    With b = F c_max / depth the current through a face is b times the integral of D_s from the cell's centre
    to the surface, and that of Butler-Volmer kinetics there: near 1, where D_s falls to nearly nothing, no
    potential can push more through.  Faces of a cell are at different depths: each is solved by itself.

    Args:
        particles: of the electrodes.
        materials: of the cell.
    """

    def __init__(self, particles: Voxels | Spheres, materials: Materials) -> None:
        self._materials = materials
        reacts = particles.area > 0.0
        self._count = tf.maximum(tf.reduce_sum(tf.cast(reacts, tf.float32), axis=(1, 2)), 1.0)
        # Few voxels react: the others are left out.
        area, depth_m = (tf.stack(part, axis=-1) for part in zip(*particles.faces(), strict=True))
        places = tf.where(area > 0.0)
        self._places = places[:, :3]
        self._depth_m = tf.gather_nd(depth_m, places)
        self._share = tf.gather_nd(area / particles.area[..., None], places)
        self._bound = materials.single.charge_c_m3 / self._depth_m

    def at(
        self,
        potential_step: tf.Tensor,
        cell_dol: tf.Tensor,
        salt: tf.Tensor,
        current: tf.Tensor,
        slope: tf.Tensor,
    ) -> LinearisedInsertion:
        """The current at given potentials.

        Args:
            potential_step: (batch, site, z) phi_s - phi_l, V.
            cell_dol: (batch, site, z) degree of lithiation in the cell's centre.
            salt: (batch, site, z) mol/m3 at the surface.
            current, slope: (batch, site, z), about; see `LinearisedInsertion`.
        """
        shape = tf.shape(current, tf.int64)
        size = tf.sqrt(tf.reduce_sum(tf.square(current), axis=(1, 2)) / self._count)
        accepted = _LINEAR * tf.gather(size, self._places[:, 0])
        potential_step, centre, salt, slope = (
            tf.gather_nd(part, self._places) for part in (potential_step, cell_dol, salt, slope)
        )
        between = (centre > MARGIN) & (centre < 1.0 - MARGIN)
        centre = tf.clip_by_value(centre, MARGIN, 1.0 - MARGIN)

        def searched(dol, low, high, last):
            found = self._found(dol, centre, potential_step, salt)
            off = tf.abs(found.excess) > accepted + _ROUNDING_V * found.kinetics.per_volt
            return _Search(dol, low, high, last, off, off & (high - low > _ROUNDING), found)

        def narrowed(search):
            dol, excess = search.dol, search.found.excess
            above = excess > 0.0
            low, high = tf.where(above, search.low, dol), tf.where(above, dol, search.high)
            # Newton's step while it pays: far up an exponential it would creep.
            newton = dol - excess / search.found.slope
            pays = (newton > low) & (newton < high) & (tf.abs(excess) <= 0.5 * search.last)
            renewed = tf.where(pays, newton, 0.5 * (low + high))
            return searched(tf.where(search.going, renewed, dol), low, high, tf.abs(excess))

        dol = tf.clip_by_value(centre + slope * self._depth_m, MARGIN, 1.0 - MARGIN)
        low = tf.zeros_like(dol) + MARGIN
        _, search = tf.while_loop(
            lambda k, search: (k < _ITERATIONS) & tf.reduce_any(search.going),
            lambda k, search: (k + 1, narrowed(search)),
            (tf.constant(0), searched(dol, low, 1.0 - low, tf.fill(tf.shape(dol), dol.dtype.max))),
            parallel_iterations=1,
        )
        # Newton's last step; full (empty) voxels take (give) nothing more.
        found = search.found
        kinetic = found.by_surface / found.slope
        newton = kinetic * found.kinetics.current + (1.0 - kinetic) * found.passed
        linear = LinearisedInsertion(
            current=tf.where(between | ~search.off, newton, found.passed),
            per_volt=kinetic * found.kinetics.per_volt,
            per_dol=tf.where(between, (1.0 - kinetic) * found.by_cell, 0.0),
            slope=(search.dol - found.excess / found.slope - centre) / self._depth_m,
        )
        parts = self._share[:, None] * tf.stack(linear, axis=1)
        sums = tf.scatter_nd(self._places, parts, tf.concat([shape, [len(linear)]], axis=0))
        return LinearisedInsertion(*tf.unstack(sums, axis=-1))

    def _found(self, dol: tf.Tensor, centre: tf.Tensor, potential_step: tf.Tensor, salt: tf.Tensor) -> _Found:
        materials, way = self._materials, dol - centre
        diffusivity, slope = materials.solid_diffusivity_and_slope(centre + _NODES * way)
        mean = tf.reduce_sum(_WEIGHTS * diffusivity, axis=0)
        by_surface = mean + way * tf.reduce_sum(_WEIGHTS * _NODES * slope, axis=0)
        by_cell = mean - way * tf.reduce_sum(_WEIGHTS * (1.0 - _NODES) * slope, axis=0)
        # The sums' own derivatives, which may be below 0 where the diffusivity's floor begins between nodes.
        floor = materials.single.solid_diffusivity_floor_m2_s
        return _Found(
            materials.insertion(potential_step, dol, salt),
            self._bound * way * mean,
            self._bound * tf.maximum(by_surface, floor),
            self._bound * tf.maximum(by_cell, floor),
        )
