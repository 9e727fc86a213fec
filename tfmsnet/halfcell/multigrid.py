"""Conjugate gradients, preconditioned by algebraic multigrid."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numba import njit, prange
from scipy import sparse

from tfmsnet.halfcell.network import pattern
from tfmsnet.halfcell.threads import blocks, kernel

# Smoothed aggregation leaves weaker couplings out: over the geometric mean of both diagonals; on the finest
# level, over the strongest coupling of either side, too.
_STRENGTH, _MUTUAL_STRENGTH = 0.02, 0.005
_RUGE_STUBEN_STRENGTH = 0.08
_COARSEST = 100


class Multigrid:
    """A V-cycle: one forward Gauss-Seidel sweep down, one backward sweep up, in single precision.

    Each block of rows has sweeps of its own and takes from the others what was there before.  Strong
    couplings between two blocks would make such sweeps diverge but for the diagonal that is added for them
    (Baker, Falgout, Kolev and Yang 2011, doi:10.1137/100798806).

    Args:
        matrix: SPD; the coarse levels are made from it.
        robust: Ruge-Stuben coarsening, slower to set up, instead of smoothed aggregation.
    """

    def __init__(self, matrix: sparse.csr_matrix, robust: bool = False) -> None:
        hierarchy = _ruge_stuben(matrix) if robust else _smoothed_aggregation(matrix)
        *levels, coarsest = hierarchy.levels
        self._levels = [_Level(level.A.tocsr(), level.P.tocsr()) for level in levels]
        self._coarsest = np.linalg.pinv(coarsest.A.toarray()).astype(np.float32)

    def refresh(self, matrix: sparse.csr_matrix) -> None:
        """Use new values of the same matrix on the finest level; the coarse levels stay."""
        if self._levels:
            self._levels[0].renew(matrix)

    def __call__(self, residual: np.ndarray) -> np.ndarray:
        """About matrix^-1 residual; a symmetric positive operator."""
        # In single precision small residuals would be lost: scale to one.
        scale = np.abs(residual).max()
        if scale == 0:
            return np.zeros_like(residual)
        return self._cycle(0, (residual / scale).astype(np.float32)).astype(np.float64) * scale

    def _cycle(self, depth: int, right: np.ndarray) -> np.ndarray:
        if depth == len(self._levels):
            return self._coarsest @ right
        level = self._levels[depth]
        solution, rest, coarse = np.empty_like(right), np.empty_like(right), level.coarse
        _sweep_from_zero(*level.rows, level.inverse, right, solution)
        _rest_after_sweep(*level.rows, level.added, solution, rest)
        coarse[:] = 0
        _add_product(*level.restriction, rest, coarse)
        _add_product(*level.prolongation, self._cycle(depth + 1, coarse), solution)
        _take_from_others(level.edges, *level.rows, level.added, solution, level.others)
        _sweep_backward(*level.rows, level.inverse, right, level.others, solution)
        return solution


class _Level:
    """A matrix, its rows sorted so that triangles are contiguous, and the way to the next coarser level."""

    def __init__(self, matrix: sparse.csr_matrix, prolongation: sparse.csr_matrix) -> None:
        matrix.sort_indices()
        bounds = blocks(matrix.shape[0])
        indptr, indices = pattern(matrix)
        first, self._middle, last = _places(bounds, indptr, indices)
        self._places = bounds, indptr, first, self._middle, last, indices
        # Rows that are coupled to other blocks, and what they take from there; 0 in all others.
        self.edges = np.flatnonzero((first > indptr[:-1]) | (last < indptr[1:])).astype(np.uint32)
        self.added, self.others = np.zeros((2, matrix.shape[0]), np.float32)
        self.renew(matrix)
        self.prolongation = _stored(prolongation)
        self.restriction = _stored(prolongation.T.tocsr())
        self.coarse = np.empty(prolongation.shape[1], np.float32)

    def renew(self, matrix: sparse.csr_matrix) -> None:
        """Take in other values of the same matrix."""
        values = matrix.data.astype(np.float32)
        self.rows = (*self._places, values)
        _between_blocks(self.edges, *self.rows, self.added)
        self.inverse = 1 / (values[self._middle] + self.added)


def _stored(matrix: sparse.csr_matrix) -> tuple[np.ndarray, ...]:
    return blocks(matrix.shape[0]), *pattern(matrix), matrix.data.astype(np.float32)


_random = threading.Lock()


@contextmanager
def _repeatable() -> Iterator[None]:
    """pyamg estimates spectral radii from numpy's global random numbers: the same ones every time."""
    with _random:
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _smoothed_aggregation(matrix: sparse.csr_matrix):
    import pyamg  # slow to import

    with _repeatable():
        return pyamg.smoothed_aggregation_solver(
            matrix.copy(),
            strength=[
                ("predefined", {"C": _strong(matrix)}),
                ("symmetric", {"theta": _STRENGTH}),
            ],
            # Smoothed over strong couplings only: half the entries of plain smoothing for as few iterations.
            smooth=("jacobi", {"filter_entries": True, "weighting": "diagonal"}),
            improve_candidates=None,
            presmoother=None,
            postsmoother=None,
            max_coarse=_COARSEST,
            coarse_solver="pinv",
        )


