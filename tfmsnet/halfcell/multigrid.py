"""Conjugate gradients, preconditioned by algebraic multigrid."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numba import njit
from scipy import sparse

from tfmsnet.halfcell.network import pattern

_STRENGTH = 0.02  # smoothed aggregation: weaker couplings are left out
_RUGE_STUBEN_STRENGTH = 0.08
_COARSEST = 100


class Multigrid:
    """A V-cycle: one forward Gauss-Seidel sweep down, one backward sweep up, in single precision.

    Args:
        matrix: SPD; the coarse levels are made from it.
        robust: Ruge-Stuben coarsening, slower to set up, instead of smoothed aggregation.
    """

    def __init__(self, matrix: sparse.csr_matrix, robust: bool = False) -> None:
        hierarchy = _ruge_stuben(matrix) if robust else _smoothed_aggregation(matrix)
        self._levels = [
            _Level(level.A.tocsr(), level.P.tocsr() if hasattr(level, "P") else None)
            for level in hierarchy.levels
        ]
        coarsest = hierarchy.levels[-1].A.toarray()
        self._coarsest = np.linalg.pinv(coarsest).astype(np.float32)

    def refresh(self, matrix: sparse.csr_matrix) -> None:
        """Use new values of the same matrix on the finest level; the coarse levels stay."""
        self._levels[0].renew(matrix)

    def __call__(self, residual: np.ndarray) -> np.ndarray:
        """About matrix^-1 residual; a symmetric positive operator."""
        # In single precision small residuals would be lost: scale to one.
        scale = np.abs(residual).max()
        if scale == 0:
            return np.zeros_like(residual)
        return self._cycle(0, (residual / scale).astype(np.float32)).astype(np.float64) * scale

    def _cycle(self, depth: int, right: np.ndarray) -> np.ndarray:
        if depth == len(self._levels) - 1:
            return self._coarsest @ right
        level = self._levels[depth]
        matrix = (level.indptr, level.middle, level.indices, level.values, level.inverse)
        solution = np.empty_like(right)
        _sweep_from_zero(*matrix, right, solution)
        coarse = np.zeros(level.coarse_size, np.float32)
        _restrict_swept(*matrix[:4], solution, *level.prolongation, coarse)
        _prolong(*level.prolongation, self._cycle(depth + 1, coarse), solution)
        _sweep_backward(*matrix, right, solution)
        return solution


class _Level:
    """A matrix, its rows sorted so that triangles are contiguous, and the way to the next coarser level."""

    def __init__(self, matrix: sparse.csr_matrix, prolongation: sparse.csr_matrix | None) -> None:
        matrix.sort_indices()
        self.indptr, self.indices = pattern(matrix)
        self.middle = _diagonal_entries(self.indptr, self.indices)
        self.renew(matrix)
        if prolongation is not None:
            self.coarse_size = prolongation.shape[1]
            self.prolongation = (
                *pattern(prolongation),
                prolongation.data.astype(np.float32),
            )

    def renew(self, matrix: sparse.csr_matrix) -> None:
        """Take in other values of the same matrix."""
        self.values = matrix.data.astype(np.float32)
        self.inverse = 1 / self.values[self.middle]


@contextmanager
def _repeatable() -> Iterator[None]:
    """pyamg estimates spectral radii from numpy's global random numbers: the same ones every time."""
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
            strength=("symmetric", {"theta": _STRENGTH}),
            # Smoothed over strong couplings only: half the entries of plain smoothing for as few iterations.
            smooth=("jacobi", {"filter_entries": True, "weighting": "diagonal"}),
            improve_candidates=None,
            presmoother=None,
            postsmoother=None,
            max_coarse=_COARSEST,
            coarse_solver="pinv",
        )


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
        _turn(direction, correction, product / previous if count else 0.0)
        curvature = _multiply(*pattern(matrix), matrix.data, direction, image)
        worst = _advance(solution, residual, direction, image, product / curvature)
        previous = product
    return solution, iterations + 1


@njit(cache=True)
def _turn(direction, correction, factor):
    for row in range(direction.size):
        direction[row] = correction[row] + factor * direction[row]


@njit(cache=True)
def _multiply(indptr, indices, values, direction, image):
    """image = matrix direction; returns their product."""
    product = 0.0
    for row in range(direction.size):
        total = 0.0
        for k in range(indptr[row], indptr[row + 1]):
            total += values[k] * direction[indices[k]]
        image[row] = total
        product += total * direction[row]
    return product


@njit(cache=True)
def _advance(solution, residual, direction, image, step):
    """Take a step; returns the largest residual."""
    worst = 0.0
    for row in range(solution.size):
        solution[row] += step * direction[row]
        residual[row] -= step * image[row]
        worst = max(worst, abs(residual[row]))
    return worst


@njit(cache=True)
def _diagonal_entries(indptr, indices):
    middle = np.empty(indptr.size - 1, np.uint32)
    for row in range(middle.size):
        for k in range(indptr[row], indptr[row + 1]):
            if indices[k] == row:
                middle[row] = k
    return middle


@njit(cache=True, fastmath=True)
def _sweep_from_zero(indptr, middle, indices, values, inverse, right, solution):
    """A forward Gauss-Seidel sweep on a solution of zeros: only the lower triangle counts."""
    for row in range(right.size):
        total = right[row]
        for k in range(indptr[row], middle[row]):
            total -= values[k] * solution[indices[k]]
        solution[row] = total * inverse[row]


@njit(cache=True, fastmath=True)
def _restrict_swept(indptr, middle, indices, values, solution, p_indptr, p_indices, p_values, coarse):
    """Add the residual after `_sweep_from_zero` to the coarse level: minus the upper triangle's part."""
    for row in range(solution.size):
        total = np.float32(0)
        for k in range(middle[row] + np.uint32(1), indptr[row + 1]):
            total -= values[k] * solution[indices[k]]
        for k in range(p_indptr[row], p_indptr[row + 1]):
            coarse[p_indices[k]] += p_values[k] * total


@njit(cache=True, fastmath=True)
def _prolong(p_indptr, p_indices, p_values, coarse, solution):
    for row in range(solution.size):
        total = np.float32(0)
        for k in range(p_indptr[row], p_indptr[row + 1]):
            total += p_values[k] * coarse[p_indices[k]]
        solution[row] += total


@njit(cache=True, fastmath=True)
def _sweep_backward(indptr, middle, indices, values, inverse, right, solution):
    for row in range(right.size - 1, -1, -1):
        total = right[row]
        for k in range(indptr[row], middle[row]):
            total -= values[k] * solution[indices[k]]
        for k in range(middle[row] + np.uint32(1), indptr[row + 1]):
            total -= values[k] * solution[indices[k]]
        solution[row] = total * inverse[row]
