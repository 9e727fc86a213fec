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
    strides = (shape[2] * shape[3], shape[3], 1)
    inside = tf.reshape(padded, [-1])
    size = tf.size(inside)

    def at(array, index):
        return tf.gather(array, tf.clip_by_value(index, 0, size - 1))  # the image's ends are beyond reach

    lower, numbers, count = [], [], 0
    for mask in _face_masks(padded):
        mask = tf.reshape(mask, [-1])
        lower.append(tf.cast(tf.where(mask)[:, 0], tf.int32))
        number = tf.cumsum(tf.cast(mask, tf.int32)) - 1 + count
        numbers.append(tf.where(mask, number, -1))
        count += tf.size(lower[-1])

    neighbours, narrow = [], []
    for kind in range(6):
        axis, above = divmod(kind, 2)
        upper = lower[kind] + strides[axis]
        solid, space = (upper, lower[kind]) if above else (lower[kind], upper)
        own, edges = tf.gather(numbers[kind], lower[kind]), []
        for other in {0, 1, 2} - {axis}:
            for sign in (1, -1):
                step = sign * strides[other]
                along, against = (2 * other, 2 * other + 1) if sign > 0 else (2 * other + 1, 2 * other)
                back = 0 if sign > 0 else step
                straight = at(numbers[kind], lower[kind] + step)
                inner = at(numbers[against], space + back)
                outer = at(numbers[along], solid + back)
                found = tf.where(at(inside, space + step), inner, straight)
                found = tf.where(at(inside, solid + step), found, outer)
                edges.append(tf.where(found < 0, own, found))
        neighbours.append(tf.stack(edges))
        narrow.append(at(inside, space + (-1 if above else 1) * strides[axis]))
    neighbours, narrow = tf.concat(neighbours, axis=1), tf.concat(narrow, axis=0)

    kinds = tf.concat([tf.fill([tf.size(part)], kind) for kind, part in enumerate(lower)], axis=0)
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
        ends = tf.split(values, [tf.size(part) for part in lower])
        images = [tf.scatter_nd(part[:, None], end, [size]) for part, end in zip(lower, ends, strict=True)]
        found = []
        for axis in range(3):
            image = tf.reshape(images[2 * axis] + images[2 * axis + 1], shape)
            found.append(tf.ensure_shape(image[:, REACH:-REACH, REACH:-REACH, REACH:-2], am.shape))
        return tuple(found)

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
