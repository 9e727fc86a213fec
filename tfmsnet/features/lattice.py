"""Images as vectors, and the linear problems on them: one solver for everything three-dimensional."""

from collections.abc import Callable

import tensorflow as tf

# Floats in a cache line.
_LINE = 16


class Lattice:
    """Images as rows in which all voxels have their neighbours along an axis at one distance.

    Nothing lies beyond an image: a zero follows every row, a row of them every plane, a plane of them
    every image.  Rows are whole cache lines long, so that TensorFlow shares, and doesn't copy, what it
    slices along x and y.  Vectors are (batch, row, z): what holds for a plane, (batch, 1, z), broadcasts.

    Args:
        shape: (batch, x, y, z) of the images.
    """

    def __init__(self, shape: tf.Tensor) -> None:
        batch, x, y, z = tf.unstack(shape)
        self._grid = (x, y, z)
        self.row = (z // _LINE + 1) * _LINE
        self._images = tf.stack([batch, x + 1, y + 1, self.row])
        self.shape = tf.stack([batch, (x + 1) * (y + 1), self.row])
        self._size = tf.reduce_prod(self.shape)
        # Of the neighbours along z, y and x.
        self.distances = (1, self.row, (y + 1) * self.row)
        self._margin = self.distances[-1]
        # Where the six neighbours begin in a vector with a margin at both ends.
        self._starts = [
            tf.stack([self._margin + sign * distance]) for distance in self.distances for sign in (1, -1)
        ]
        self._flat = tf.stack([self._size])

    def packed(self, images: tf.Tensor) -> tf.Tensor:
        """(batch, x, y, z) -> (batch, row, z); further axes stay."""
        further = images.shape[4:]
        ends = [[0, 0], [0, 1], [0, 1], [0, self.row - tf.shape(images)[3]], *([0, 0] for _ in further)]
        return tf.reshape(tf.pad(images, ends), tf.concat([self.shape, further], axis=0))

    def unpacked(self, vectors: tf.Tensor) -> tf.Tensor:
        """(batch, row, z) -> (batch, x, y, z)."""
        x, y, z = self._grid
        return tf.reshape(vectors, self._images)[:, :x, :y, :z]

    def on_planes(self, values: tf.Tensor) -> tf.Tensor:
        """(batch, z) of any length up to a row's -> (batch, 1, z), float32."""
        values = tf.cast(values, tf.float32)
        return tf.pad(values, [[0, 0], [0, self.row - tf.shape(values)[1]]])[:, None]

    def plane_sums(self, vectors: tf.Tensor) -> tf.Tensor:
        """(batch, row, z) -> (batch, z), float64, as long as a row."""
        return tf.cast(tf.reduce_sum(vectors, axis=1), tf.float64)

    def neighbours(self, vectors: tf.Tensor) -> tf.Tensor:
        """Sum over the six neighbours of each voxel; the padding's sums are of no use."""
        return _like(tf.reshape(tf.add_n(self._of_neighbours(vectors)), self.shape), vectors)

    def weighted_neighbours(self, weights: list[tf.Tensor], vectors: tf.Tensor) -> tf.Tensor:
        """Sum over the six neighbours of each voxel, each times its weight.

        Args:
            weights: flat vectors: of the next and the previous one along z, of those along y and along x.
            vectors: (batch, row, z).
        """
        parts = self._of_neighbours(vectors)
        total = tf.add_n([weight * part for weight, part in zip(weights, parts, strict=True)])
        return _like(tf.reshape(total, self.shape), vectors)

    def _of_neighbours(self, vectors: tf.Tensor) -> list[tf.Tensor]:
        """What the six neighbours of each voxel hold, flat."""
        line = tf.pad(tf.reshape(vectors, [-1]), [[self._margin, self._margin]])
        return [tf.slice(line, start, self._flat) for start in self._starts]

    def even(self, images: tf.Tensor) -> tf.Tensor:
        """(batch, x, y, z), with a layer of zeros where a size is odd."""
        return tf.pad(images, [[0, 0], *([0, size % 2] for size in self._grid)])

    def cut(self, images: tf.Tensor) -> tf.Tensor:
        """Without the layers of zeros."""
        x, y, z = self._grid
        return images[:, :x, :y, :z]

    def ahead(self, vectors: tf.Tensor, axis: int) -> tf.Tensor:
        """Of each voxel's neighbour at the next higher place along z (axis 0), y (1) or x (2)."""
        distance = self.distances[axis]
        line = tf.pad(tf.reshape(vectors, [-1]), [[0, distance]])
        return _like(tf.reshape(tf.slice(line, [distance], [self._size]), self.shape), vectors)

    def behind(self, vectors: tf.Tensor, axis: int) -> tf.Tensor:
        """Of each voxel's neighbour at the next lower place along z (axis 0), y (1) or x (2)."""
        distance = self.distances[axis]
        line = tf.pad(tf.reshape(vectors, [-1]), [[distance, 0]])
        return _like(tf.reshape(tf.slice(line, [0], [self._size]), self.shape), vectors)


def dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Of each sample's vectors, (batch, 1, 1)."""
    batch = tf.shape(a)[0]
    return tf.matmul(tf.reshape(a, [batch, 1, -1]), tf.reshape(b, [batch, -1, 1]))


def conjugate_gradients(
    operator: Callable[[tf.Tensor], tf.Tensor],
    right: tf.Tensor,
    start: tf.Tensor | None,
    accepted: tf.Tensor,
    most: int,
    precondition: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> tf.Tensor:
    """Solve a symmetric positive definite system for each sample of a batch.

    A sample stops by itself: its answer doesn't depend on its neighbours.

    Args:
        operator: the matrix.
        right: (batch, row, z) float32.
        start: a guess of the solution; None for 0.
        accepted: (batch, 1, 1) r B r of the residual r, B being the preconditioner: its squared norm
            without one, about the squared energy of the error with a good one.
        most: iterations.
        precondition: about the inverse of the matrix, symmetric.

    Returns:
        The solution.
    """
    precondition = precondition or tf.identity
    solution = tf.zeros_like(right) if start is None else start
    residual = right if start is None else right - operator(start)
    direction = _like(precondition(residual), residual)
    product = dot(residual, direction)

    def step(k, solution, residual, direction, product):
        image = _like(operator(direction), direction)
        active = product > accepted
        size = tf.where(active, product / _safe(dot(direction, image)), 0.0)
        solution += size * direction
        residual -= size * image
        image = _like(precondition(residual), residual)
        renewed = tf.where(active, dot(residual, image), product)
        direction = image + tf.where(active, renewed / _safe(product), 0.0) * direction
        return k + 1, solution, residual, direction, renewed

    _, solution, *_ = tf.while_loop(
        lambda k, solution, residual, direction, product: (k < most) & tf.reduce_any(product > accepted),
        step,
        (0, solution, residual, direction, product),
        parallel_iterations=1,
    )
    return solution


def _like(values: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """With the static shape of another: loops insist on it."""
    values.set_shape(other.shape)
    return values


def _safe(values: tf.Tensor) -> tf.Tensor:
    return tf.where(values > 0.0, values, 1.0)
