"""Threads that share a discharge: the same bits, and none in each other's way."""

import os
import subprocess
import sys
import threading
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
    # Two at once, each with a team of its own.
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


@threads.kernel
def _turns(team, bounds, values, sums, rounds):
    """Each block becomes the sum of all, plus one, so many times."""
    for _ in range(rounds):
        for block in range(*threads.share(team, bounds.size - 1)):
            sums[block] = 0.0
            for place in range(bounds[block], bounds[block + 1]):
                sums[block] += values[place]
        threads.wait(team)
        total = threads.total_of(sums)
        for block in range(*threads.share(team, bounds.size - 1)):
            for place in range(bounds[block], bounds[block + 1]):
                values[place] = 1.0 + total / values.size
        threads.wait(team)
    return values[0]


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_all_see_what_the_others_wrote_before_they_waited(number, monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 8)
    values, rounds = np.zeros(64), 300
    with threads.sharing(number):
        first = _turns(np.arange(0, 65, 8), values, np.empty(8), rounds)
    assert first == rounds
    assert (values == rounds).all()


@threads.kernel
def _failing(team, who):
    if team[0] == who:
        raise ValueError("wrong")
    threads.wait(team)


@pytest.mark.parametrize(("who", "error"), [(0, ValueError), (1, RuntimeError)])
def test_a_thread_that_fails_leaves_nobody_waiting(who, error, monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    with threads.sharing(2), pytest.raises(error):
        _failing(who)
    with threads.sharing(2):
        _failing(2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_that_is_forked_meanwhile_works_alone():
    """In a process of its own: TensorFlow's threads don't like forks."""
    code = """
import os, warnings
import numpy as np
from tfmsnet.halfcell import threads
from tfmsnet.halfcell.properties import values
from tfmsnet.materials.functions import Function

warnings.simplefilter("ignore", DeprecationWarning)
line = Function((1.0, 2.0))
with threads.sharing(2):
    values(line, np.ones(3), 1.0)
    child = os.fork()
    if not child:
        os._exit(0 if (values(line, np.ones(3), 1.0) == 3.0).all() else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert done.stdout == "0\n"


def test_no_thread_is_left_behind(monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    before = set(threading.enumerate())
    with threads.sharing(2):
        (helper,) = set(threading.enumerate()) - before
    helper.join(10)
    assert not helper.is_alive()
