"""The uptake: conservation, a sphere's closed form, SciPy's sparse solution, independence of the batch."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.sparse.linalg import spsolve

from tfmsnet.features.surface import reacting_area
from tfmsnet.features.uptake import uptake

LENGTHS = (2.0, 5.0, 12.0)


def solved(am, lengths=LENGTHS):
    am = tf.constant(am)
    return uptake(am, reacting_area(am), lengths).numpy()


@settings(deadline=None, max_examples=20)
@given(am=hnp.arrays(np.bool_, st.tuples(*[st.integers(3, 8)] * 3)))
def test_all_of_the_lithium_arrives_and_only_in_the_am(am):
    found = solved(am[None])[0]
    assert not found[~am].any()
    if am.any():
        assert np.abs(found[am].mean(0)).max() < 1e-5 * max(1.0, np.abs(found).max())


def test_a_sphere_takes_up_as_in_closed_form():
    centre, radius, length = 15.5, 11.0, 4.0
    position = np.indices((32, 32, 32)) - centre
    r = np.sqrt((position**2).sum(0))
    am = r < radius
    found = solved(am[None], (length,))[0, ..., 0][am]
    profile = np.sinh(r[am] / length) / r[am]
    expected = profile / profile.mean() - 1
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.1 * expected.std()


def test_it_is_the_sparse_solution(rng):
    am = rng.random((10, 9, 12)) < 0.7
    area = reacting_area(tf.constant(am[None])).numpy()[0][am].astype(np.float64)
    found = solved(am[None])[0][am]
    for i, length in enumerate(LENGTHS):
        u = spsolve(_operator(am, length), area)
        expected = u / u.mean() - 1
        assert np.sqrt(np.mean((found[:, i] - expected) ** 2)) < 0.03 * expected.std()


def test_a_sample_does_not_depend_on_the_rest_of_its_batch(rng):
    batch = np.stack([rng.random((8, 8, 12)) < fraction for fraction in (0.2, 0.9, 0.6)])
    together = solved(batch)
    for i in range(3):
        np.testing.assert_allclose(solved(batch[i : i + 1])[0], together[i], atol=1e-4)


def _operator(am, length):
    numbers = np.full(am.shape, -1)
    numbers[am] = np.arange(am.sum())
    tails, heads = [], []
    for axis in range(3):
        low = numbers.take(range(am.shape[axis] - 1), axis)
        high = numbers.take(range(1, am.shape[axis]), axis)
        joined = (low >= 0) & (high >= 0)
        tails.append(low[joined])
        heads.append(high[joined])
    tails, heads = np.concatenate(tails), np.concatenate(heads)
    links = sparse.coo_matrix((np.ones(len(tails)), (tails, heads)), (am.sum(), am.sum()))
    return sparse.eye(am.sum()) + length**2 * sparse.csgraph.laplacian(links + links.T)
