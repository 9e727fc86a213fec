"""Steady conduction through an image, by the half-cell's network and by an independent direct solution."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from tfmsnet.halfcell.grid import join_cells, number_cells
from tfmsnet.halfcell.multigrid import Multigrid, conjugate_gradients
from tfmsnet.halfcell.network import ConductanceNetwork

_VOXEL_M = 0.5e-6
_MOST_ITERATIONS = 60


def conduction(conductivity: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Matrix and right-hand side: 1 V on the bottom of z, 0 V on its top, conductivity (x, y, z) in S/m."""
    number = number_cells(conductivity > 0)
    faces = join_cells(number, conductivity, np.full(conductivity.shape[2], _VOXEL_M), _VOXEL_M)
    network = ConductanceNetwork(number.max() + 1, faces.tails, faces.heads)
    bottom, top = np.zeros(network.nodes), np.zeros(network.nodes)
    for plane, ends in ((0, bottom), (-1, top)):
        cells = number[:, :, plane]
        ends[cells[cells >= 0]] = 2 * _VOXEL_M * conductivity[:, :, plane][cells >= 0]
    return network.matrix(faces.weight, bottom + top), bottom


def solve(matrix: sparse.csr_matrix, right: np.ndarray, robust: bool = False) -> np.ndarray:
    """By the half-cell's multigrid, which must not need many iterations."""
    solution, iterations = conjugate_gradients(
        matrix,
        right,
        np.zeros_like(right),
        Multigrid(matrix, robust),
        np.inf,
        1e-11 * right.max(),
        _MOST_ITERATIONS,
    )
    if iterations > _MOST_ITERATIONS:
        raise RuntimeError(f"conduction: not solved in {_MOST_ITERATIONS} iterations")
    return solution


def direct_solution(conductivity: np.ndarray) -> np.ndarray:
    """The potential of every voxel in V, the same equations assembled voxel by voxel, by SuperLU."""
    shape = conductivity.shape
    matrix = sparse.lil_matrix((conductivity.size,) * 2)
    right = np.zeros(conductivity.size)
    for here in np.ndindex(shape):
        i = np.ravel_multi_index(here, shape)
        for axis in range(3):
            there = tuple(np.add(here, np.eye(3, dtype=int)[axis]))
            if there[axis] < shape[axis]:
                j = np.ravel_multi_index(there, shape)
                one, other = conductivity[here], conductivity[there]
                value = _VOXEL_M * 2 * one * other / (one + other)
                matrix[i, i] += value
                matrix[j, j] += value
                matrix[i, j] = matrix[j, i] = -value
        if here[2] in (0, shape[2] - 1):
            matrix[i, i] += 2 * _VOXEL_M * conductivity[here]
            right[i] += 2 * _VOXEL_M * conductivity[here] * (here[2] == 0)
    return spsolve(matrix.tocsc(), right)


def error_in_a_random_image(robust: bool = False) -> float:
    """Largest difference of the two solutions, V over 1 V, in a random image of two phases."""
    conductivity = np.where(np.random.default_rng(0).random((8, 9, 12)) < 0.4, 0.01, 16.0)
    matrix, bottom = conduction(conductivity)
    return float(np.abs(solve(matrix, bottom, robust) - direct_solution(conductivity)).max())


def effective_conductivity(conductivity: np.ndarray) -> float:
    """Along z, S/m."""
    matrix, bottom = conduction(conductivity)
    current = bottom @ (1 - solve(matrix, bottom))
    width, depth, height = conductivity.shape
    return float(current * height / (width * depth * _VOXEL_M))


def error_of_layers_in_series() -> float:
    """Of the effective conductivity across layers, relative to the harmonic mean."""
    layers = np.where(np.arange(12) % 3 == 0, 0.05, 2.0)
    expected = 1 / np.mean(1 / layers)
    return abs(effective_conductivity(np.broadcast_to(layers, (6, 6, 12))) / expected - 1)


def error_of_layers_in_parallel() -> float:
    """Of the effective conductivity along layers, relative to the arithmetic mean."""
    layers = np.where(np.arange(9) % 3 == 0, 0.05, 2.0)
    along = np.broadcast_to(layers[:, None, None], (9, 6, 8))
    return abs(effective_conductivity(along) / np.mean(layers) - 1)
