"""Conjugate gradients, preconditioned by algebraic multigrid."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy import sparse

from tfmsnet.halfcell.network import pattern
from tfmsnet.halfcell.threads import blocks, kernel, largest_of, part, share, total_of, wait

# Smoothed aggregation leaves weaker couplings out: over the geometric mean of both diagonals; on the finest
# level, over the strongest coupling of either side, too.
_STRENGTH, _MUTUAL_STRENGTH = 0.02, 0.005
_RUGE_STUBEN_STRENGTH = 0.08
_COARSEST = 100


class _Hierarchy(NamedTuple):
    """All levels in one set of arrays: their rows are numbered through, those of the finest level first.

    Attributes:
        first_bound, bounds: level -> where its blocks' bounds begin; these.
        first_edge, edges: level -> where they begin; rows that are coupled within their colour.
        indptr, indices, values: of the levels but the coarsest; each row sorted by `_in_order_of_sweeps`.
        first, middle: (rows but the coarsest level's,) entries, as that gives them.
        inverse: (the same rows,) 1 / diagonal, `added` included.
        added: (the same rows,) what is added to the diagonal.
        down, up: (indptr, indices, values) of the restriction to a level's rows, and the prolongation.
        coarsest: dense inverse of the last level.
        right, solution, rest, before: (rows,) memory of a cycle; before is 0 in rows that aren't edges.
    """

    first_bound: np.ndarray
    bounds: np.ndarray
    first_edge: np.ndarray
    edges: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray
    first: np.ndarray
    middle: np.ndarray
    inverse: np.ndarray
    added: np.ndarray
    down: tuple[np.ndarray, np.ndarray, np.ndarray]
    up: tuple[np.ndarray, np.ndarray, np.ndarray]
    coarsest: np.ndarray
    right: np.ndarray
    solution: np.ndarray
    rest: np.ndarray
    before: np.ndarray


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
        made = (_ruge_stuben(matrix) if robust else _smoothed_aggregation(matrix)).levels
        self._bounds = blocks(matrix.shape[0])
        starts = np.cumsum([0] + [level.A.shape[0] for level in made])
        levels = [_Level(level.A.tocsr()) for level in made[:-1]]
        entries = np.cumsum([0] + [len(level.order) for level in levels])
        bounds = [start + blocks(level.A.shape[0]) for start, level in zip(starts, made, strict=False)]
        edges = [level.edges for level in levels]
        rows = starts[-1]
        self._order = levels[0].order if levels else np.empty(0, np.uint32)
        self.hierarchy = _Hierarchy(
            first_bound=np.cumsum([0] + [len(of_level) for of_level in bounds]),
            bounds=np.concatenate(bounds),
            first_edge=np.cumsum([0] + [len(of_level) for of_level in edges]),
            edges=_joined(edges, starts),
            indptr=np.append(
                _joined([level.indptr[:-1] for level in levels], entries), np.uint32(entries[-1])
            ),
            indices=_joined([level.indices for level in levels], starts),
            values=_joined([level.values for level in levels]),
            first=_joined([level.first for level in levels], entries),
            middle=_joined([level.middle for level in levels], entries),
            inverse=_joined([level.inverse for level in levels]),
            added=_joined([level.added for level in levels]),
            down=_stacked([level.P.T.tocsr() for level in made[:-1]], starts[1:], starts),
            up=_stacked([level.P.tocsr() for level in made[:-1]], starts, starts[1:]),
            coarsest=np.linalg.pinv(made[-1].A.toarray()).astype(np.float32),
            right=np.empty(rows, np.float32),
            solution=np.empty(rows, np.float32),
            rest=np.empty(rows, np.float32),
            before=np.zeros(rows, np.float32),
        )

    def refresh(self, matrix: sparse.csr_matrix) -> None:
        """Use new values of the same matrix on the finest level; the coarse levels stay."""
        own = self.hierarchy
        if len(own.first_bound) > 2:
            places = self._order, own.indptr, own.first, own.middle
            _renew(self._bounds, matrix.data, *places, own.values, own.added, own.inverse)

    def __call__(self, residual: np.ndarray) -> np.ndarray:
        """About matrix^-1 residual; a symmetric positive operator."""
        answer = np.empty_like(residual)
        _apply(self._bounds, residual, self.hierarchy, answer, np.empty(len(self._bounds) - 1))
        return answer


class _Level:
    """A matrix, its rows sorted by when a sweep takes from what."""

    def __init__(self, matrix: sparse.csr_matrix) -> None:
        matrix.sort_indices()
        bounds = blocks(matrix.shape[0])
        self.indptr, indices = pattern(matrix)
        self.order, self.first, self.middle = _in_order_of_sweeps(bounds, self.indptr, indices)
        self.indices = indices[self.order]
        # Rows that are coupled within their colour.
        self.edges = np.flatnonzero(self.first > self.indptr[:-1]).astype(np.uint32)
        self.values = np.empty(matrix.nnz, np.float32)
        self.added, self.inverse = np.empty((2, matrix.shape[0]), np.float32)
        places = self.order, self.indptr, self.first, self.middle
        _renew(bounds, matrix.data, *places, self.values, self.added, self.inverse)


def _joined(arrays: Sequence[np.ndarray], starts: np.ndarray | None = None) -> np.ndarray:
    """One after the other; where numbers count from something else in each, from there."""
    if starts is None:
        return np.concatenate([np.empty(0, np.float32), *arrays])
    shifted = [start + array.astype(np.int64) for start, array in zip(starts, arrays, strict=False)]
    return np.concatenate([np.empty(0, np.int64), *shifted]).astype(np.uint32)


def _stacked(
    matrices: Sequence[sparse.csr_matrix], row_starts: np.ndarray, column_starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indptr, of all rows up to the last that has something, indices and values in single precision."""
    counts = [np.zeros(row_starts[0], np.int64), *(np.diff(matrix.indptr) for matrix in matrices)]
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.uint32)
    indices = _joined([matrix.indices for matrix in matrices], column_starts)
    return indptr, indices, _joined([matrix.data.astype(np.float32) for matrix in matrices])


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
    preconditioner: Multigrid,
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
    bounds, solution = blocks(len(right)), guess.copy()
    count = _solve(
        bounds,
        *pattern(matrix),
        matrix.data,
        right,
        solution,
        preconditioner.hierarchy,
        energy,
        largest,
        iterations,
        np.empty((4, len(right))),
        np.empty((3, len(bounds) - 1)),
    )
    return solution, count


