"""Conduction through an image: conjugate gradients with a geometric multigrid cycle as preconditioner."""

import math

import tensorflow as tf

from tfmsnet.features.lattice import Lattice, conjugate_gradients, dot

# Each has half the voxels of the one before, in every direction.
_LEVELS = 4
# Jacobi's steps are damped by this.
_DAMPING = 0.85
# A face between two blocks of 2x2x2 voxels has four faces of voxels, and twice their distance.
_COARSE = 0.5
_MOST_ITERATIONS = 500
# Accepted share of the error that zero has, as the square root of the energy.
_ERROR = 2e-4


def conduct(
    lattice: Lattice,
    faces: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    to_end: tf.Tensor,
    source: tf.Tensor,
    layered: tf.Tensor,
) -> tf.Tensor:
    """Potentials of voxels that conduct to each other and to an end at zero.

    Args:
        lattice: of the image.
        faces: (batch, row, z) each, conductance from a voxel to the next one along z, y and x.
        to_end: (batch, row, z), to the end.
        source: (batch, row, z) current into each voxel; 0 where nothing conducts.
        layered: () bool, whether the current passes planes as wholes rather than by some few ways.

    Returns:
        (batch, row, z) float64.
    """
    levels = [_Level(lattice, faces, to_end)]
    for _ in range(_LEVELS - 1):
        levels.append(levels[-1].coarse())
    to_end, source, *faces = (tf.cast(part, tf.float64) for part in (to_end, source, *faces))
    diagonal, links = _matrix(lattice, faces, to_end)
    precondition = _preconditioner(levels, layered)

    # Potentials are so much larger than their steps between voxels, and some conductances than others, that
    # single precision won't do but to precondition.
    def preconditioned(residual):
        return tf.cast(precondition(tf.cast(residual, tf.float32)), tf.float64)

    return conjugate_gradients(
        lambda u: diagonal * u - lattice.weighted_neighbours(links, u),
        source,
        None,
        _ERROR**2 * dot(source, preconditioned(source)),
        _MOST_ITERATIONS,
        preconditioned,
    )


def _matrix(lattice, faces, to_end):
    """Its diagonal, and the conductances to the six neighbours, flat."""
    behind = [lattice.behind(face, axis) for axis, face in enumerate(faces)]
    pairs = zip(faces, behind, strict=True)
    return tf.add_n([to_end, *faces, *behind]), [tf.reshape(link, [-1]) for pair in pairs for link in pair]


class _Level:
    """The conductances of one grid."""

    def __init__(self, lattice, faces, to_end):
        self.lattice, self._faces, self._to_end = lattice, faces, to_end
        diagonal, self._links = _matrix(lattice, faces, to_end)
        self.inside = tf.cast(diagonal > 0.0, tf.float32)
        self._diagonal = tf.where(diagonal > 0.0, diagonal, 1.0)
        self.step = _DAMPING * self.inside / self._diagonal
        # All of a plane moved as a whole.
        joined, grounded = lattice.plane_sums(faces[0]), lattice.plane_sums(to_end)
        below = tf.pad(joined[:, :-1], [[0, 0], [1, 0]])
        own = joined + below + grounded
        self._bands = tf.stack([-joined, tf.where(own > 0.0, own, 1.0), -below], axis=1)

    def operator(self, u):
        return self._diagonal * u - self.lattice.weighted_neighbours(self._links, u)

    def planes(self, residual):
        """The correction that moves planes as wholes."""
        moved = tf.linalg.tridiagonal_solve(
            self._bands, self.lattice.plane_sums(residual), partial_pivoting=False
        )
        return self.inside * tf.cast(moved, tf.float32)[:, None]

    def coarse(self):
        """Blocks of 2x2x2 voxels, joined by the faces between them."""
        lattice = self.lattice
        faces = []
        for axis, face in enumerate(self._faces):
            # Of the last voxel of each block along the face's axis.
            along, edges, last = 3 - axis, [1, 2, 2, 2, 1], [slice(None)] * 4
            edges[along], last[along] = 1, slice(1, None, 2)
            faces.append(_COARSE * _sums(lattice.even(lattice.unpacked(face)), edges)[tuple(last)])
        to_end = _sums(lattice.even(lattice.unpacked(self._to_end)), [1, 2, 2, 2, 1])
        coarse = Lattice(tf.shape(to_end))
        # Where a block's voxels stand among all, and each voxel's block; the last place is always empty.
        last = tf.reduce_prod(lattice.shape) - 1
        places = lattice.even(lattice.unpacked(tf.reshape(tf.range(last + 1), lattice.shape)) - last)
        self._voxels = coarse.packed(_corners(places)) + last
        empty = tf.reduce_prod(coarse.shape) - 1
        blocks = coarse.unpacked(tf.reshape(tf.range(empty + 1), coarse.shape)) - empty
        for axis in (1, 2, 3):
            blocks = tf.repeat(blocks, 2, axis=axis)
        self._blocks = lattice.packed(lattice.cut(blocks)) + empty
        return _Level(coarse, tuple(coarse.packed(face) for face in faces), coarse.packed(to_end))

    def restricted(self, vectors):
        """Sums over blocks."""
        return tf.reduce_sum(tf.gather(tf.reshape(vectors, [-1]), self._voxels), axis=-1)

    def prolonged(self, blocks):
        """Of each voxel's block."""
        return self.inside * tf.gather(tf.reshape(blocks, [-1]), self._blocks)


# A cycle calls another on each level, conjugate gradients call it in several places: each stands in the graph
# once, or there are twenty times as many operations to write and to optimise as to compute.
_once = tf.function(
    input_signature=[tf.TensorSpec([None, None, None], tf.float32)],
    autograph=False,
    experimental_attributes={"_noinline": True},
)


def _preconditioner(levels, layered):
    """A cycle; where layered between two corrections by planes, as what is slow then is to carry a current
    from end to end.
    """
    finest, cycle = levels[0], _cycle(levels)

    def between_planes(residual):
        u = finest.planes(residual)
        u += cycle(residual - finest.operator(u))
        return u + finest.planes(residual - finest.operator(u))

    return _once(lambda residual: tf.cond(layered, lambda: between_planes(residual), lambda: cycle(residual)))


def _cycle(levels):
    """One symmetric W-cycle from zero: blocks of voxels are too stiff for their problem to be solved once."""
    level, *rest = levels
    coarser = _cycle(rest) if rest else None

    @_once
    def cycle(residual):
        u = level.step * residual
        left = residual - level.operator(u)
        if rest:
            left = level.restricted(left)
            moved = coarser(left)
            moved += coarser(left - rest[0].operator(moved))
            u += level.prolonged(moved)
        else:
            u += level.planes(left)
        return u + level.step * (residual - level.operator(u))

    return cycle


def _sums(images, edges):
    """Over blocks of these edges."""
    return math.prod(edges) * tf.nn.avg_pool3d(images[..., None], edges, edges, "VALID")[..., 0]


def _corners(images):
    """(batch, x, y, z), even -> (batch, x / 2, y / 2, z / 2, 8), of each block of 2x2x2."""
    batch, *sizes = tf.unstack(tf.shape(images))
    x, y, z = (size // 2 for size in sizes)
    split = tf.transpose(tf.reshape(images, [batch, x, 2, y, 2, z, 2]), [0, 1, 3, 5, 2, 4, 6])
    return tf.reshape(split, [batch, x, y, z, 8])
