"""The geometry channels by name."""

import tensorflow as tf

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.errors import UserError
from tfmsnet.features.distance import distance_inside
from tfmsnet.features.surface import reacting_area
from tfmsnet.features.uptake import uptake

# Half of the largest AM particle diameter that is common in the field is 5-10 um; distances saturate here.
DISTANCE_SCALE_M = 8e-6
# From within a particle to several of them.
UPTAKE_LENGTHS_M = {"uptake_1um": 1e-6, "uptake_2um": 2e-6, "uptake_4um": 4e-6, "uptake_8um": 8e-6}
# The same in radii of the image's particles: those of a sphere with its volume for its surface, 3 V / A.
UPTAKE_RADII = {"uptake_quarter": 0.25, "uptake_half": 0.5, "uptake_radius": 1.0, "uptake_diameter": 2.0}
_DEPTH_SCALE_M = 100e-6


def _depth(phase: tf.Tensor) -> tf.Tensor:
    """C: 0 at the current collector, 1 at the separator."""
    return _planes(phase) / tf.cast(tf.shape(phase)[3], tf.float32)


def _from_foil(phase: tf.Tensor, voxel_size_m: tf.Tensor) -> tf.Tensor:
    """In 100 um."""
    return _planes(phase) * (voxel_size_m / _DEPTH_SCALE_M)[:, None, None, None]


def _planes(phase: tf.Tensor) -> tf.Tensor:
    """Of each voxel's middle from the foil, in voxels."""
    return tf.ones_like(phase, tf.float32) * (tf.range(tf.shape(phase)[3], dtype=tf.float32) + 0.5)


def _radius(am: tf.Tensor, area: tf.Tensor) -> tf.Tensor:
    """(batch,), 3 V / A in voxels."""
    volume = tf.reduce_sum(tf.cast(am, tf.float32), axis=[1, 2, 3])
    return 3.0 * volume / tf.maximum(tf.reduce_sum(area, axis=[1, 2, 3]), 1.0)


def _scaled_distance(mask: tf.Tensor, voxel_size_m: tf.Tensor) -> tf.Tensor:
    reach = tf.maximum(tf.round(DISTANCE_SCALE_M / voxel_size_m), 1.0)
    furthest = tf.cast(tf.reduce_max(reach), tf.int32)
    return tf.minimum(distance_inside(mask, furthest) / reach[:, None, None, None], 1.0)


def _inverted_distance(phase: tf.Tensor, voxel_size_m: tf.Tensor) -> tf.Tensor:
    """A: 1 at the surface of the solid, falling inwards; 0 in the electrolyte."""
    solid = phase != ELECTROLYTE
    return tf.where(solid, 1.0 - _scaled_distance(solid, voxel_size_m), 0.0)


# Each in 0..1, but for the area, which may be up to 6 faces, in crevices 12, and the ways from the ends.
_LOCAL = {
    "inverted_distance": _inverted_distance,
    "phase_partition": lambda phase, _: tf.gather(tf.constant([0.0, 1.0, 0.5]), tf.cast(phase, tf.int32)),
    "depth": lambda phase, _: _depth(phase),
    "from_foil": _from_foil,
    "from_separator": lambda phase, voxel: tf.reverse(_from_foil(phase, voxel), [3]),
    "am_distance": lambda phase, voxel: _scaled_distance(phase == AM, voxel),
    "am": lambda phase, _: tf.cast(phase == AM, tf.float32),
    "cbd": lambda phase, _: tf.cast(phase == CBD, tf.float32),
    "surface": lambda phase, _: reacting_area(phase == AM),
}
CHANNELS = (*_LOCAL, *UPTAKE_LENGTHS_M, *UPTAKE_RADII)


def geometry_features(
    phase: tf.Tensor, voxel_size_m: float | tf.Tensor, channels: tuple[str, ...]
) -> tf.Tensor:
    """The geometry channels of a batch of phase images.

    Args:
        phase: (batch, x, y, z) uint8, labels 0 electrolyte, 1 active material, 2 CBD.
        voxel_size_m: edge of a voxel, m, one for all or (batch,).
        channels: names from `CHANNELS`, in the order wanted.

    Returns:
        (batch, x, y, z, channel) float32: in 0..1; the surface in faces of a voxel; the ways from foil and
        separator in 100 um; the uptakes relative to their mean, from -1.

    Raises:
        UserError: a channel that doesn't exist.
    """
    unknown = [name for name in channels if name not in CHANNELS]
    if unknown:
        raise UserError(f"features: no channel {unknown[0]!r}; expected some of {', '.join(CHANNELS)}")
    voxel_size_m = tf.broadcast_to(tf.cast(voxel_size_m, tf.float32), tf.shape(phase)[:1])
    found = {name: _LOCAL[name](phase, voxel_size_m) for name in channels if name in _LOCAL}
    am, area = phase == AM, found.get("surface")
    for lengths in (UPTAKE_LENGTHS_M, UPTAKE_RADII):
        solved = [name for name in lengths if name in channels]
        if not solved:
            continue
        area = reacting_area(am) if area is None else area
        unit = 1.0 / voxel_size_m if lengths is UPTAKE_LENGTHS_M else _radius(am, area)
        answers = uptake(am, area, tuple(lengths[name] * unit for name in solved))
        found |= {name: answers[..., i] for i, name in enumerate(solved)}
    return tf.stack([found[name] for name in channels], axis=-1)
