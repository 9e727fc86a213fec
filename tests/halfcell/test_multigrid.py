import numpy as np
import pytest

from halfcell_checks import conduction
from tfmsnet.halfcell import threads
from tfmsnet.halfcell.multigrid import Multigrid, conjugate_gradients


@pytest.mark.parametrize("robust", [False, True])
def test_random_two_phase_image_agrees_with_a_direct_solver(robust):
    assert conduction.error_in_a_random_image(robust) < 1e-8


def test_layers_across_conduct_in_series():
    assert conduction.error_of_layers_in_series() < 1e-9


def test_layers_along_conduct_in_parallel():
    assert conduction.error_of_layers_in_parallel() < 1e-9


@pytest.fixture
def laplacian():
    conductivity = np.where(np.random.default_rng(1).random((14, 14, 14)) < 0.5, 0.01, 1.0)
    return conduction.conduction(conductivity)[0]


@pytest.mark.parametrize("shortest", [10_000, 64])
def test_cycle_is_linear_symmetric_and_positive(laplacian, shortest, monkeypatch):
    monkeypatch.setattr(threads, "_SHORTEST", shortest)  # one block, and eight
    cycle, rng = Multigrid(laplacian), np.random.default_rng(2)
    one, other = rng.normal(size=(2, laplacian.shape[0]))
    assert one @ cycle(other) == pytest.approx(other @ cycle(one), rel=1e-4)
    assert one @ cycle(one) > 0
    np.testing.assert_allclose(cycle(1e-20 * one), 1e-20 * cycle(one), rtol=1e-3)
    assert not cycle(np.zeros_like(one)).any()


def test_a_good_conductor_cut_by_blocks_converges_as_fast(monkeypatch):
    """Without the couplings to other blocks on the diagonal a sweep would only swap the two sides' errors."""
    conductivity = np.full((16, 12, 12), 0.01)
    conductivity[1::4, 2::5, 2::5] = conductivity[2::4, 2::5, 2::5] = 16.0  # pairs along x
    matrix, right = conduction.conduction(conductivity)
    counts = []
    for blocks in (1, 8):
        monkeypatch.setattr(threads, "_BLOCKS", blocks)
        monkeypatch.setattr(threads, "_SHORTEST", 64)
        limits = (np.inf, 1e-10 * right.max(), 200)
        counts.append(conjugate_gradients(matrix, right, 0 * right, Multigrid(matrix), *limits)[1])
    assert counts[1] <= 1.3 * counts[0] + 1


def test_building_is_repeatable_and_leaves_random_numbers_alone(laplacian):
    np.random.seed(5)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    right = np.ones(laplacian.shape[0])
    assert (Multigrid(laplacian)(right) == Multigrid(laplacian)(right)).all()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_running_out_of_iterations_is_reported(laplacian):
    right = np.ones(laplacian.shape[0])
    _, count = conjugate_gradients(laplacian, right, 0 * right, Multigrid(laplacian), 0.0, 0.0, 3)
    assert count == 4
