"""The reduced models: a discharge from image and load without a network, as TensorFlow operations.

`PorousElectrode` has a particle of active material for every plane of the image (of three dimensions: Doyle,
Fuller and Newman 1993, doi:10.1149/1.2221597), `ResolvedParticles` the image's own particles, each voxel of
them.  In both, the potentials and the salt vary from plane to plane, with resistances read off the image; in
the latter they deviate within a plane with what flows into its surface and through it.  Nothing is fitted but
how soon particles of different sizes part (`reduced_cell._PARTING`).
"""

import tensorflow as tf

from tfmsnet.fields import FIELDS
from tfmsnet.halfcell import Parameters
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres, Voxels
from tfmsnet.references.planes import Planes
from tfmsnet.references.reduced_cell import ReducedCell, chosen
from tfmsnet.references.reference import Conditions
from tfmsnet.references.segments import Segments, of_profile
from tfmsnet.references.uniform import Uniform
from tfmsnet.references.walk import Walk, Walker
from tfmsnet.references.within_planes import WithinPlanes

PLANE_CHANNELS = ("current_a_m2", "surface_dol", "mean_dol", "salt_mol_m3", "liquid_v", "solid_v")


class _Reduced:
    """What both models have in common.

    Args:
        parameters: materials.
    """

    name: str
    kind: type[Spheres] | type[Voxels]

    def __init__(self, parameters: Parameters) -> None:
        self._materials, self._known = Materials(parameters), Uniform(parameters)

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

    def under_load(
        self,
        phase: tf.Tensor,
        voxel_size_m: tf.Tensor,
        segments: Segments,
        calendering_percent: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """See `under_load`."""
        return under_load(self.kind, self._materials, phase, voxel_size_m, segments, calendering_percent)

    def conditions(
        self,
        phase: tf.Tensor,
        voxel_size_m: tf.Tensor,
        c_rate: tf.Tensor,
        times_s: tf.Tensor,
        calendering_percent: tf.Tensor,
    ) -> Conditions:
        """As a `Reference`."""
        found = self.discharge(phase, voxel_size_m, c_rate, times_s, calendering_percent)
        known = self._known.conditions(phase, voxel_size_m, c_rate, times_s)
        # Where the model has ended its last frame stays; the mean is Faraday's on.
        missing = known.mean_dol - tf.cast(found["dol"], tf.float32)
        shift = (missing * self._materials.single.c_max_mol_m3)[:, :, None, None, None]
        am = tf.cast(FIELDS["concentration"].mask(phase), tf.float32)[:, None]
        fields = {name: found[name] for name in known.fields}
        fields["concentration"] += shift * am
        return known._replace(
            fields=fields,
            planes=self._numbers(found, known),
            static=found["patterns"],
            valid_frames=found["ended"],
        )

    def _numbers(self, found: dict[str, tf.Tensor], known: Conditions) -> tf.Tensor:
        """`Conditions.planes`: deviations per unit of C-rate, as those of the fields are taken."""
        density, surface, mean, salt, liquid, _ = tf.unstack(
            found["planes"], num=len(PLANE_CHANNELS), axis=-1
        )
        per_c_rate = tf.math.divide_no_nan(1.0, known.c_rate_scale)[:, None, None]
        salt = salt / self._materials.single.initial_salt_mol_m3 - 1.0
        deviations = (density / 1.0, (surface - mean) / 0.1, salt / 0.2, liquid / 0.02)
        return tf.stack([mean, *(part * per_c_rate for part in deviations)], axis=-1)


class PorousElectrode(_Reduced):
    """One particle a plane, see `particles.Spheres`.

    A voxel's concentration is that of its plane's particle where the surface is as far.
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
    """Fields, curve and states of the planes at all frames of a load of given currents.

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
        As `under_load`, with as many frames as times.
    """
    profile, times_s = (tf.cast(a, tf.float64) for a in (c_rate_profile, times_s))
    segments = of_profile(profile, times_s)
    found = under_load(
        kind, materials, phase, voxel_size_m, segments, calendering_percent, tf.shape(times_s)[1]
    )
    return {**found, "times_s": times_s}


def under_load(
    kind: type[Spheres] | type[Voxels],
    materials: Materials,
    phase: tf.Tensor,
    voxel_size_m: tf.Tensor,
    segments: Segments,
    calendering_percent: tf.Tensor,
    frames: tf.Tensor | int = 1,
) -> dict[str, tf.Tensor]:
    """Fields, curve and states of the planes under any load: currents, rests, held voltages.

    Args:
        kind, materials, phase, voxel_size_m, calendering_percent: see `discharge`.
        segments: what each cell is asked to do.
        frames: at least so many are returned, the last one that holds being repeated.

    Returns:
        concentration: (batch, time, x, y, z) float32, mol/m3, 0 outside the active material.
        potential: (batch, time, x, y, z) float32, V, of active material and CBD, 0 outside them.
        times_s: (batch, time) float64.
        c_rate_profile: (batch, time) float64, 1/h, since the frame before: the mean where a voltage was
            held; 0 in the first.
        segment: (batch, time) int32, number of the segment that led to the frame.
        dol: (batch, time) float64, mean degree of lithiation.
        voltage_v: (batch, time) float64, of the foil against lithium metal.
        valid: (batch, time) bool, false where the discharge has ended.
        voltage_error_v, concentration_vrmse: (batch, time) float64, how far voltage (V) and concentration
            (over its standard deviation in the frame) may be off, see `error_bars`.
        ended: (batch,) int32, number of valid frames.
        planes: (batch, time, z, channel) float32, see `PLANE_CHANNELS`: current into the surface; degree of
            lithiation of the surface and of all active material of the plane; salt; potentials.
        patterns: (batch, x, y, z, 2) float32, potential less that of the plane where 1 A/m2 flows everywhere
            into the surface: of the electrolyte in 0.1 mV at 1 S/m, of the solid in mV.
        reason, ended_s: (batch, segment) int32 and float64, how and when each segment ended; see
            `segments.ended`.
    """
    voxel_size_m = tf.cast(voxel_size_m, tf.float64)
    geometry = Geometry(phase, voxel_size_m, materials)
    cbd_s_m = materials.cbd_conductivity(tf.cast(calendering_percent, tf.float64))
    particles = kind(geometry, materials)
    liquid, electronic = geometry.conduction(
        materials.single.am_conductivity_s_m, cbd_s_m, parted=particles.within_planes
    )
    planes_joined = Planes(geometry, liquid, electronic, materials)
    within = WithinPlanes(geometry, particles, planes_joined, liquid, electronic, materials)
    cell = ReducedCell(geometry, particles, planes_joined, within, materials)
    walker = Walker(cell, segments)
    lattice, planes = geometry.lattice, geometry.planes
    solid = tf.cast(geometry.solid, tf.float32)

    def shown(walk: Walk, before: Walk) -> dict[str, tf.Tensor]:
        state = walk.state
        dol, density = cell.dol(state), cell.plane_current(state)
        concentration = materials.single.c_max_mol_m3 * particles.on_voxels(dol, cell.lag(state))
        potential = solid * (lattice.on_planes(state.solid) + electronic.pattern * lattice.on_planes(density))
        surface, mean = particles.surface_and_mean(dol)
        channels = (density, surface, mean, state.salt[:, :planes], state.liquid[:, :planes], state.solid)
        return {
            "concentration": lattice.unpacked(concentration)[..., :planes],
            "potential": lattice.unpacked(potential)[..., :planes],
            "times_s": walk.frame_s,
            "c_rate_profile": walker.c_rate(walk, before),
            "segment": walk.led,
            "dol": materials.double.initial_dol + state.charge,
            "voltage_v": state.voltage,
            "valid": walk.frame_s > before.frame_s,
            **particles.error_bar.at(
                state.salt, materials.double.initial_salt_mol_m3, density, particles.beyond
            ),
            "planes": tf.stack([tf.cast(channel, tf.float32) for channel in channels], axis=-1),
        }

    start = walker.at_rest()
    first = shown(start, start)
    arrays = {
        name: tf.TensorArray(value.dtype, frames, dynamic_size=True, clear_after_read=True).write(0, value)
        for name, value in first.items()
    }

    def frame(k, walk, arrays):
        new = walker.to_frame(walk)
        # A cell that comes to no frame stays at its last one.
        new = new._replace(state=chosen(new.frame_s > walk.frame_s, new.state, walk.state))
        values = shown(new, walk)
        return k + 1, new, {name: array.write(k, values[name]) for name, array in arrays.items()}

    _, walk, arrays = tf.while_loop(
        lambda k, walk, arrays: (k < frames) | tf.reduce_any(walker.goes_on(walk)),
        frame,
        (1, start, arrays),
        parallel_iterations=1,
    )
    found = {name: _batch_first(array.stack()) for name, array in arrays.items()}
    valid = tf.concat([tf.ones_like(found["valid"][:, :1]), found["valid"][:, 1:]], axis=1)
    return {
        **found,
        "valid": valid,
        "ended": tf.reduce_sum(tf.cast(valid, tf.int32), axis=1),
        "patterns": tf.stack(
            [
                lattice.unpacked(part.pattern)[..., :planes] / unit
                for part, unit in ((liquid, 1e-4), (electronic, 1e-3))
            ],
            axis=-1,
        ),
        "reason": walk.reason,
        "ended_s": walk.ended_s,
    }


def _batch_first(frames: tf.Tensor) -> tf.Tensor:
    """(time, batch, ...) -> (batch, time, ...), without a copy where there is one sample."""
    shape, order = tf.shape(frames), tf.concat([[1, 0], tf.range(2, tf.rank(frames))], axis=0)
    return tf.cond(
        shape[1] == 1,
        lambda: tf.reshape(frames, tf.gather(shape, order)),
        lambda: tf.transpose(frames, order),
    )
