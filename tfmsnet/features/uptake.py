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


def uptake(am: tf.Tensor, area: tf.Tensor, lengths: tuple[float, ...]) -> tf.Tensor:
    """Solve the screened Poisson equation for several lengths.

    Conjugate gradients with Jacobi's preconditioner, each length starting from the answer of the one before.
    A sample of a batch stops by itself: its answer doesn't depend on its neighbours.

    Args:
        am: (batch, x, y, z) bool.
        area: (batch, x, y, z) float32, zero outside the AM, see `reacting_area`.
        lengths: rising, voxels.

    Returns:
        (batch, x, y, z, length) float32: u / <u> - 1 in the AM, 0 outside it.
    """
    inside = tf.cast(am, tf.float32)
    links = _neighbours(inside) * inside
    answers, start = [], area
    for length in lengths:
        start = _solve(inside, links, float(length) ** 2, area, start)
        answers.append(start)
    mean = _total(area) / tf.maximum(_total(inside), 1.0)
    return tf.stack([(u / tf.maximum(mean, 1e-12) - 1.0) * inside for u in answers], axis=-1)


def _neighbours(values: tf.Tensor) -> tf.Tensor:
    """Sum over the six neighbours; nothing lies beyond the image."""
    size = tf.shape(values)
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [1, 1]])
    offsets = ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2))
    return tf.add_n([tf.slice(padded, [0, *offset], size) for offset in offsets])


def _total(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=(1, 2, 3), keepdims=True)


def _solve(inside, links, squared, right, start):
    diagonal = 1.0 + squared * links

    def operator(u):
        # u is zero outside the AM, so only neighbours in it count.
        return diagonal * u - squared * inside * _neighbours(u)

    accepted = TOLERANCE**2 * _total(right**2)
    residual = right - operator(start)
    direction = residual / diagonal
    state = (0, start, residual, direction, _total(residual * direction), _total(residual**2) > accepted)

    def step(k, u, residual, direction, product, active):
        image = operator(direction)
        length = tf.where(active, product / _safe(_total(direction * image)), 0.0)
        u, residual = u + length * direction, residual - length * image
        scaled = residual / diagonal
        new = tf.where(active, _total(residual * scaled), product)
        direction = tf.where(active, scaled + new / _safe(product) * direction, direction)
        return k + 1, u, residual, direction, new, _total(residual**2) > accepted

    _, u, *_ = tf.while_loop(
        lambda k, *state: (k < MOST_ITERATIONS) & tf.reduce_any(state[-1]),
        step,
        state,
        parallel_iterations=1,
    )
    return u


def _safe(values):
    return tf.where(values > 0.0, values, 1.0)
