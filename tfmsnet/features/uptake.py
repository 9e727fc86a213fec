"""Where a uniform current puts its lithium: a linear problem that knows the particles' shapes.

Lithium enters the active material through its surface and spreads by diffusion as far as a length l in
the time l^2 / D.  The Laplace transform of that at the rate D / l^2 is the screened Poisson equation

    u - l^2 div grad u = a   in the AM,   no flux through its surface,

a being the reacting area of each voxel.  u has the mean of a; it is large in particles with much surface
for their volume, near surfaces and where few particles touch: what convolutions find hard to tell from
the image, since it depends on how the AM is connected rather than on what is near.
"""

import tensorflow as tf

# Accepted residual over the right-hand side, root mean square.
TOLERANCE = 1e-2
MOST_ITERATIONS = 400
# Floats in a cache line.
_LINE = 16


def uptake(am: tf.Tensor, area: tf.Tensor, lengths: tuple[float | tf.Tensor, ...]) -> tf.Tensor:
    """Solve the screened Poisson equation for several lengths.

    Conjugate gradients with Jacobi's preconditioner, each length starting from the answer of the one before.
    A sample of a batch stops by itself: its answer doesn't depend on its neighbours.

    Args:
        am: (batch, x, y, z) bool.
        area: (batch, x, y, z) float32, zero outside the AM, see `reacting_area`.
        lengths: rising, voxels; each one for all or (batch,).

    Returns:
        (batch, x, y, z, length) float32: u / <u> - 1 in the AM, 0 outside it.
    """
    rows = _Rows(tf.shape(am))
    inside, right = rows.packed(tf.cast(am, tf.float32)), rows.packed(area)
    links = rows.neighbours(inside) * inside
    volume = tf.maximum(_dot(inside, inside), 1.0)
    answers, u = [], right
    for length in lengths:
        length = tf.reshape(tf.cast(length, tf.float32), [-1, 1])
        u = _solve(rows, inside, 1.0 + length**2 * links, length, right, u)
        # By its own mean: what the iterations haven't settled yet is a pattern, never an amount.
        mean = tf.maximum(_dot(u, inside) / volume, 1e-12)
        answers.append(rows.unpacked((u / mean - 1.0) * inside))
    return tf.stack(answers, axis=-1)


class _Rows:
    """Images as vectors in which all voxels have their neighbours along an axis at one distance.

    Nothing lies beyond an image: a zero follows every row, a row of them every plane, a plane of them
    every image.  Rows are whole cache lines long, so that TensorFlow shares, and doesn't copy, what it
    slices along x and y.
    """

    def __init__(self, shape: tf.Tensor):
        batch, *grid = tf.unstack(shape)
        row = (grid[2] // _LINE + 1) * _LINE
        self._grid = tf.stack(grid)
        self._ends = [1, 1, row - grid[2]]
        self._padded = tf.stack([batch, grid[0] + 1, grid[1] + 1, row])
        self._size = tf.reduce_prod(self._padded)
        plane = (grid[1] + 1) * row
        self._margin = plane
        self._distances = (1, -1, row, -row, plane, -plane)

    def packed(self, images: tf.Tensor) -> tf.Tensor:
        """(batch, x, y, z) -> (batch, voxel)."""
        padded = tf.pad(images, [[0, 0], *([0, end] for end in self._ends)])
        return tf.reshape(padded, [self._padded[0], -1])

    def unpacked(self, vectors: tf.Tensor) -> tf.Tensor:
        """(batch, voxel) -> (batch, x, y, z)."""
        x, y, z = tf.unstack(self._grid)
        return tf.reshape(vectors, self._padded)[:, :x, :y, :z]

    def neighbours(self, vectors: tf.Tensor) -> tf.Tensor:
        """Sum over the six neighbours of each voxel; the padding's sums are of no use."""
        line = tf.pad(tf.reshape(vectors, [-1]), [[self._margin, self._margin]])
        parts = [tf.slice(line, [self._margin + distance], [self._size]) for distance in self._distances]
        return tf.reshape(tf.add_n(parts), tf.shape(vectors))


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Of each sample's vectors, (batch, 1)."""
    return tf.matmul(a[:, None], b[..., None])[..., 0]


def _solve(rows, inside, diagonal, length, right, start):
    # Of the unknown u sqrt(diagonal), whose matrix, 1 - links * N(links *), has a diagonal of ones.
    root = tf.sqrt(diagonal)
    links = length * inside / root

    def operator(u):
        return u - links * rows.neighbours(links * u)

    right, start = right / root, start * root
    accepted = TOLERANCE**2 * _dot(right, right)
    residual = right - operator(start)
    square = _dot(residual, residual)

    def step(k, u, residual, direction, square):
        image = operator(direction)
        active = square > accepted
        size = tf.where(active, square / _safe(_dot(direction, image)), 0.0)
        u, residual = u + size * direction, residual - size * image
        new = tf.where(active, _dot(residual, residual), square)
        return k + 1, u, residual, residual + new / _safe(square) * direction, new

    _, u, *_ = tf.while_loop(
        lambda k, u, residual, direction, square: (k < MOST_ITERATIONS) & tf.reduce_any(square > accepted),
        step,
        (0, start, residual, residual, square),
        parallel_iterations=1,
    )
    return u / root


def _safe(values):
    return tf.where(values > 0.0, values, 1.0)
