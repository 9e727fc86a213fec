"""The reduced models: a discharge from image and load without a network, as TensorFlow operations.

`PorousElectrode` has a sphere of active material for every plane of the image (Doyle, Fuller and Newman 1993,
doi:10.1149/1.2221597), `ResolvedParticles` the image's own particles, each voxel of them.  In both, the
potentials and the salt vary from plane to plane, with resistances read off the image, and deviate within a
plane with the plane's current.  Nothing is fitted.
"""

import tensorflow as tf

from tfmsnet.fields import FIELDS
from tfmsnet.halfcell import Parameters
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.march import March, State
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres, Voxels
from tfmsnet.references.planes import Planes
from tfmsnet.references.reference import Conditions
from tfmsnet.references.uniform import Uniform

PLANE_CHANNELS = ("current_a_m2", "surface_dol", "mean_dol", "salt_mol_m3", "liquid_v", "solid_v")


class _Reduced:
    """What both models have in common.

    Args:
        parameters: materials.
        voxel_size_m: edge of the voxels, m, where the model is a reference; `discharge` is told each image's.
    """

    name: str
    kind: type[Spheres] | type[Voxels]

    def __init__(self, parameters: Parameters, voxel_size_m: float = 0.0) -> None:
        self._materials, self._known = Materials(parameters), Uniform(parameters)
        self._voxel_size_m = voxel_size_m

    def discharge(
        self,
        phase: tf.Tensor,
        voxel_size_m: tf.Tensor,
        c_rate_profile: tf.Tensor,
        times_s: tf.Tensor,
        calendering_percent: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """See `discharge`."""
        load = (c_rate_profile, times_s, calendering_percent)
        return discharge(self.kind, self._materials, phase, voxel_size_m, *load)

    def conditions(self, phase: tf.Tensor, c_rate: tf.Tensor, times_s: tf.Tensor) -> Conditions:
        """As a `Reference`; the CBD counts as uncalendered."""
        images = tf.shape(phase)[0]
        found = self.discharge(
            phase, tf.fill([images], self._voxel_size_m), c_rate, times_s, tf.fill([images], float("nan"))
        )
        known = self._known.conditions(phase, c_rate, times_s)
        # Where the model has ended its last frame stays; the mean is Faraday's on.
        missing = known.mean_dol - tf.cast(found["dol"], tf.float32)
        shift = (missing * self._materials.single.c_max_mol_m3)[:, :, None, None, None]
        am = tf.cast(FIELDS["concentration"].mask(phase), tf.float32)[:, None]
        fields = {name: found[name] for name in known.fields}
        fields["concentration"] += shift * am
        return known._replace(fields=fields, planes=self._numbers(found, known), static=found["patterns"])

    def _numbers(self, found: dict[str, tf.Tensor], known: Conditions) -> tf.Tensor:
        """`Conditions.planes`: deviations per unit of C-rate, as those of the fields are taken."""
        density, surface, mean, salt, liquid, _ = tf.unstack(found["planes"], axis=-1)
        per_c_rate = tf.math.divide_no_nan(1.0, known.c_rate_scale)[:, None, None]
        salt = salt / self._materials.single.initial_salt_mol_m3 - 1.0
        deviations = (density / 1.0, (surface - mean) / 0.1, salt / 0.2, liquid / 0.02)
        return tf.stack([mean, *(part * per_c_rate for part in deviations)], axis=-1)


class PorousElectrode(_Reduced):
    """One sphere a plane: the discharge curve and what varies with depth.

    Concentrations are those of the plane's sphere, on average.
    """

    name = "porous-electrode"
    kind = Spheres


class ResolvedParticles(_Reduced):
    """Diffusion in every voxel of the active material."""

    name = "resolved-particles"
    kind = Voxels


def discharge(
    kind: type[Spheres] | type[Voxels],
    materials: Materials,
    phase: tf.Tensor,
    voxel_size_m: tf.Tensor,
    c_rate_profile: tf.Tensor,
    times_s: tf.Tensor,
    calendering_percent: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Fields, curve and states of the planes at all frames.

    A discharge ends where a surface is full (empty), or where salt is depleted; from there on its frames
    repeat the last one that holds.

    Args:
        kind: of the particles.
        materials: of the cell.
        phase: (batch, x, y, z) uint8, labels 0 electrolyte, 1 active material, 2 CBD; foil at z = 0.
        voxel_size_m: (batch,) edge of a voxel, m.
        c_rate_profile: (batch, time) 1/h, C-rate during the interval that ends at each frame; negative
            charges, 0 rests.  Element 0 isn't looked at.
        times_s: (batch, time) s, rising.
        calendering_percent: (batch,), which the conductivity of the CBD depends on; NaN if unknown.

    Returns:
        concentration: (batch, time, x, y, z) float32, mol/m3, 0 outside the active material.
        potential: (batch, time, x, y, z) float32, V, of active material and CBD, 0 outside them.
        dol: (batch, time) float64, mean degree of lithiation.
        voltage_v: (batch, time) float64, of the foil against lithium metal.
        valid: (batch, time) bool, false where the discharge has ended.
        ended: (batch,) int32, number of valid frames.
        planes: (batch, time, z, channel) float32, see `PLANE_CHANNELS`: current into the surface; degree of
            lithiation of the surface and of all active material of the plane; salt; potentials.
        patterns: (batch, x, y, z, 2) float32, potential less that of the plane where 1 A/m2 flows everywhere
            into the surface: of the electrolyte in 0.1 mV at 1 S/m, of the solid in mV.
    """
    voxel_size_m, profile, times_s = (tf.cast(a, tf.float64) for a in (voxel_size_m, c_rate_profile, times_s))
    geometry = Geometry(phase, voxel_size_m, materials)
    liquid = geometry.liquid()
    cbd_s_m = materials.cbd_conductivity(tf.cast(calendering_percent, tf.float64))
    electronic = geometry.electronic(materials.single.am_conductivity_s_m, cbd_s_m)
    particles = kind(geometry, materials)
    march = March(
        geometry, particles, Planes(geometry, liquid, electronic, materials), liquid, electronic, materials
    )
    lattice, planes = geometry.lattice, geometry.planes
    solid = tf.cast(geometry.solid, tf.float32)
    frames = tf.shape(times_s)[1]

    def fields(state: State) -> tuple[tf.Tensor, ...]:
        dol, density = march.dol(state), march.plane_current(state)
        concentration = materials.single.c_max_mol_m3 * particles.on_voxels(dol)
        potential = solid * (lattice.on_planes(state.solid) + electronic.pattern * lattice.on_planes(density))
        surface, mean = particles.surface_and_mean(dol)
        channels = (density, surface, mean, state.salt[:, :planes], state.liquid[:, :planes], state.solid)
        return (
            lattice.unpacked(concentration)[..., :planes],
            lattice.unpacked(potential)[..., :planes],
            materials.double.initial_dol + state.charge,
            state.voltage,
            state.alive,
            tf.stack([tf.cast(channel, tf.float32) for channel in channels], axis=-1),
        )

    start = march.at_rest()
    kinds = (tf.float32, tf.float32, tf.float64, tf.float64, tf.bool, tf.float32)
    arrays = tuple(tf.TensorArray(dtype, frames, clear_after_read=True) for dtype in kinds)
    arrays = tuple(array.write(0, value) for array, value in zip(arrays, fields(start), strict=True))

    def frame(k, state, arrays):
        rate = profile[:, k]
        jumps = (k == 1) | (rate != profile[:, k - 1])
        new = march.to(state, times_s[:, k] - times_s[:, 0], march.current(rate), jumps)
        kept = march.kept(new, state)
        written = tuple(array.write(k, value) for array, value in zip(arrays, fields(kept), strict=True))
        return k + 1, kept, written

    _, _, arrays = tf.while_loop(
        lambda k, state, arrays: k < frames, frame, (1, start, arrays), parallel_iterations=1
    )
    concentration, potential, dol, voltage, valid, channels = (
        _batch_first(array.stack()) for array in arrays
    )
    valid = tf.concat([tf.ones_like(valid[:, :1]), valid[:, 1:]], axis=1)
    return {
        "concentration": concentration,
        "potential": potential,
        "dol": dol,
        "voltage_v": voltage,
        "valid": valid,
        "ended": tf.reduce_sum(tf.cast(valid, tf.int32), axis=1),
        "planes": channels,
        "patterns": tf.stack(
            [
                lattice.unpacked(part.pattern)[..., :planes] / unit
                for part, unit in ((liquid, 1e-4), (electronic, 1e-3))
            ],
            axis=-1,
        ),
    }


def _batch_first(frames: tf.Tensor) -> tf.Tensor:
    """(time, batch, ...) -> (batch, time, ...)."""
    order = tf.concat([[1, 0], tf.range(2, tf.rank(frames))], axis=0)
    return tf.transpose(frames, order)
