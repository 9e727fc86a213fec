"""The area through which the active material reacts, per face and per voxel, as TensorFlow operations.

As `tfmsnet.electrode.surface`, which says how and why; the numbers are the same.
"""

from typing import NamedTuple

import tensorflow as tf

from tfmsnet.electrode.surface import (
    CLOSED_BESIDE,
    REACH,
    RETURN_SHARE,
    SIDEDNESS,
    SMALLEST_COSINE,
    STEPS,
)


class FaceSurfaceTensors(NamedTuple):
    """The surface by faces of voxels, three tensors (batch, x, y, z) float32 of the faces along x, y and z.

    Element (x, y, z) is the face between a voxel and the next one along the axis; it is 0 where both are AM
    or neither is.  Behind the last voxel along x and y is a wall; along z, the separator.

    Attributes:
        cosine: |n . e|, n being the surface's normal and e the face's.
        area: the true area that a face stands for, in faces of a voxel.
    """

    cosine: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    area: tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def reacting_area(am: tf.Tensor) -> tf.Tensor:
    """The area between each AM voxel and its neighbours of other phases, without the voxels' staircase.

    The image is mirrored at the foil and the four sides; beyond the last plane is the separator, which
    counts.

    Args:
        am: (batch, x, y, z) bool.

    Returns:
        (batch, x, y, z) float32, in faces of a voxel, 0 outside the AM.
    """
    total = tf.zeros(tf.shape(am), tf.float32)
    for axis, area in enumerate(face_surface(am).area):
        # Walls don't react, so what rolls over a wall is 0; what rolls over from the separator is no AM's.
        below = tf.roll(area, 1, axis + 1)
        if axis == 2:
            below = tf.concat([tf.zeros_like(below[..., :1]), below[..., 1:]], axis=3)
        total += area + below
    return tf.where(am, total, 0.0)


def face_surface(am: tf.Tensor) -> FaceSurfaceTensors:
    """Orientation and area of the faces of the active material, see `tfmsnet.electrode.surface`.

    Args:
        am: (batch, x, y, z) bool.
    """
    padded = _mirrored(am)
    shape = tf.shape(padded)
    inside = tf.reshape(padded, [-1])
    size = tf.size(inside)
    strides = tf.stack([shape[2] * shape[3], shape[3], 1])

    masks = tf.reshape(tf.stack(_face_masks(padded)), [-1])
    numbers = tf.where(masks, tf.cumsum(tf.cast(masks, tf.int32)) - 1, -1)
    places = tf.where(tf.reshape(masks, [6, -1]))
    kinds, lower = tf.cast(places[:, 0], tf.int32), tf.cast(places[:, 1], tf.int32)
    upper, above = lower + tf.gather(strides, kinds // 2), kinds % 2 == 1
    solid, space = tf.where(above, upper, lower), tf.where(above, lower, upper)

    def at(array, place, kind=0):
        return tf.gather(array, tf.clip_by_value(place, 0, size - 1) + kind * size)  # ends are beyond reach

    # Of each face's four edges, (edge, face).
    sign = tf.constant([[1], [-1], [1], [-1]])
    other = tf.gather(tf.constant([[1, 0, 0], [1, 0, 0], [2, 2, 1], [2, 2, 1]]), kinds // 2, axis=1)
    step = sign * tf.gather(strides, other)
    ahead = tf.cast(sign < 0, tf.int32)
    straight = at(numbers, lower + step, kinds)
    inner = at(numbers, space + ahead * step, 2 * other + 1 - ahead)
    outer = at(numbers, solid + ahead * step, 2 * other + ahead)
    found = tf.where(at(inside, space + step), inner, straight)
    found = tf.where(at(inside, solid + step), found, outer)
    neighbours = tf.where(found < 0, tf.range(tf.size(lower)), found)
    narrow = at(inside, space + tf.where(above, -1, 1) * (upper - lower))

    itself = tf.one_hot(kinds, 6)
    shares = itself
    for _ in range(STEPS):
        a, b, c, d = (tf.gather(shares, neighbours[edge]) for edge in range(4))
        shares = (shares + ((a + b) + (c + d))) * 0.2
    along_axis = tf.one_hot(kinds // 2, 3)
    normal = shares[:, 0::2] - shares[:, 1::2]
    sided = tf.norm(normal, axis=1) / tf.norm(shares[:, 0::2] + shares[:, 1::2], axis=1)
    behind = tf.reduce_sum(shares * tf.one_hot(kinds ^ 1, 6), axis=1)
    same = tf.reduce_sum(shares * itself, axis=1)
    own = tf.maximum(same - RETURN_SHARE - sided**SIDEDNESS * behind, 0.0)
    length = tf.maximum(tf.norm(tf.where(along_axis > 0.0, own[:, None], normal), axis=1), 1e-12)
    cosine = tf.maximum(own / length, SMALLEST_COSINE)
    closed = tf.minimum(CLOSED_BESIDE * behind / same, 1.0) * tf.cast(narrow, tf.float32)

    def by_axis(values):
        faces = tf.scatter_nd((kinds // 2 * size + lower)[:, None], values, [3 * size])
        images = tf.unstack(tf.reshape(faces, tf.concat([[3], shape], axis=0)))
        reached = [image[:, REACH:-REACH, REACH:-REACH, REACH:-2] for image in images]
        return tuple(tf.ensure_shape(image, am.shape) for image in reached)

    return FaceSurfaceTensors(by_axis(cosine), by_axis(cosine * (1.0 + closed)))


def _mirrored(am: tf.Tensor) -> tf.Tensor:
    """The image with its mirror images at foil and sides, however narrow it is, and two void layers."""
    for axis, after in ((1, REACH), (2, REACH), (3, 0)):
        size = tf.shape(am)[axis]
        place = tf.range(-REACH, size + after) % (2 * size)
        am = tf.gather(am, tf.minimum(place, 2 * size - 1 - place), axis=axis)
    return tf.pad(am, [[0, 0], [0, 0], [0, 0], [0, 2]])


def _face_masks(am: tf.Tensor) -> list[tf.Tensor]:
    """Of the six kinds of faces, at the voxel below each; none at the array's ends."""
    masks = []
    for axis in (1, 2, 3):
        size = tf.shape(am)[axis]
        lower, upper = tf.split(am, [size - 1, 1], axis)[0], tf.split(am, [1, size - 1], axis)[1]
        padding = [[0, int(a == axis)] for a in range(4)]
        masks += [tf.pad(lower & ~upper, padding), tf.pad(~lower & upper, padding)]
    return masks
