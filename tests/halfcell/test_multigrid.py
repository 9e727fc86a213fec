import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from tfmsnet.halfcell.grid import join_cells, number_cells
from tfmsnet.halfcell.multigrid import Multigrid, conjugate_gradients
from tfmsnet.halfcell.network import Network

VOXEL_M = 0.5e-6


def conduction(conductivity):
    """Matrix, right-hand side and bottom conductances: 1 V on the bottom of z, 0 V on its top."""
    number = number_cells(conductivity > 0)
    faces = join_cells(number, conductivity, np.full(conductivity.shape[2], VOXEL_M), VOXEL_M)
    network = Network(number.max() + 1, faces.tails, faces.heads)
    bottom, top = np.zeros(network.nodes), np.zeros(network.nodes)
    for plane, ends in ((0, bottom), (-1, top)):
        cells = number[:, :, plane]
        ends[cells[cells >= 0]] = 2 * VOXEL_M * conductivity[:, :, plane][cells >= 0]
    return network.matrix(faces.weight, bottom + top), bottom


def solve(matrix, right, robust=False):
    solution, iterations = conjugate_gradients(
        matrix, right, np.zeros_like(right), Multigrid(matrix, robust), np.inf, 1e-11 * right.max(), 200
    )
    assert iterations < 60
    return solution


def reference_matrix(conductivity):
    """The same system, assembled voxel by voxel."""
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
                value = VOXEL_M * 2 * one * other / (one + other)
                matrix[i, i] += value
                matrix[j, j] += value
                matrix[i, j] = matrix[j, i] = -value
        if here[2] in (0, shape[2] - 1):
            matrix[i, i] += 2 * VOXEL_M * conductivity[here]
            right[i] += 2 * VOXEL_M * conductivity[here] * (here[2] == 0)
    return matrix.tocsc(), right


@pytest.mark.parametrize("robust", [False, True])
def test_random_two_phase_image_agrees_with_a_direct_solver(robust):
    rng = np.random.default_rng(0)
    conductivity = np.where(rng.random((8, 9, 12)) < 0.4, 0.01, 16.0)
    matrix, bottom = conduction(conductivity)
    expected = spsolve(*reference_matrix(conductivity))
    assert np.abs(solve(matrix, bottom, robust) - expected).max() < 1e-8


def effective_conductivity(conductivity):
    matrix, bottom = conduction(conductivity)
    current = bottom @ (1 - solve(matrix, bottom))
    width, depth, height = conductivity.shape
    return current * height / (width * depth * VOXEL_M)


def test_layers_across_conduct_in_series():
    layers = np.where(np.arange(12) % 3 == 0, 0.05, 2.0)
    conductivity = np.broadcast_to(layers, (6, 6, 12))
    assert effective_conductivity(conductivity) == pytest.approx(1 / np.mean(1 / layers), rel=1e-9)


def test_layers_along_conduct_in_parallel():
    layers = np.where(np.arange(9) % 3 == 0, 0.05, 2.0)
    conductivity = np.broadcast_to(layers[:, None, None], (9, 6, 8))
    assert effective_conductivity(conductivity) == pytest.approx(np.mean(layers), rel=1e-9)


@pytest.fixture
def laplacian():
    conductivity = np.where(np.random.default_rng(1).random((14, 14, 14)) < 0.5, 0.01, 1.0)
    return conduction(conductivity)[0]


def test_cycle_is_linear_symmetric_and_positive(laplacian):
    cycle, rng = Multigrid(laplacian), np.random.default_rng(2)
    one, other = rng.normal(size=(2, laplacian.shape[0]))
    assert one @ cycle(other) == pytest.approx(other @ cycle(one), rel=1e-4)
    assert one @ cycle(one) > 0
    np.testing.assert_allclose(cycle(1e-20 * one), 1e-20 * cycle(one), rtol=1e-3)
    assert not cycle(np.zeros_like(one)).any()


def test_building_is_repeatable_and_leaves_random_numbers_alone(laplacian):
    np.random.seed(5)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    right = np.ones(laplacian.shape[0])
    assert (Multigrid(laplacian)(right) == Multigrid(laplacian)(right)).all()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_running_out_of_iterations_is_reported(laplacian):
    right = np.ones(laplacian.shape[0])
    _, count = conjugate_gradients(laplacian, right, 0 * right, lambda residual: residual, 0.0, 0.0, 3)
    assert count == 4
