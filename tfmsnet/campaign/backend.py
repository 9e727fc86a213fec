"""Where a campaign's discharges run: in processes of this machine, or on the workers of a Dask cluster."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
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
_CONNECT_S = 10.0
_WORKERS_S = 60.0


@contextmanager
def workers(backend: str, jobs: int | None) -> Iterator[Run]:
    """A function that calls a function with many arguments in parallel and yields answers as they come.

    Args:
        backend: "loky" for processes of this machine, "dask://HOST:PORT" for the scheduler of a cluster.
        jobs: processes of this machine; None for one per core.  A cluster has what it has.

    Raises:
        UserError: another backend, jobs for a cluster, Dask isn't installed, the cluster doesn't answer or
            has no workers; while it runs: a process of this machine was killed, or the cluster was lost.
    """
    if backend == LOKY:
        yield lambda call, arguments: _run_here(call, arguments, jobs)
        return
    address = _dask_address(backend)
    if jobs is not None:
        raise UserError(f"jobs: {backend} uses all workers of the cluster, found {jobs}; leave jobs out")
    with _connected(address) as client:
        yield lambda call, arguments: _run_there(call, arguments, client)


def _run_here(call: Call, arguments: Sequence[tuple], jobs: int | None) -> Iterator[tuple[int, str | None]]:
    from joblib import Parallel, delayed, parallel_config

    # The cores are taken by the processes.
    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=jobs or -1, return_as="generator_unordered", batch_size=1)
        try:
            yield from parallel(delayed(_numbered)(i, call, given) for i, given in enumerate(arguments))
        except BrokenExecutor:
            raise UserError(
                "a process of the campaign was killed, as happens when memory runs out; call again with "
                "fewer jobs: what is done is kept"
            ) from None


def _numbered(number: int, call: Call, arguments: tuple) -> tuple[int, str | None]:
    return number, call(*arguments)


def _run_there(call: Call, arguments: Sequence[tuple], client: "Client") -> Iterator[tuple[int, str | None]]:
    # Not joblib's backend for Dask: joblib 1.6 waits for ever for a call that killed its workers.
    from dask.distributed import as_completed
    from distributed.scheduler import KilledWorker

    numbers = {client.submit(call, *given, pure=False): i for i, given in enumerate(arguments)}
    for future in as_completed(numbers, loop=client.loop):
        try:
            yield numbers[future], future.result()
        except KilledWorker:
            yield numbers[future], "its workers were killed, as happens when memory runs out; give them more"
        except CancelledError:
            raise UserError(
                f"backend {client.scheduler.addr}: the cluster was lost; call again when it is back: what is "
                "done is kept"
            ) from None


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
