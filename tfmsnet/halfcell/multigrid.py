"""Conjugate gradients, preconditioned by algebraic multigrid."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numba import njit
from scipy import sparse

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
        self._levels[0].values[:] = matrix.data

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
        solution = np.zeros_like(right)
        matrix = (level.indptr, level.indices, level.values)
        _sweep_from_zero(*matrix, right, solution)
        coarse = np.zeros(level.coarse_size, np.float32)
        _restrict_residual(*matrix, right, solution, *level.prolongation, coarse)
        _prolong(*level.prolongation, self._cycle(depth + 1, coarse), solution)
        _sweep_backward(*matrix, right, solution)
        return solution


class _Level:
    def __init__(self, matrix: sparse.csr_matrix, prolongation: sparse.csr_matrix | None) -> None:
        self.indptr, self.indices = matrix.indptr, matrix.indices
        self.values = matrix.data.astype(np.float32)
        if prolongation is not None:
            self.coarse_size = prolongation.shape[1]
            self.prolongation = (
                prolongation.indptr,
                prolongation.indices,
                prolongation.data.astype(np.float32),
            )


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
    iterations: int,
) -> tuple[np.ndarray, int]:
    """Solve an SPD system until r . B r, about the energy norm of the error squared, is below `energy`.

    Returns:
        The solution, and the number of iterations; `iterations` + 1 when it wasn't reached.
    """
    solution = guess.copy()
    residual = right - matrix @ solution
    direction = np.zeros_like(residual)
    previous = 1.0
    for count in range(iterations + 1):
        correction = preconditioner(residual)
        product = float(residual @ correction)
        if product <= energy:
            solution += correction
            return solution, count
        direction *= product / previous if count else 0.0
        direction += correction
        image = matrix @ direction
        step = product / float(direction @ image)
        solution += step * direction
        residual -= step * image
        previous = product
    return solution, iterations + 1


@njit(cache=True, fastmath=True)
def _sweep_from_zero(indptr, indices, values, right, solution):
    """A forward Gauss-Seidel sweep on a solution of zeros: only the lower triangle counts."""
    for row in range(right.size):
        total = right[row]
        diagonal = np.float32(1)
        for k in range(indptr[row], indptr[row + 1]):
            column = indices[k]
            if column < row:
                total -= values[k] * solution[column]
            elif column == row:
                diagonal = values[k]
        solution[row] = total / diagonal


@njit(cache=True, fastmath=True)
def _sweep_backward(indptr, indices, values, right, solution):
    for row in range(right.size - 1, -1, -1):
        total = right[row]
        diagonal = np.float32(1)
        for k in range(indptr[row], indptr[row + 1]):
            column = indices[k]
            if column == row:
                diagonal = values[k]
            else:
                total -= values[k] * solution[column]
        solution[row] = total / diagonal


@njit(cache=True, fastmath=True)
def _restrict_residual(indptr, indices, values, right, solution, p_indptr, p_indices, p_values, coarse):
    for row in range(right.size):
        total = right[row]
        for k in range(indptr[row], indptr[row + 1]):
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