@kernel
def _solve(
    team, bounds, indptr, indices, values, right, solution, hierarchy, energy, largest, iterations,
    vectors, parts,
):  # fmt: skip
    """`conjugate_gradients` in place; `vectors` (4, rows) and `parts` (3, blocks) are memory to work in."""
    residual, direction, image, correction = vectors
    # Of the blocks; an array each, so that nobody writes what others still add up.
    residuals, products, curvatures = parts
    low, high = share(team, bounds.size - 1)
    for block in range(low, high):
        worst = 0.0
        for row in range(bounds[block], bounds[block + 1]):
            total = right[row]
            for k in range(indptr[row], indptr[row + 1]):
                total -= values[k] * solution[indices[k]]
            residual[row] = total
            worst = max(worst, abs(total))
        residuals[block] = worst
    wait(team)
    previous = 1.0
    for count in range(iterations + 1):
        worst = largest_of(residuals)
        _precondition(team, bounds, residual, worst, hierarchy, correction)
        for block in range(low, high):
            product = 0.0
            for row in range(bounds[block], bounds[block + 1]):
                product += residual[row] * correction[row]
            products[block] = product
        wait(team)
        product = total_of(products)
        if abs(product) <= energy and worst <= largest:
            return count
        turn = product / previous
        for block in range(low, high):
            for row in range(bounds[block], bounds[block + 1]):
                direction[row] = correction[row] + turn * direction[row] if count else correction[row]
        wait(team)
        for block in range(low, high):
            curvature = 0.0
            for row in range(bounds[block], bounds[block + 1]):
                total = 0.0
                for k in range(indptr[row], indptr[row + 1]):
                    total += values[k] * direction[indices[k]]
                image[row] = total
                curvature += total * direction[row]
            curvatures[block] = curvature
        wait(team)
        step = product / total_of(curvatures)
        for block in range(low, high):
            worst = 0.0
            for row in range(bounds[block], bounds[block + 1]):
                solution[row] += step * direction[row]
                residual[row] -= step * image[row]
                worst = max(worst, abs(residual[row]))
            residuals[block] = worst
        wait(team)
        previous = product
    return iterations + 1


@kernel
def _apply(team, bounds, residual, hierarchy, answer, parts):
    for block in range(*share(team, bounds.size - 1)):
        worst = 0.0
        for row in range(bounds[block], bounds[block + 1]):
            worst = max(worst, abs(residual[row]))
        parts[block] = worst
    wait(team)
    _precondition(team, bounds, residual, largest_of(parts), hierarchy, answer)


@part
def _precondition(team, bounds, residual, scale, hierarchy, answer):
    """A cycle; in single precision small residuals would be lost, so they are scaled to one."""
    factor = 1 / scale if scale > 0 else 0.0
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            hierarchy.right[row] = factor * residual[row]
    wait(team)
    _cycle(team, hierarchy)
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            answer[row] = scale * hierarchy.solution[row]


