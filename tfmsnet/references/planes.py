"""Potentials and salt from plane to plane: the one-dimensional half of both reduced models, in float64."""

from typing import NamedTuple

import tensorflow as tf

from tfmsnet.materials.parameters import FARADAY_C_MOL
from tfmsnet.references.geometry import SEPARATOR_LAYERS, Conduction, Geometry
from tfmsnet.references.materials import Materials


class Potentials(NamedTuple):
    """Of one moment.

    Attributes:
        step: (batch, z) V, solid less electrolyte.
        liquid: (batch, layer) V, of the electrolyte.
        solid: (batch, z) V.
        ionic: (batch, layer + 1) A/m2 of the foil: ionic current through the faces towards the foil, that at
            the foil (0) and that at the lithium metal included.
        voltage: (batch,) V, of the foil against the lithium metal.
    """

    step: tf.Tensor
    liquid: tf.Tensor
    solid: tf.Tensor
    ionic: tf.Tensor
    voltage: tf.Tensor


class Planes:
    """The electrolyte and the solid of an electrode and its separator, upscaled to planes.

    Args:
        geometry: of the image.
        liquid, electronic: its conductors, see `Geometry`.
        materials: of the cell.
    """

    def __init__(
        self, geometry: Geometry, liquid: Conduction, electronic: Conduction, materials: Materials
    ) -> None:
        self._materials = materials
        self.planes = geometry.planes
        self._liquid, self._solid = liquid.between, electronic.between
        self._foil = electronic.end[:, 0]
        height_m = geometry.height * geometry.voxel_size_m[:, None]
        self._metal = 0.5 * height_m[:, -1] / materials.double.separator_factor
        porosity = geometry.lattice.plane_sums(geometry.porosity)[:, : geometry.layers] / geometry.foil_faces
        # Electrolyte per area of the foil, m; a plane without any keeps a trace.
        self.electrolyte_m = tf.maximum(porosity, 1e-3) * height_m

    def potentials(
        self,
        step: tf.Tensor,
        reaction: tf.Tensor,
        slope: tf.Tensor,
        salt: tf.Tensor,
        current: tf.Tensor,
    ) -> Potentials:
        """Kirchhoff's law for a linearised reaction.

        The ionic and the electronic current add up to the whole at every face, so that only phi_s - phi_l is
        unknown: a tridiagonal system.  At the foil no ionic current leaves, at the separator all of it comes.

        Args:
            step: (batch, z) V, phi_s - phi_l around which the reaction is linearised.
            reaction: (batch, z) A/m2 of the foil, into the solid at `step`.
            slope: (batch, z) S/m2, by which that falls per volt of `step`, at least 0.
            salt: (batch, layer) mol/m3.
            current: (batch,) A/m2 of the foil.
        """
        materials, planes, total = self._materials, self.planes, current[:, None]
        salt = materials.salt_in_range(salt)
        mean = 0.5 * (salt[:, 1:] + salt[:, :-1])
        resistance = self._liquid / materials.conductivity(mean)
        diffusion = materials.diffusion_voltage(mean) * (salt[:, 1:] - salt[:, :-1]) / mean
        ohmic, drive = resistance[:, : planes - 1], diffusion[:, : planes - 1]
        conductance = 1.0 / (self._solid + ohmic)
        guess = conductance * (total * self._solid - drive - (step[:, 1:] - step[:, :-1]))
        guess = tf.concat([tf.zeros_like(total), guess, total], axis=1)
        joined = tf.pad(conductance, [[0, 0], [1, 1]])
        own = joined[:, 1:] + joined[:, :-1] + slope
        bands = tf.stack([-joined[:, 1:], own, -joined[:, :-1]], axis=1)
        change = tf.linalg.tridiagonal_solve(bands, reaction - (guess[:, 1:] - guess[:, :-1]))
        step += change
        ionic = guess[:, 1:-1] - conductance * (change[:, 1:] - change[:, :-1])
        ionic = tf.concat(
            [tf.zeros_like(total), ionic, tf.repeat(total, SEPARATOR_LAYERS + 1, axis=1)], axis=1
        )
        last = -self._at_metal(salt[:, -1], current)
        drops = ionic[:, 1:-1] * resistance + diffusion
        liquid = last[:, None] - tf.cumsum(
            tf.concat([drops, tf.zeros_like(total)], axis=1), axis=1, reverse=True
        )
        solid = step + liquid[:, :planes]
        return Potentials(step, liquid, solid, ionic, solid[:, 0] - current * self._foil)

    def _at_metal(self, salt: tf.Tensor, current: tf.Tensor) -> tf.Tensor:
        """(batch,) V, from the lithium metal to the centre of the layer in front of it."""
        materials = self._materials
        diffusivity = materials.salt_diffusivity(salt)
        gradient = current * (1.0 - materials.transference(salt)) / (FARADAY_C_MOL * diffusivity)
        surface = materials.salt_in_range(salt + gradient * self._metal)
        overpotential, _ = materials.metal_overpotential(current)
        ohmic = current * self._metal / materials.conductivity(salt)
        return overpotential + ohmic + materials.diffusion_voltage(salt) * tf.math.log(surface / salt)

    def salt(
        self,
        weight: tf.Tensor,
        history: tf.Tensor,
        reaction: tf.Tensor,
        ionic: tf.Tensor,
        salt: tf.Tensor,
    ) -> tf.Tensor:
        """Salt after a step, (batch, layer) mol/m3: d c / dt = weight c - history.

        Args:
            weight: (batch,) 1/s.
            history: (batch, layer) mol/m3/s.
            reaction: (batch, z) A/m2 of the foil, into the solid.
            ionic: as in `Potentials`.
            salt: (batch, layer) mol/m3 at which transport properties are taken.
        """
        materials = self._materials
        salt = materials.salt_in_range(salt)
        mean = 0.5 * (salt[:, 1:] + salt[:, :-1])
        conductance = tf.pad(materials.salt_diffusivity(mean) / self._liquid, [[0, 0], [1, 1]])
        migration = materials.transference(mean) * ionic[:, 1:-1]
        migration = tf.concat([tf.zeros_like(ionic[:, :1]), migration, ionic[:, -1:]], axis=1)
        supply = migration[:, 1:] - migration[:, :-1]
        consumed = tf.pad(reaction, [[0, 0], [0, SEPARATOR_LAYERS]])
        right = history * self.electrolyte_m + (supply - consumed) / FARADAY_C_MOL
        own = conductance[:, 1:] + conductance[:, :-1] + weight[:, None] * self.electrolyte_m
        bands = tf.stack([-conductance[:, 1:], own, -conductance[:, :-1]], axis=1)
        return tf.linalg.tridiagonal_solve(bands, right)