def _strong(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The finest level's strong couplings, and the diagonal.

    At the edge of an island of binder in the active material a voxel's coupling to the bad conductor is all
    that this has, and nothing to the island: an aggregate of both would be neither, and iterations twice as
    many where there are such islands.
    """
    keep, values = _is_strong(matrix.indptr, matrix.indices, matrix.data, matrix.diagonal()), matrix.data
    counts = np.add.reduceat(keep, matrix.indptr[:-1], dtype=np.int32)
    indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int32)]).astype(np.int32)
    return sparse.csr_matrix((values[keep], matrix.indices[keep], indptr), shape=matrix.shape)


def _ruge_stuben(matrix: sparse.csr_matrix):
    import pyamg

    with _repeatable():
        return pyamg.ruge_stuben_solver(
            matrix.copy(),
            strength=("classical", {"theta": _RUGE_STUBEN_STRENGTH}),
            presmoother=None,
            postsmoother=None,
            max_coarse=_COARSEST,
            coarse_solver="pinv",
        )


def conjugate_gradients(
    matrix: sparse.csr_matrix,
    right: np.ndarray,
    guess: np.ndarray,
    preconditioner: Callable[[np.ndarray], np.ndarray],
    energy: float,
    largest: float,
    iterations: int,
) -> tuple[np.ndarray, int]:
    """Solve an SPD system until the residual is small in two measures.

    Args:
        matrix, right, guess: the system, and a first solution.
        preconditioner: B, about the inverse of the matrix.
        energy: accepted r . B r, about the squared energy norm of the error.
        largest: accepted residual of any one row.
        iterations: at most.

    Returns:
        The solution, and the number of iterations; `iterations` + 1 when it wasn't reached.
    """
    bounds, indptr_indices = blocks(len(right)), pattern(matrix)
    parts = np.empty(len(bounds) - 1)
    solution = guess.copy()
    residual = right - matrix @ solution
    direction = np.zeros_like(residual)
    image = np.empty_like(residual)
    previous, worst = 1.0, np.abs(residual).max()
    for count in range(iterations + 1):
        correction = preconditioner(residual)
        product = float(residual @ correction)
        if abs(product) <= energy and worst <= largest:
            return solution, count
        turn = product / previous if count else 0.0
        _turn(bounds, direction, correction, turn)
        _multiply(bounds, *indptr_indices, matrix.data, direction, image, parts)
        _advance(bounds, solution, residual, direction, image, product / parts.sum(), parts)
        worst = parts.max()
        previous = product
    return solution, iterations + 1


@kernel
def _turn(bounds, direction, correction, factor):
    for block in prange(bounds.size - 1):
        for row in range(bounds[block], bounds[block + 1]):
            direction[row] = correction[row] + factor * direction[row]


@kernel
def _multiply(bounds, indptr, indices, values, direction, image, products):
    """image = matrix direction; products: of both, a sum for each block."""
    for block in prange(bounds.size - 1):
        product = 0.0
        for row in range(bounds[block], bounds[block + 1]):
            total = 0.0
            for k in range(indptr[row], indptr[row + 1]):
                total += values[k] * direction[indices[k]]
            image[row] = total
            product += total * direction[row]
        products[block] = product


@kernel
def _advance(bounds, solution, residual, direction, image, step, largest):
    """Take a step; largest: residual of each block."""
    for block in prange(bounds.size - 1):
        worst = 0.0
        for row in range(bounds[block], bounds[block + 1]):
            solution[row] += step * direction[row]
            residual[row] -= step * image[row]
            worst = max(worst, abs(residual[row]))
        largest[block] = worst


@njit(cache=True)
def _is_strong(indptr, indices, values, diagonal):
    """(entries,) bool, for a symmetric matrix; the diagonal's are."""
    rows = indptr.size - 1
    strongest, keep = np.zeros(rows), np.ones(indices.size, np.bool_)
    for row in range(rows):
        for k in range(indptr[row], indptr[row + 1]):
            if indices[k] != row:
                strongest[row] = max(strongest[row], abs(values[k]))
    for row in range(rows):
        for k in range(indptr[row], indptr[row + 1]):
            column = indices[k]
            if column != row:
                least = _STRENGTH * np.sqrt(diagonal[row] * diagonal[column])
                least = max(least, _MUTUAL_STRENGTH * max(strongest[row], strongest[column]))
                keep[k] = abs(values[k]) >= least
    return keep


@njit(cache=True)
def _places(bounds, indptr, indices):
    """(rows,) each: the first entry within the row's block, the diagonal's, and the one after the last."""
    rows = indptr.size - 1
    first, middle, last = np.empty(rows, np.uint32), np.empty(rows, np.uint32), np.empty(rows, np.uint32)
    for block in range(bounds.size - 1):
        low, high = bounds[block], bounds[block + 1]
        for row in range(low, high):
            first[row], last[row] = indptr[row], indptr[row + 1]
            for k in range(indptr[row], indptr[row + 1]):
                if indices[k] < low:
                    first[row] = k + 1
                elif indices[k] == row:
                    middle[row] = k
                elif indices[k] >= high:
                    last[row] = k
                    break
    return first, middle, last


@njit(cache=True)
def _between_blocks(edges, bounds, indptr, first, middle, last, indices, values, added):
    """What is added to the diagonal: the couplings to other blocks, all of them."""
    for row in edges:
        total = np.float32(0)
        for k in range(indptr[row], first[row]):
            total += abs(values[k])
        for k in range(last[row], indptr[row + 1]):
            total += abs(values[k])
        added[row] = total


@kernel
def _take_from_others(edges, bounds, indptr, first, middle, last, indices, values, added, solution, others):
    """What a sweep through a block takes from before it: minus other blocks' part of the matrix."""
    for edge in prange(edges.size):
        row = edges[edge]
        total = added[row] * solution[row]
        for k in range(indptr[row], first[row]):
            total -= values[k] * solution[indices[k]]
        for k in range(last[row], indptr[row + 1]):
            total -= values[k] * solution[indices[k]]
        others[row] = total


@kernel
def _sweep_from_zero(bounds, indptr, first, middle, last, indices, values, inverse, right, solution):
    """A forward Gauss-Seidel sweep on a solution of zeros: only the block's lower triangle counts."""
    for block in prange(bounds.size - 1):
        for row in range(bounds[block], bounds[block + 1]):
            total = right[row]
            for k in range(first[row], middle[row]):
                total -= values[k] * solution[indices[k]]
            solution[row] = total * inverse[row]


@kernel
def _rest_after_sweep(bounds, indptr, first, middle, last, indices, values, added, solution, residual):
    """The residual after `_sweep_from_zero`: minus the part of all that it didn't count."""
    for block in prange(bounds.size - 1):
        for row in range(bounds[block], bounds[block + 1]):
            total = added[row] * solution[row]
            for k in range(indptr[row], first[row]):
                total -= values[k] * solution[indices[k]]
            for k in range(middle[row] + np.uint32(1), indptr[row + 1]):
                total -= values[k] * solution[indices[k]]
            residual[row] = total


@kernel
def _add_product(bounds, indptr, indices, values, vector, result):
    """result += matrix vector, in single precision."""
    for block in prange(bounds.size - 1):
        for row in range(bounds[block], bounds[block + 1]):
            total = np.float32(0)
            for k in range(indptr[row], indptr[row + 1]):
                total += values[k] * vector[indices[k]]
            result[row] += total


@kernel
def _sweep_backward(bounds, indptr, first, middle, last, indices, values, inverse, right, others, solution):
    for block in prange(bounds.size - 1):
        for row in range(bounds[block + 1] - 1, bounds[block] - 1, -1):
            total = right[row] + others[row]
            for k in range(first[row], middle[row]):
                total -= values[k] * solution[indices[k]]
            for k in range(middle[row] + np.uint32(1), last[row]):
                total -= values[k] * solution[indices[k]]
            solution[row] = total * inverse[row]
