"""Phase image -> geometry channels of the network, as TensorFlow operations.

This is the only implementation: the training pipeline, `tfmsnet predict` and the exported SavedModel
all run it, so no skew between training and serving can arise.  The channels are the paper's A-C
(figure 4) and three more; the C-rate (the paper's D) is an input per frame, see `tfmsnet.model.state`.
"""

import tensorflow as tf

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.errors import UserError

# Half of the largest AM particle diameter that is common in the field is 5-10 um; distances saturate here.
DISTANCE_SCALE_M = 8e-6


def _nearest_along(squared: tf.Tensor, axis: int, reach: int, edge: float) -> tf.Tensor:
    """min over offsets k of squared[i + k] + k^2 along one spatial axis."""
    size = tf.shape(squared)[axis]
    paddings = [[reach, reach] if a == axis else [0, 0] for a in range(4)]
    padded = tf.pad(squared, paddings, constant_values=edge)

    def at_offset(k, best):
        begin = tf.one_hot(axis, 4, on_value=k, dtype=tf.int32)
        extent = tf.tensor_scatter_nd_update(tf.shape(squared), [[axis]], [size])
        shifted = tf.slice(padded, begin, extent) + tf.cast((k - reach) ** 2, tf.float32)
        shifted = tf.ensure_shape(shifted, squared.shape)
        return k + 1, tf.minimum(best, shifted)

    # The voxel cannot be nearer along this axis than the whole axis is long.
    first, last = tf.maximum(0, reach - size + 1), tf.minimum(2 * reach, reach + size - 1)
    _, best = tf.while_loop(lambda k, _: k <= last, at_offset, (first, squared), parallel_iterations=1)
    return best


def distance_inside(mask: tf.Tensor, reach: int) -> tf.Tensor:
    """Euclidean distance from each voxel centre of a phase to the nearest centre outside it.

    The squared distance transform is separable, so a minimum over offsets per axis is exact (it agrees
    with `scipy.ndimage.distance_transform_edt` up to `reach`).  The image's border is no surface.

    Args:
        mask: (batch, x, y, z) bool, true inside the phase.
        reach: distances are cut off at this many voxels.

    Returns:
        (batch, x, y, z) float32, voxels, 0 outside the phase, at most `reach` inside.
    """
    far = float(reach) ** 2
    squared = tf.where(mask, tf.constant(far, tf.float32), 0.0)
    for axis in (1, 2, 3):
        squared = _nearest_along(squared, axis, reach, edge=far)
    return tf.sqrt(tf.minimum(squared, far))


def _depth(phase: tf.Tensor) -> tf.Tensor:
    """C: 0 at the current collector, 1 at the separator."""
    depth = tf.shape(phase)[3]
    fraction = (tf.range(depth, dtype=tf.float32) + 0.5) / tf.cast(depth, tf.float32)
    return tf.ones_like(phase, tf.float32) * fraction


def _scaled_distance(mask: tf.Tensor, voxel_size_m: float) -> tf.Tensor:
    reach = max(1, round(DISTANCE_SCALE_M / voxel_size_m))
    return distance_inside(mask, reach) / float(reach)


def _inverted_distance(phase: tf.Tensor, voxel_size_m: float) -> tf.Tensor:
    """A: 1 at the surface of the solid, falling inwards; 0 in the electrolyte."""
    solid = phase != ELECTROLYTE
    return tf.where(solid, 1.0 - _scaled_distance(solid, voxel_size_m), 0.0)


CHANNELS = {
    "inverted_distance": _inverted_distance,
    "phase_partition": lambda phase, _: tf.gather(tf.constant([0.0, 1.0, 0.5]), tf.cast(phase, tf.int32)),
    "depth": lambda phase, _: _depth(phase),
    "am_distance": lambda phase, voxel: _scaled_distance(phase == AM, voxel),
    "am": lambda phase, _: tf.cast(phase == AM, tf.float32),
    "cbd": lambda phase, _: tf.cast(phase == CBD, tf.float32),
}


def geometry_features(phase: tf.Tensor, voxel_size_m: float, channels: tuple[str, ...]) -> tf.Tensor:
    """The geometry channels of a batch of phase images, each in 0..1.

    Args:
        phase: (batch, x, y, z) uint8, labels 0 electrolyte, 1 active material, 2 CBD.
        voxel_size_m: edge of a voxel, m.
        channels: names from `CHANNELS`, in the order wanted.

    Returns:
        (batch, x, y, z, channel) float32.

    Raises:
        UserError: a channel that doesn't exist.
    """
    unknown = [name for name in channels if name not in CHANNELS]
    if unknown:
        raise UserError(f"features: no channel {unknown[0]!r}; expected some of {', '.join(CHANNELS)}")
    return tf.stack([CHANNELS[name](phase, voxel_size_m) for name in channels], axis=-1)
