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

    Blocks of rows are swept side by side, first every other one, then those between them, which know what the
    first ones found.  Couplings within one of these two colours take what was there before a sweep: they are
    few, and would make it diverge where they are strong but for the diagonal that is added for them (Baker,
    Falgout, Kolev and Yang 2011, doi:10.1137/100798806).

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
        bounds, answer = blocks(len(residual)), np.zeros_like(residual)
        parts = np.empty(len(bounds) - 1)
        _find_largest(bounds, residual, parts)
        scale = parts.max()
        if scale == 0:
            return answer
        scaled = np.empty(len(residual), np.float32)
        _scale(bounds, residual, 1 / scale, scaled)
        _scale(bounds, self._cycle(0, scaled), scale, answer)
        return answer

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
        _take_from_before(level.edges, *level.rows, level.added, solution, level.before)
        _sweep_backward(*level.rows, level.inverse, right, level.before, solution)
        return solution


class _Level:
    """A matrix, its rows sorted by when a sweep takes from what, and the way to the next coarser level."""

    def __init__(self, matrix: sparse.csr_matrix, prolongation: sparse.csr_matrix) -> None:
        matrix.sort_indices()
        bounds = blocks(matrix.shape[0])
        indptr, indices = pattern(matrix)
        self._order, first, self._middle = _in_order_of_sweeps(bounds, indptr, indices)
        self._places = bounds, indptr, first, self._middle, indices[self._order]
        # Rows that are coupled within their colour, and what they take from there; 0 in all others.
        self.edges = np.flatnonzero(first > indptr[:-1]).astype(np.uint32)
        self.added, self.before = np.zeros((2, matrix.shape[0]), np.float32)
        self.renew(matrix)
        self.prolongation = _stored(prolongation)
        self.restriction = _stored(prolongation.T.tocsr())
        self.coarse = np.empty(prolongation.shape[1], np.float32)

    def renew(self, matrix: sparse.csr_matrix) -> None:
        """Take in other values of the same matrix."""
        values = np.empty(matrix.nnz, np.float32)
        _sort(blocks(matrix.nnz), matrix.data, self._order, values)
        self.rows = (*self._places, values)
        _within_colours(self.edges, *self.rows, self.added)
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
    solution, image, direction = guess.copy(), np.empty_like(right), np.zeros_like(right)
    _multiply(bounds, *indptr_indices, matrix.data, solution, image, parts)
    residual = right - image
    _find_largest(bounds, residual, parts)
    previous, worst = 1.0, parts.max()
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
def _find_largest(bounds, vector, largest):
    """largest: of the magnitudes of each block."""
    for block in prange(bounds.size - 1):
        worst = 0.0
        for row in range(bounds[block], bounds[block + 1]):
            worst = max(worst, abs(vector[row]))
        largest[block] = worst


@kernel
def _scale(bounds, vector, factor, result):
    for block in prange(bounds.size - 1):
        for row in range(bounds[block], bounds[block + 1]):
            result[row] = factor * vector[row]


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
def _in_order_of_sweeps(bounds, indptr, indices):
    """Entries of each row: within its colour, but of another block; swept before it; its own; swept later.

    Returns:
        (entries,) where the entries were; (rows,) each: the first of the second kind, and the diagonal's.
    """
    rows = indptr.size - 1
    order = np.empty(indices.size, np.uint32)
    first, middle = np.empty(rows, np.uint32), np.empty(rows, np.uint32)
    block_of = np.empty(rows, np.int8)
    for block in range(bounds.size - 1):
        block_of[bounds[block] : bounds[block + 1]] = block
    for row in range(rows):
        place = indptr[row]
        for kind in range(4):
            if kind == 1:
                first[row] = place
            elif kind == 2:
                middle[row] = place
            for k in range(indptr[row], indptr[row + 1]):
                column = indices[k]
                if column == row:
                    found = 2
                elif block_of[column] == block_of[row]:
                    found = 1 if column < row else 3
                elif block_of[column] % 2 == block_of[row] % 2:
                    found = 0
                else:
                    found = 1 if block_of[column] % 2 == 0 else 3
                if found == kind:
                    order[place] = k
                    place += np.uint32(1)
    return order, first, middle


@kernel
def _sort(bounds, data, order, values):
    for block in prange(bounds.size - 1):
        for k in range(bounds[block], bounds[block + 1]):
            values[k] = data[order[k]]


@njit(cache=True)
def _within_colours(edges, bounds, indptr, first, middle, indices, values, added):
    """What is added to the diagonal: the couplings to other blocks of the colour, all of them."""
    for row in edges:
        total = np.float32(0)
        for k in range(indptr[row], first[row]):
            total += abs(values[k])
        added[row] = total


@kernel
def _take_from_before(edges, bounds, indptr, first, middle, indices, values, added, solution, before):
    """What a sweep takes from before it: minus the couplings within colours, and what stands for them."""
    for edge in prange(edges.size):
        row = edges[edge]
        total = added[row] * solution[row]
        for k in range(indptr[row], first[row]):
            total -= values[k] * solution[indices[k]]
        before[row] = total


@kernel
def _sweep_from_zero(bounds, indptr, first, middle, indices, values, inverse, right, solution):
    """A forward Gauss-Seidel sweep on a solution of zeros: only what was swept before counts."""
    for colour in range(2):
        for pair in prange((bounds.size - colour) // 2):
            block = 2 * pair + colour
            for row in range(bounds[block], bounds[block + 1]):
                total = right[row]
                for k in range(first[row], middle[row]):
                    total -= values[k] * solution[indices[k]]
                solution[row] = total * inverse[row]


@kernel
def _rest_after_sweep(bounds, indptr, first, middle, indices, values, added, solution, residual):
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
def _sweep_backward(bounds, indptr, first, middle, indices, values, inverse, right, before, solution):
    for odd in range(2):
        colour = 1 - odd
        for pair in prange((bounds.size - colour) // 2):
            block = 2 * pair + colour
            for row in range(bounds[block + 1] - 1, bounds[block] - 1, -1):
                total = right[row] + before[row]
                for k in range(first[row], middle[row]):
                    total -= values[k] * solution[indices[k]]
                for k in range(middle[row] + np.uint32(1), indptr[row + 1]):
                    total -= values[k] * solution[indices[k]]
                solution[row] = total * inverse[row]
