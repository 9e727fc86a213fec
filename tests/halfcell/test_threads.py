"""Threads that share a discharge: the same bits, and none in each other's way."""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import simulate, threads
from tfmsnet.load import At, CRate, End, Load

LOAD = Load((CRate(1.0, End(time_s=100)),), At((50.0, 100.0)))


@pytest.fixture
def electrode(monkeypatch):
    """One that has several blocks."""
    monkeypatch.setattr(threads, "_SHORTEST", 64)
    return generate(Recipe(90, 10, (12, 12, 16), seed=1))


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="numba has one thread")
def test_the_answer_is_the_same_to_the_last_bit(electrode):
    alone = simulate(electrode, LOAD)
    # Two at once: they wait for each other.
    with ThreadPoolExecutor(2) as pool:
        for shared in pool.map(lambda number: simulate(electrode, LOAD, threads=number), (2, 2, 1)):
            assert (shared.voltage_v == alone.voltage_v).all()
            assert (shared.concentration == alone.concentration).all()
            assert (shared.potential == alone.potential).all()


def test_blocks_don_t_depend_on_who_works_on_them():
    for size in (0, 1, 8191, 20_000, 10**6):
        bounds = threads.blocks(size)
        assert bounds[0] == 0
        assert bounds[-1] == size
        assert (np.diff(bounds) >= min(size, threads._SHORTEST)).all()
