"""Where a uniform current puts its lithium: a linear problem that knows the particles' shapes.

Lithium enters the active material through its surface and spreads by diffusion as far as a length l in
the time l^2 / D.  The Laplace transform of that at the rate D / l^2 is the screened Poisson equation

    u - l^2 div grad u = a   in the AM,   no flux through its surface,

a being the reacting area of each voxel.  u has the mean of a; it is large in particles with much surface
for their volume, near surfaces and where few particles touch: what convolutions find hard to tell from
the image, since it depends on how the AM is connected rather than on what is near.
"""

import tensorflow as tf

from tfmsnet.features.lattice import Lattice, conjugate_gradients, dot

# Accepted residual over the right-hand side, root mean square.
TOLERANCE = 1e-2
MOST_ITERATIONS = 400


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
    lattice = Lattice(tf.shape(am))
    inside, area = lattice.packed(tf.cast(am, tf.float32)), lattice.packed(area)
    links = lattice.neighbours(inside) * inside
    volume = tf.maximum(dot(inside, inside), 1.0)
    answers, u = [], area
    for length in lengths:
        length = tf.reshape(tf.cast(length, tf.float32), [-1, 1, 1])
        # Of the unknown u sqrt(diagonal), whose matrix, 1 - scaled N(scaled *), has a diagonal of ones.
        root = tf.sqrt(1.0 + length**2 * links)
        scaled, right = length * inside / root, area / root
        u = conjugate_gradients(
            lambda v, scaled=scaled: v - scaled * lattice.neighbours(scaled * v),
            right,
            u * root,
            TOLERANCE**2 * dot(right, right),
            MOST_ITERATIONS,
        )
        u /= root
        # By its own mean: what the iterations haven't settled yet is a pattern, never an amount.
        mean = tf.maximum(dot(u, inside) / volume, 1e-12)
        answers.append(lattice.unpacked((u / mean - 1.0) * inside))
    return tf.stack(answers, axis=-1)
