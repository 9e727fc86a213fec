"""The area through which the active material reacts, per voxel, as TensorFlow operations."""

import math

import tensorflow as tf

from tfmsnet.electrode.surface import SMOOTHING_VOXELS

# As `tfmsnet.halfcell.grid`, whose areas these are.
SMALLEST_COSINE = 1e-3
_REACH = int(4 * SMOOTHING_VOXELS + 0.5)


def reacting_area(am: tf.Tensor) -> tf.Tensor:
    """The area between each AM voxel and its neighbours of other phases, without the voxels' staircase.

    A face counts |n . e| of itself, n being the surface's normal and e the face's.  The AM goes on beyond
    the foil and the four sides; beyond the last plane is the separator, which counts.

    Args:
        am: (batch, x, y, z) bool.

    Returns:
        (batch, x, y, z) float32, in faces of a voxel, 0 outside the AM.
    """
    inside = tf.cast(am, tf.float32)
    # The separator, as far as the smoothing sees it.
    beyond = 2 * _REACH + 2
    inside = tf.pad(inside, [[0, 0], [0, 0], [0, 0], [0, beyond]])
    area = tf.zeros_like(inside)
    gradient = _gradient(inside)
    for axis in (1, 2, 3):
        low, high = _sides(inside, axis)
        normal = [tf.add_n(_sides(part, axis)) for part in gradient]
        length = tf.sqrt(tf.add_n([part**2 for part in normal]))
        cosine = tf.maximum(tf.abs(normal[axis - 1]) / tf.maximum(length, 1e-12), SMALLEST_COSINE)
        for side, other, after in ((low, high, 1), (high, low, 0)):
            paddings = [[1 - after, after] if a == axis else [0, 0] for a in range(4)]
            area += tf.pad(side * (1.0 - other) * cosine, paddings)
    return area[..., :-beyond]


def _sides(array: tf.Tensor, axis: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The lower and the upper sides of all faces across an axis."""
    size = tf.shape(array)[axis]
    return _part(array, axis, 0, size - 1), _part(array, axis, 1, size - 1)


def _part(array, axis, begin, size):
    return tf.slice(
        array,
        [begin if a == axis else 0 for a in range(4)],
        [size if a == axis else -1 for a in range(4)],
    )


def _gradient(inside: tf.Tensor) -> list[tf.Tensor]:
    """Of the smoothed indicator, per axis; ends are continued as they are."""
    weights = [math.exp(-0.5 * (k / SMOOTHING_VOXELS) ** 2) for k in range(-_REACH, _REACH + 1)]
    weights = [weight / sum(weights) for weight in weights]
    smooth = inside
    for axis in (1, 2, 3):
        smooth = _correlated(smooth, weights, axis)
    return [_correlated(smooth, [-0.5, 0.0, 0.5], axis) for axis in (1, 2, 3)]


def _correlated(array: tf.Tensor, weights: list[float], axis: int) -> tf.Tensor:
    reach = len(weights) // 2
    size = tf.shape(array)[axis]
    padded = tf.gather(array, tf.clip_by_value(tf.range(-reach, size + reach), 0, size - 1), axis=axis)
    terms = [w * _part(padded, axis, k, size) for k, w in enumerate(weights) if w]
    return tf.ensure_shape(tf.add_n(terms), array.shape)
