"""Loops that several threads of a process may share, with the same bits for any number of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType

import numba
import numpy as np

# Vectors are worked on in blocks, each by one thread and with a sum of its own: most, and the shortest.
_BLOCKS, _SHORTEST = 8, 8192
_state = threading.local()
# Numba's own threads serve one caller at a time.
_busy = threading.Lock()


@numba.njit(cache=True)
def total_of(parts: np.ndarray) -> float:
    """Their sum, one after the other: within a kernel numba would share `parts.sum()`, too."""
    total = 0.0
    for part in parts:
        total += part
    return total


class kernel:
    """A function compiled by numba for one thread, and for several that share its `prange` loops.

    These must not depend on their order; sums are those of `blocks`, added by `total_of`.
    """

    def __init__(self, function: Callable) -> None:
        self._serial = numba.njit(cache=True)(function)
        # Under another name: numba's cache doesn't tell the two apart.
        shared = FunctionType(function.__code__, function.__globals__, f"{function.__name__}_shared")
        shared.__qualname__ = shared.__name__
        shared.__module__ = function.__module__
        self._shared = numba.njit(cache=True, parallel=True)(shared)

    def __call__(self, *arguments):
        return (self._shared if getattr(_state, "shared", False) else self._serial)(*arguments)


def blocks(size: int) -> np.ndarray:
    """(blocks + 1,) where the blocks of a vector begin and end, whatever the number of threads."""
    count = max(1, min(_BLOCKS, size // _SHORTEST))
    return np.linspace(0, size, count + 1).astype(np.int64)


@contextmanager
def sharing(threads: int) -> Iterator[None]:
    """Kernels called within are shared by so many threads, at most numba's (NUMBA_NUM_THREADS).

    A thread of the caller waits here while another one's kernels are shared.
    """
    threads = min(threads, numba.config.NUMBA_NUM_THREADS)
    if threads <= 1:
        yield
        return
    with _busy:
        if numba.config.THREADING_LAYER == "default":
            numba.config.THREADING_LAYER = "workqueue"  # comes with numba, and processes may fork after it
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        _state.shared = True
        try:
            yield
        finally:
            _state.shared = False
            numba.set_num_threads(before)
