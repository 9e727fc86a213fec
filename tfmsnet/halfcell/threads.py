"""Kernels that a team of threads works on together, with the same bits for any number of them."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic

# Vectors are worked on in blocks, each by one thread and with a sum of its own: most, and the shortest.
_BLOCKS, _SHORTEST = 8, 4096
# Looks at a barrier before a thread gives its core to others, some microseconds of them.
_PATIENCE = 20_000
# Of a team's state: how many have arrived at the barrier, how often all have, whether one has failed; each in
# a cache line of its own.  Numba keeps what it compiled for as long as a kernel's own file stays as it is:
# whoever changes barriers here removes __pycache__, lest old ones meet new ones.
_ARRIVED, _PASSED, _FAILED, _STATE = 0, 16, 32, 48
_state = threading.local()


def blocks(size: int) -> np.ndarray:
    """(blocks + 1,) where the blocks of a vector begin and end, whatever the number of threads."""
    count = max(1, min(_BLOCKS, size // _SHORTEST))
    return np.linspace(0, size, count + 1).astype(np.int64)


# A function that kernels call with their place in the team.
part = numba.njit(cache=True, nogil=True, error_model="numpy")


class kernel:
    """A function compiled by numba that all threads of a team call at once, with the same arrays.

    Its first argument is the caller's place in the team.  Each thread works on its `share` of the blocks;
    what others have written may be read after the next `wait`.  Sums are those of `blocks`, added by
    `total_of`, and so don't depend on the number of threads.  Outside of `sharing` the caller is a team of
    its own.
    """

    def __init__(self, function: Callable) -> None:
        self._compiled = part(function)

    def __call__(self, *arguments):
        team = getattr(_state, "team", None)
        if team is None:
            return self._compiled((0, 1, _NOBODY), *arguments)
        return team.call(self._compiled, arguments)


_NOBODY = np.zeros(_STATE, np.int64)


class _Team:
    """Threads that wait for kernels to work on with their caller."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._state = np.zeros(_STATE, np.int64)
        self._errors: list[BaseException] = []
        self._posts = [queue.SimpleQueue() for _ in range(size - 1)]
        try:
            for number, posts in enumerate(self._posts):
                # A daemon: it mustn't keep a program from ending.
                threading.Thread(target=self._work, args=(number + 1, posts), daemon=True).start()
        except BaseException:  # as many as the system has are running
            self.end()
            raise

    def call(self, compiled: Callable, arguments: tuple):
        """Its answer to the caller, once all have done their share."""
        try:
            for posts in self._posts:
                posts.put((compiled, arguments))
            answer = self._take_part(0, compiled, arguments)
        except BaseException:
            self._state[_FAILED] = 1  # nobody waits for a thread that has left
            raise
        if self._state[_FAILED]:
            raise RuntimeError("a thread that shared a kernel has failed") from next(iter(self._errors), None)
        return answer

    def end(self) -> None:
        """Let the threads go."""
        for posts in self._posts:
            posts.put(None)

    def _work(self, number: int, posts: queue.SimpleQueue) -> None:
        while (post := posts.get()) is not None:
            try:
                self._take_part(number, *post)
            except BaseException as error:
                self._errors.append(error)
                self._state[_FAILED] = 1
            del post  # its arrays

    def _take_part(self, number: int, compiled: Callable, arguments: tuple):
        place = (number, self._size, self._state)
        answer = compiled(place, *arguments)
        wait(place)
        return answer


@contextmanager
def sharing(threads: int) -> Iterator[None]:
    """Kernels that this thread calls within are shared by so many threads.

    At most eight, and as many as numba may use (NUMBA_NUM_THREADS; by itself it counts the cores that the
    process may run on, but not a container's quota): a thread that waits keeps its core busy.
    """
    threads = min(threads, _BLOCKS, numba.config.NUMBA_NUM_THREADS)
    if threads <= 1 or numba.config.DISABLE_JIT:  # atomic counters are compiled ones
        yield
        return
    before, _state.team = getattr(_state, "team", None), _Team(threads)
    try:
        yield
    finally:
        _state.team.end()
        _state.team = before


def _alone() -> None:
    """A process that was forked has none of its parent's threads."""
    _state.team = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone)


@intrinsic
def _add(typing, array, place, value):
    """array[place] += value, by one thread at a time; what it was."""

    def generate(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    return numba.int64(array, numba.intp, numba.int64), generate


@intrinsic
def _look(typing, array, place):
    """array[place] as it is now, and with it all that was written before."""

    def generate(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "seq_cst", 8)

    return numba.int64(array, numba.intp), generate


def _pointer(context, builder, signature, arguments):
    kind = signature.args[0]
    array = context.make_array(kind)(context, builder, arguments[0])
    return cgutils.get_item_pointer(context, builder, kind, array, [arguments[1]])


if sys.platform == "win32":

    @numba.njit
    def _give_way():
        return 0
else:
    _give_way = numba.types.ExternalFunction("sched_yield", numba.types.int32())


@part
def wait(team):
    """Until all threads of a team are here, or one has failed."""
    _, size, state = team
    if size == 1:
        return
    before = _look(state, _PASSED)
    if _add(state, _ARRIVED, 1) == size - 1:
        _add(state, _ARRIVED, -size)
        _add(state, _PASSED, 1)
        return
    looks = 0
    while _look(state, _PASSED) == before and _look(state, _FAILED) == 0:
        looks += 1
        if looks > _PATIENCE:
            _give_way()


@part
def share(team, count):
    """Where this thread's part of so many begins and ends."""
    number, size, _ = team
    return number * count // size, (number + 1) * count // size


@part
def total_of(parts: np.ndarray) -> float:
    """Their sum, one after the other."""
    total = 0.0
    for number in parts:
        total += number
    return total


@part
def largest_of(parts: np.ndarray) -> float:
    """The largest of them, 0 at least."""
    largest = 0.0
    for number in parts:
        largest = max(largest, number)
    return largest
