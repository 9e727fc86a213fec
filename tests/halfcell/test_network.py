import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.halfcell.network import ConductanceNetwork


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 10_000), nodes=st.integers(2, 12))
def test_matrix_is_the_laplacian_and_currents_follow_ohms_law(seed, nodes):
    rng = np.random.default_rng(seed)
    pairs = np.argwhere(np.triu(rng.random((nodes, nodes)) < 0.5, 1))
    network = ConductanceNetwork(nodes, pairs[:, 0], pairs[:, 1])
    conductance, ground = rng.uniform(0.1, 10, len(pairs)), rng.uniform(0, 1, nodes)
    matrix = network.matrix(conductance, ground).toarray()
    expected = np.diag(ground)
    for (tail, head), value in zip(pairs, conductance, strict=True):
        expected[[tail, head], [tail, head]] += value
        expected[[tail, head], [head, tail]] -= value
    np.testing.assert_allclose(matrix, expected, rtol=1e-14)
    potential = rng.normal(size=nodes)
    leaving = (
        network.injection(network.flow(conductance, potential, np.zeros(network.edges))) + ground * potential
    )
    np.testing.assert_allclose(matrix @ potential, leaving, atol=1e-12)


def test_values_are_renewed_in_place():
    network = ConductanceNetwork(2, np.array([0]), np.array([1]))
    first = network.matrix(np.array([1.0]), np.zeros(2))
    second = network.matrix(np.array([3.0]), np.zeros(2))
    assert second is first
    assert second.toarray().tolist() == [[3.0, -3.0], [-3.0, 3.0]]


def test_a_pair_joined_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        ConductanceNetwork(2, np.array([0, 1]), np.array([1, 0]))
