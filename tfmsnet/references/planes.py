"""Potentials and salt from plane to plane: the one-dimensional half of both reduced models, in float64."""

from typing import NamedTuple

import tensorflow as tf

from tfmsnet.materials.parameters import FARADAY_C_MOL
from tfmsnet.references.conduction import Conduction
from tfmsnet.references.geometry import SEPARATOR_LAYERS, Geometry
from tfmsnet.references.materials import Materials


class Control(NamedTuple):
    """What drives a cell.

    Attributes:
        holds: (batch,) bool, a voltage; else a current.
        value: (batch,) float64, V of the foil against the lithium metal, or A/m2 of the foil.
    """

    holds: tf.Tensor
    value: tf.Tensor


class PlanePotentials(NamedTuple):
    """Of one moment.

    Attributes:
        step: (batch, z) V, solid less electrolyte.
        liquid: (batch, layer) V, of the electrolyte.
        solid: (batch, z) V.
        ionic: (batch, layer + 1) A/m2 of the foil: ionic current through the faces towards the foil, that at
            the foil (0) and that at the lithium metal included.
        current: (batch,) A/m2 of the foil.
        voltage: (batch,) V, of the foil against the lithium metal.
    """

    step: tf.Tensor
    liquid: tf.Tensor
    solid: tf.Tensor
    ionic: tf.Tensor
    current: tf.Tensor
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
        control: Control,
    ) -> PlanePotentials:
        """Kirchhoff's law for a linearised reaction.

        The ionic and the electronic current add up to the whole at every face, so that only phi_s - phi_l is
        unknown: a tridiagonal system.  At the foil no ionic current leaves, at the separator all of it comes.
        The answer is linear in the current but for the lithium metal, whose kinetics are linearised: that
        gives the current at a held voltage.

        Args:
            step: (batch, z) V, phi_s - phi_l around which the reaction is linearised.
            reaction: (batch, z) A/m2 of the foil, into the solid at `step`.
            slope: (batch, z) S/m2, by which that falls per volt of `step`, at least 0.
            salt: (batch, layer) mol/m3.
            current: (batch,) A/m2 of the foil; where a voltage is held, a guess.
            control: what drives the cell.
        """
        materials, planes, total = self._materials, self.planes, current[:, None]
        salt = materials.salt_in_range(salt)
        mean = 0.5 * (salt[:, 1:] + salt[:, :-1])
        resistance = self._liquid / materials.conductivity(mean)
        diffusion = materials.diffusion_voltage(mean) * (salt[:, 1:] - salt[:, :-1]) / mean
        ohmic, drive = resistance[:, : planes - 1], diffusion[:, : planes - 1]
        conductance = 1.0 / (self._solid + ohmic)
        none, whole = tf.zeros_like(total), tf.ones_like(total)
        # Ionic currents at `step`, and by how much each rises with the whole.
        ionic = conductance * (total * self._solid - drive - (step[:, 1:] - step[:, :-1]))
        ionic = tf.concat([none, ionic, total], axis=1)
        share = tf.concat([none, conductance * self._solid, whole], axis=1)
        joined = tf.pad(conductance, [[0, 0], [1, 1]])
        own = joined[:, 1:] + joined[:, :-1] + slope
        bands = tf.stack([-joined[:, 1:], own, -joined[:, :-1]], axis=1)
        right = tf.stack([reaction - (ionic[:, 1:] - ionic[:, :-1]), share[:, :-1] - share[:, 1:]], axis=2)
        change, by_current = tf.unstack(tf.linalg.tridiagonal_solve(bands, right), axis=2)

        def conducted(currents, steps):
            """Through the electrode's faces, changed by what the steps drive."""
            return currents - joined * tf.pad(steps[:, 1:] - steps[:, :-1], [[0, 0], [1, 1]])

        def assembled(step, ionic, current):
            drops = ionic[:, 1:-1] * resistance + diffusion
            drops = tf.concat([drops, self._at_metal(salt[:, -1], current)[0][:, None]], axis=1)
            liquid = -tf.cumsum(drops, axis=1, reverse=True)
            solid = step + liquid[:, :planes]
            return PlanePotentials(step, liquid, solid, ionic, current, solid[:, 0] - current * self._foil)

        step += change
        ionic, share = conducted(ionic, change), conducted(share, by_current)
        separator = tf.ones_like(salt[:, planes:])
        ionic = tf.concat([ionic, total * separator], axis=1)
        share = tf.concat([share, separator], axis=1)
        found = assembled(step, ionic, current)
        _, metal = self._at_metal(salt[:, -1], current)
        falls = metal + self._foil + tf.reduce_sum(share[:, 1:-1] * resistance, axis=1) - by_current[:, 0]
        more = tf.where(control.holds, (found.voltage - control.value) / falls, 0.0)
        return assembled(step + more[:, None] * by_current, ionic + more[:, None] * share, current + more)

    def _at_metal(self, salt: tf.Tensor, current: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(batch,) V, from the lithium metal to the centre of the layer in front of it, and its slope."""
        materials = self._materials
        diffusivity = materials.salt_diffusivity(salt)
        by_current = (1.0 - materials.transference(salt)) / (FARADAY_C_MOL * diffusivity) * self._metal
        surface = materials.salt_in_range(salt + by_current * current)
        overpotential, slope = materials.metal_overpotential(current)
        ohmic, diffusion = self._metal / materials.conductivity(salt), materials.diffusion_voltage(salt)
        drop = overpotential + ohmic * current + diffusion * tf.math.log(surface / salt)
        return drop, slope + ohmic + diffusion * by_current / surface

    def diffused(self, salt: tf.Tensor) -> tf.Tensor:
        """(batch, z) mol/m2/s of the foil, salt that diffuses through each plane towards the foil.

        Args:
            salt: (batch, layer) mol/m3.
        """
        salt = self._materials.salt_in_range(salt)
        flow = tf.pad(self._diffusion(salt) * (salt[:, 1:] - salt[:, :-1]), [[0, 0], [1, 0]])
        return 0.5 * (flow[:, : self.planes] + flow[:, 1 : self.planes + 1])

    def _diffusion(self, salt: tf.Tensor) -> tf.Tensor:
        """(batch, layer - 1) m/s, between layers."""
        return self._materials.salt_diffusivity(0.5 * (salt[:, 1:] + salt[:, :-1])) / self._liquid

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
            ionic: as in `PlanePotentials`.
            salt: (batch, layer) mol/m3 at which transport properties are taken.
        """
        materials = self._materials
        salt = materials.salt_in_range(salt)
        mean = 0.5 * (salt[:, 1:] + salt[:, :-1])
        conductance = tf.pad(self._diffusion(salt), [[0, 0], [1, 1]])
        migration = materials.transference(mean) * ionic[:, 1:-1]
        migration = tf.concat([tf.zeros_like(ionic[:, :1]), migration, ionic[:, -1:]], axis=1)
        supply = migration[:, 1:] - migration[:, :-1]
        consumed = tf.pad(reaction, [[0, 0], [0, SEPARATOR_LAYERS]])
        right = history * self.electrolyte_m + (supply - consumed) / FARADAY_C_MOL
        own = conductance[:, 1:] + conductance[:, :-1] + weight[:, None] * self.electrolyte_m
        bands = tf.stack([-conductance[:, 1:], own, -conductance[:, :-1]], axis=1)
        return tf.linalg.tridiagonal_solve(bands, right)
