"""Distances inside a phase, as TensorFlow operations."""

import tensorflow as tf


def _nearest_along(squared: tf.Tensor, axis: int, reach: tf.Tensor, edge: tf.Tensor) -> tf.Tensor:
    """min over offsets k of squared[i + k] + k^2 along one spatial axis."""
    size = tf.shape(squared)[axis]
    paddings = tf.one_hot([[axis, axis]], 4, on_value=reach, dtype=tf.int32, axis=0)[:, 0]
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


def distance_inside(mask: tf.Tensor, reach: int | tf.Tensor) -> tf.Tensor:
    """Euclidean distance from each voxel centre of a phase to the nearest centre outside it.

    The squared distance transform is separable, so a minimum over offsets per axis is exact (it agrees
    with `scipy.ndimage.distance_transform_edt` up to `reach`).  The image's border is no surface.

    Args:
        mask: (batch, x, y, z) bool, true inside the phase.
        reach: distances are cut off at this many voxels.

    Returns:
        (batch, x, y, z) float32, voxels, 0 outside the phase, at most `reach` inside.
    """
    reach = tf.convert_to_tensor(reach, tf.int32)
    far = tf.cast(reach, tf.float32) ** 2
    squared = tf.where(mask, far, 0.0)
    for axis in (1, 2, 3):
        squared = _nearest_along(squared, axis, reach, edge=far)
    return tf.sqrt(tf.minimum(squared, far))