@part
def _cycle(team, hierarchy):
    """From hierarchy.right to hierarchy.solution."""
    first, coarsest = hierarchy.first_bound, hierarchy.first_bound.size - 2
    for level in range(coarsest):
        bounds = hierarchy.bounds[first[level] : first[level + 1]]
        _sweep_from_zero(team, bounds, 0, hierarchy)
        wait(team)
        _sweep_from_zero(team, bounds, 1, hierarchy)
        wait(team)
        _rest_after_sweep(team, bounds, hierarchy)
        wait(team)
        _restrict(team, hierarchy.bounds[first[level + 1] : first[level + 2]], hierarchy)
        wait(team)
    _solve_coarsest(team, hierarchy)
    wait(team)
    for level in range(coarsest - 1, -1, -1):
        bounds = hierarchy.bounds[first[level] : first[level + 1]]
        _prolong(team, bounds, hierarchy)
        wait(team)
        _take_from_before(team, level, hierarchy)
        wait(team)
        _sweep_backward(team, bounds, 1, hierarchy)
        wait(team)
        _sweep_backward(team, bounds, 0, hierarchy)
        wait(team)


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
def _renew(team, bounds, data, order, indptr, first, middle, values, added, inverse):
    """Other values of a level's matrix, from an order in which they aren't sorted."""
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            total = np.float32(0)
            for k in range(indptr[row], indptr[row + 1]):
                values[k] = data[order[k]]
                if k < first[row]:
                    total += abs(values[k])
            # For the couplings to other blocks of the colour, all of them.
            added[row] = total
            inverse[row] = np.float32(1) / (values[middle[row]] + total)


@part
def _sweep_from_zero(team, bounds, colour, hierarchy):
    """A forward Gauss-Seidel sweep on a solution of zeros: only what was swept before counts."""
    indices, values, first, middle = hierarchy.indices, hierarchy.values, hierarchy.first, hierarchy.middle
    right, solution, inverse = hierarchy.right, hierarchy.solution, hierarchy.inverse
    for pair in range(*share(team, (bounds.size - colour) // 2)):
        block = 2 * pair + colour
        for row in range(bounds[block], bounds[block + 1]):
            total = right[row]
            for k in range(first[row], middle[row]):
                total -= values[k] * solution[indices[k]]
            solution[row] = total * inverse[row]


@part
def _rest_after_sweep(team, bounds, hierarchy):
    """The residual after `_sweep_from_zero`: minus the part of all that it didn't count."""
    indptr, indices, values = hierarchy.indptr, hierarchy.indices, hierarchy.values
    first, middle, added = hierarchy.first, hierarchy.middle, hierarchy.added
    solution, rest = hierarchy.solution, hierarchy.rest
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            total = added[row] * solution[row]
            for k in range(indptr[row], first[row]):
                total -= values[k] * solution[indices[k]]
            for k in range(middle[row] + np.uint32(1), indptr[row + 1]):
                total -= values[k] * solution[indices[k]]
            rest[row] = total


@part
def _restrict(team, bounds, hierarchy):
    """The right-hand side of a level, of which these are the bounds, from the rest of the finer one."""
    indptr, indices, values = hierarchy.down
    right, rest = hierarchy.right, hierarchy.rest
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            total = np.float32(0)
            for k in range(indptr[row], indptr[row + 1]):
                total += values[k] * rest[indices[k]]
            right[row] = total


@part
def _solve_coarsest(team, hierarchy):
    inverse, right, solution = hierarchy.coarsest, hierarchy.right, hierarchy.solution
    start = right.size - inverse.shape[0]
    for row in range(*share(team, inverse.shape[0])):
        total = np.float32(0)
        for column in range(inverse.shape[0]):
            total += inverse[row, column] * right[start + column]
        solution[start + row] = total


@part
def _prolong(team, bounds, hierarchy):
    """Add the coarser level's solution."""
    indptr, indices, values = hierarchy.up
    solution = hierarchy.solution
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            total = np.float32(0)
            for k in range(indptr[row], indptr[row + 1]):
                total += values[k] * solution[indices[k]]
            solution[row] += total


@part
def _take_from_before(team, level, hierarchy):
    """What a sweep takes from before it: minus the couplings within colours, and what stands for them."""
    edges, start = hierarchy.edges, hierarchy.first_edge[level]
    indptr, indices, values, first = hierarchy.indptr, hierarchy.indices, hierarchy.values, hierarchy.first
    added, before, solution = hierarchy.added, hierarchy.before, hierarchy.solution
    for edge in range(*share(team, hierarchy.first_edge[level + 1] - start)):
        row = edges[start + edge]
        total = added[row] * solution[row]
        for k in range(indptr[row], first[row]):
            total -= values[k] * solution[indices[k]]
        before[row] = total


@part
def _sweep_backward(team, bounds, colour, hierarchy):
    indptr, indices, values = hierarchy.indptr, hierarchy.indices, hierarchy.values
    first, middle, inverse = hierarchy.first, hierarchy.middle, hierarchy.inverse
    right, before, solution = hierarchy.right, hierarchy.before, hierarchy.solution
    for pair in range(*share(team, (bounds.size - colour) // 2)):
        block = 2 * pair + colour
        for row in range(bounds[block + 1] - 1, bounds[block] - 1, -1):
            total = right[row] + before[row]
            for k in range(first[row], middle[row]):
                total -= values[k] * solution[indices[k]]
            for k in range(middle[row] + np.uint32(1), indptr[row + 1]):
                total -= values[k] * solution[indices[k]]
            solution[row] = total * inverse[row]
