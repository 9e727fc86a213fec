"""Where a campaign's discharges run: in processes of this machine, or on the workers of a Dask cluster."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tfmsnet.errors import UserError

if TYPE_CHECKING:
    from dask.distributed import Client

LOKY = "loky"
# A call answers why it failed, None when it didn't; it is told apart by its number.
Call = Callable[..., str | None]
Run = Callable[[Call, Sequence[tuple]], Iterator[tuple[int, str | None]]]
KILLED = "its process was killed, as happens when memory runs out; give it more, or take fewer voxels"
# What numerical libraries read when a process begins.
_THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
_CONNECT_S = 10.0
_WORKERS_S = 60.0


@contextmanager
def workers(backend: str, jobs: int | None, threads: int = 1) -> Iterator[Run]:
    """A function that calls a function with many arguments in parallel and yields answers as they come.

    Args:
        backend: "loky" for processes of this machine, "dask://HOST:PORT" for the scheduler of a cluster.
        jobs: processes of this machine; None for all cores.  A cluster has what it has.
        threads: cores that each process may take.

    Raises:
        UserError: another backend, jobs for a cluster, Dask isn't installed, the cluster doesn't answer or
            has no workers; while it runs: the cluster was lost, or its workers.
    """
    if backend == LOKY:
        yield lambda call, arguments: _run_here(call, arguments, jobs, threads)
        return
    address = _dask_address(backend)
    if jobs is not None:
        raise UserError(f"jobs: {backend} uses all workers of the cluster, found {jobs}; leave jobs out")
    with _connected(address) as client:
        yield lambda call, arguments: _run_there(call, arguments, client)


def _run_here(
    call: Call, arguments: Sequence[tuple], jobs: int | None, threads: int
) -> Iterator[tuple[int, str | None]]:
    from joblib import cpu_count

    jobs = jobs or max(1, cpu_count() // threads)
    if jobs == 1:
        yield from ((number, call(*given)) for number, given in enumerate(arguments))
        return
    waiting, suspects = deque(range(len(arguments))), deque()
    while waiting or suspects:
        # What was at work when a process was killed is tried once more, by itself, so that it is known which.
        alone, running = bool(suspects), {}
        numbers = deque([suspects.popleft()]) if alone else waiting
        try:
            yield from _in_processes(call, arguments, numbers, 1 if alone else jobs, threads, running)
        except BrokenExecutor:
            if alone:
                yield running.popitem()[1], KILLED
            suspects += sorted(running.values())


def _in_processes(
    call: Call,
    arguments: Sequence[tuple],
    numbers: deque[int],
    jobs: int,
    threads: int,
    running: dict[Future, int],
) -> Iterator[tuple[int, str | None]]:
    """Take numbers from the left and answer them; `running` holds those at work, also after a failure.

    Raises:
        BrokenExecutor: a process was killed.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    # The cores are taken by the processes; what threads they have are the simulator's.
    environment = {**dict.fromkeys(_THREADS, "1"), "NUMBA_NUM_THREADS": str(threads)}
    pool = ProcessPoolExecutor(jobs, env=environment, initializer=_die_with, initargs=(os.getpid(),))
    try:
        while numbers or running:
            while numbers and len(running) < jobs:
                running[pool.submit(call, *arguments[numbers[0]])] = numbers[0]
                numbers.popleft()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda future: isinstance(future.exception(), BrokenExecutor)):
                answer = future.result()
                yield running.pop(future), answer
    finally:
        pool.shutdown(kill_workers=True)


def _die_with(parent: int) -> None:
    """End this process soon after its parent has been killed."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run_there(call: Call, arguments: Sequence[tuple], client: "Client") -> Iterator[tuple[int, str | None]]:
    # Not joblib's backend for Dask: joblib 1.6 waits for ever for a call that killed its workers.
    from dask.distributed import as_completed
    from distributed.scheduler import KilledWorker

    numbers = {client.submit(call, *given, pure=False): i for i, given in enumerate(arguments)}
    completed = as_completed(numbers, loop=client.loop)
    while not completed.is_empty():
        _wait_for_ready(completed, client)
        future = next(completed)
        try:
            yield numbers[future], future.result()
        except KilledWorker:
            yield numbers[future], KILLED
        except CancelledError:
            raise UserError(
                f"backend {client.scheduler.addr}: the cluster was lost; call again when it is back: what is "
                "done is kept"
            ) from None


def _wait_for_ready(completed, client: "Client") -> None:
    """Wait until something is ready; a UserError where no worker has been there for long."""
    seen_s = time.monotonic()
    while not completed.has_ready():
        time.sleep(0.05)
        if client.scheduler_info(n_workers=1)["workers"]:
            seen_s = time.monotonic()
        elif time.monotonic() - seen_s > _WORKERS_S:
            raise UserError(
                f"backend {client.scheduler.addr}: all its workers are gone, for {_WORKERS_S:g} s by now; "
                "start some and call again: what is done is kept"
            )


def _dask_address(backend: str) -> str:
    """ "dask://host:8786" -> "host:8786"."""
    try:
        parts = urlsplit(backend)
        if parts.scheme == "dask" and parts.hostname and parts.port and not parts.path.strip("/"):
            return parts.netloc
    except ValueError:  # a port that is no number
        pass
    raise UserError(f"backend: expected loky or dask://HOST:PORT, found {backend!r}")


def _connected(address: str) -> "Client":
    try:
        from dask.distributed import Client
    except ImportError:
        raise UserError(
            f"backend dask://{address}: Dask isn't installed; install it with pip install 'tfmsnet[cluster]'"
        ) from None
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"backend dask://{address}: no scheduler answers ({reason}); check host and port"
        ) from None
    try:
        client.wait_for_workers(1, timeout=_WORKERS_S)
    except TimeoutError:
        client.close()
        raise UserError(
            f"backend dask://{address}: no worker within {_WORKERS_S:g} s; start some: dask worker {address}"
        ) from None
    return client
