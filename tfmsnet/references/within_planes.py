"""What salt and potentials at the surface deviate by from the means of their planes."""

from typing import NamedTuple

import tensorflow as tf

from tfmsnet.materials.parameters import FARADAY_C_MOL
from tfmsnet.references.conduction import Conduction
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres, Voxels
from tfmsnet.references.planes import Planes

# Of what would just be stable.
_DELAY = 16.0


class Deviations(NamedTuple):
    """Of one moment.

    Attributes:
        salt: (batch, site, z) float32, mol/m3 at the surface.
        step: (batch, site, z) float32, V, phi_s - phi_l less the plane's.
        stored: (batch, z) float64, mol/m3, mean salt of a plane's electrolyte less what resistances between
            planes join, after `delay_s`.
        delay_s: (batch, z) float64, s.
        around: (batch, z) float64, A/m2 into the surface where the electrolyte deviates.
        volts: (batch, z) float64, ohm m, what 1 A/m2 into the surface and 1 m of deviation add to the step.
    """

    salt: tf.Tensor
    step: tf.Tensor
    stored: tf.Tensor
    delay_s: tf.Tensor
    around: tf.Tensor
    volts: tf.Tensor


class WithinPlanes:
    """The conductors' answers within planes, to what flows into the surface and to what flows through.

    Answers to even filling are in proportion to the current where they are: a pocket that ions hardly reach
    takes less than its share, until the rest of its plane has filled.  That current is the plane's mean,
    weighted by the square of the distance from what flows through the plane.  Where it is less than the
    plane's own, the surface as a whole is nearer to that than resistances between planes have it.

    Args:
        geometry, particles, planes: of the electrodes.
        liquid, electronic: the conductors' answer to a current from everywhere.
        materials: of the cell.

    Attributes:
        area: (batch, z) float64, of the planes' surface, per area of the foil.
        per_area: (batch, z) float64, its inverse; 0 without any.
    """

    def __init__(
        self,
        geometry: Geometry,
        particles: Voxels | Spheres,
        planes: Planes,
        liquid: Conduction,
        electronic: Conduction,
        materials: Materials,
    ) -> None:
        self._particles, self._planes, self._materials = particles, planes, materials
        self._into, self._through, self._electronic = (
            particles.at_sites(part) for part in (liquid.deviation, liquid.through, electronic.deviation)
        )
        self._stored, self._stored_through, self._flowing = (
            liquid.stored,
            liquid.stored_through,
            liquid.flowing,
        )
        # Salt that diffuses through planes of little resistance is stored no sooner than that takes, or the
        # shorter a step, the more would answer to the steps between such planes.
        electrolyte_m = tf.reduce_max(planes.electrolyte_m[:, : planes.planes], axis=1, keepdims=True)
        self._delay_m2 = _DELAY * abs(self._stored_through) * electrolyte_m
        self.area = particles.plane_sums(tf.ones_like(particles.area))
        self.per_area = tf.math.reciprocal_no_nan(self.area)
        if particles.within_planes:
            # From where the current comes.
            away = self._into - particles.on_planes(liquid.flowing)
            self._weight, self._cube = away**2, away**3
            even = particles.plane_sums(self._weight * geometry.filling_per_density())
            self._per_even = tf.math.reciprocal_no_nan(even)
            whole = tf.maximum(tf.reduce_sum(self.area, axis=1, keepdims=True), 1e-12)
            self._mean_square = particles.plane_sums(self._weight) / whole

    def at(self, salt: tf.Tensor, current: tf.Tensor, apart: tf.Tensor) -> Deviations:
        """At a moment.

        Args:
            salt: (batch, layer) mol/m3, of the planes' surface.
            current: (batch, site, z) A/m2 into the surface.
            apart: (batch, z) A/m2, by how much more it is where the electrolyte deviates.
        """
        particles, materials = self._particles, self._materials
        diffused = self._planes.diffused(salt)
        salt = materials.salt_in_range(salt)[:, : self._planes.planes]
        into = particles.plane_sums(current)
        flux, passes = into * self.per_area, tf.cumsum(into, axis=1) - 0.5 * into
        diffusivity, conductivity = materials.salt_diffusivity(salt), materials.conductivity(salt)
        gain = materials.diffusion_voltage(salt) / salt
        # Per deviation, of salt and step: by 1 A/m2 into the surface, and by what diffuses through.
        consumed = (materials.transference(salt) - 1.0) / (FARADAY_C_MOL * diffusivity)
        volts = 1.0 / conductivity - gain * consumed
        shift = -diffused / diffusivity
        around = flux + apart
        # Of the plane as a whole, by what flows apart.
        whole = -self._flowing * apart
        stored = consumed * (self._stored * around + whole) + self._stored_through * shift
        local = particles.on_planes(salt + consumed * whole)
        local += self._into * particles.on_planes(consumed * around)
        local += self._through * particles.on_planes(shift)
        step = particles.on_planes(volts * whole) + self._into * particles.on_planes(volts * around)
        step += self._through * particles.on_planes(passes / conductivity - gain * shift)
        step += self._electronic * particles.on_planes(flux)
        local = tf.maximum(local, materials.single.salt_range_mol_m3[0])
        return Deviations(local, step, stored, self._delay_m2 / diffusivity, around, volts)

    def followed(
        self, deviations: Deviations, current: tf.Tensor, per_volt: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What flows apart once the currents have answered to it: a step of Newton's method.

        Taken over at once, a pocket would fill in one pass and be left out in the next.

        Args:
            deviations: that the currents were found with.
            current, per_volt: (batch, site, z) A/m2 into the surface, and by how much it falls per volt.

        Returns:
            `apart` (batch, z) A/m2, and (batch,) float64 V, root mean square of what changes in the step.
        """
        sums, around = self._particles.plane_sums, deviations.around
        if not self._particles.within_planes:
            return tf.zeros_like(around), tf.zeros_like(around[:, 0])
        found = sums(self._weight * current) * self._per_even
        falls = sums(self._cube * per_volt) * deviations.volts * self._per_even
        change = (found - around) / (1.0 + tf.maximum(falls, 0.0))
        changed_v = tf.sqrt(tf.reduce_sum(self._mean_square * (change * deviations.volts) ** 2, axis=1))
        return around + change - sums(current) * self.per_area, changed_v
