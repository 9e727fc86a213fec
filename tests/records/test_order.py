"""The order of the stream: every record equally often, one grid a batch, a function of the place alone."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.records.order import Order

A, B, C = (6, 6, 8), (8, 6, 10), (4, 4, 4)


def records(order, count, start=0):
    at = tf.data.Dataset.range(start, start + count).map(order.record_at)
    return [int(record) for record in at.as_numpy_iterator()]


@settings(max_examples=6, deadline=None)
@given(
    grids=st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=7),
    batch_size=st.integers(1, 3),
    seed=st.integers(0, 2**31 - 1),
)
def test_batches_hold_one_grid_and_every_record_comes_equally_often(grids, batch_size, seed):
    cycle = len(grids) * batch_size
    found = np.array(records(Order.of(grids, batch_size, seed), 2 * cycle))
    for batch in found.reshape(-1, batch_size):
        assert len({grids[record] for record in batch}) == 1
    for half in (found[:cycle], found[cycle:]):
        assert Counter(half) == dict.fromkeys(range(len(grids)), batch_size)


def test_a_pass_is_a_permutation_and_the_next_is_another():
    found = np.array(records(Order.of([A] * 6, 4, 3), 60)).reshape(10, 6)
    assert all(sorted(one) == list(range(6)) for one in found)
    assert len({tuple(one) for one in found}) > 5


def test_each_record_stands_everywhere_equally_often():
    order = Order.of([A] * 4, 1, 0)
    found = np.array(records(order, 4 * 600)).reshape(600, 4)
    for column in found.T:
        # 150 expected each, standard deviation 10.6
        assert all(abs(count - 150) < 55 for count in Counter(column).values())


@pytest.mark.parametrize("start", [1, 5, 17])
def test_it_is_the_same_from_any_place(start):
    order = Order.of([A, B, A, A, B], 2, 7)
    assert records(order, 30)[start:] == records(order, 30 - start, start)


def test_the_seed_decides():
    assert records(Order.of([A] * 8, 1, 1), 16) != records(Order.of([A] * 8, 1, 2), 16)


def test_workers_that_keep_to_their_files_take_turns_within_a_batch():
    grids, owners = [A, A, B, A, A, B], [0, 0, 0, 1, 1, 1]
    found = np.array(records(Order.of(grids, 2, 5, owners), 48)).reshape(-1, 2)
    assert all([owners[record] for record in batch] == [0, 1] for batch in found)
    assert all(len({grids[record] for record in batch}) == 1 for batch in found)
    assert set(Counter(found.ravel()).values()) == {8}
