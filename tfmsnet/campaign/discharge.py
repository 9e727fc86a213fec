"""All discharges of a campaign: in parallel, resumable, one sample file each."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from tfmsnet.campaign.backend import LOKY, workers
from tfmsnet.campaign.task import Failure, Task
from tfmsnet.electrode import PhaseImage, Recipe, check_dischargeable, generate
from tfmsnet.errors import UserError
from tfmsnet.files import remove_leftovers
from tfmsnet.halfcell import Discharge, DischargeFailed, Parameters, simulate
from tfmsnet.memory import require_memory
from tfmsnet.records.hdf5 import read_header, write_sample
from tfmsnet.records.sample import Sample

# Of a simulation, about.
BYTES_PER_VOXEL = 1600
_BYTES_PER_FRAME = 8  # of each voxel: both fields, float32


def discharge_all(
    tasks: Sequence[Task],
    out: str | Path,
    *,
    parameters: Parameters | None = None,
    min_cbd_percolation: float | None = None,
    backend: str = LOKY,
    jobs: int | None = None,
    threads: int = 1,
    progress: Callable[[float, str], None] | None = None,
) -> list[Failure]:
    """Make every sample of a campaign that isn't there yet.

    The same task gives the same bits wherever it runs.  What a discharge that fails on its way has made is
    kept beside the samples, as NAME_until_SECONDSs.h5, marked as not complete.

    Args:
        tasks: what to discharge.
        out: directory of the samples; with a cluster, on a file system that all of its workers share.
        parameters: of the cell; None for the defaults.
        min_cbd_percolation: electrodes with a smaller share of their CBD, 0 to 1, joined to the foil through
            CBD alone are refused, each a failure; None refuses none.
        backend, jobs: where and in how many processes, see `workers`.
        threads: that share each discharge; the samples are the same to the last bit.
        progress: called with the fraction of this call's work that is done and with a note of how many of all
            samples are there and how many failed: at the start and after each discharge.

    Returns:
        The discharges that failed, in the order of the tasks; the others are there.

    Raises:
        UserError: a sample of a task's name is there but isn't the task's, `out` is no directory, two tasks
            of one name, or as `workers` does.
    """
    out, parameters = Path(out).absolute(), parameters or Parameters()  # workers stand in other directories
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: expected a directory for the samples, found a file")
    missing = _missing(tasks, out, parameters)
    if out.is_dir():
        remove_leftovers(out)
    failures: dict[str, Failure] = {}

    def say(finished: int) -> None:
        if progress:
            there = len(tasks) - len(missing) + finished - len(failures)
            note = f"{there} of {len(tasks)} done, {len(failures)} failed"
            progress(finished / len(missing) if missing else 1.0, note)

    say(0)
    if missing:
        with workers(backend, jobs, threads) as run:
            out.mkdir(parents=True, exist_ok=True)
            arguments = [
                (task, _file(task, out), parameters, min_cbd_percolation, threads) for task in missing
            ]
            for finished, (number, reason) in enumerate(run(_discharge, arguments), 1):
                name = missing[number].name
                if reason is None and not (out / f"{name}.h5").is_file():
                    reason = (
                        f"a worker wrote it, but it isn't in {out}: expected a directory that workers share"
                    )
                if reason is not None:
                    failures[name] = Failure(name, reason)
                say(finished)
    return [failures[task.name] for task in tasks if task.name in failures]


def _file(task: Task, out: Path) -> Path:
    return out / f"{task.name}.h5"


def _missing(tasks: Sequence[Task], out: Path, parameters: Parameters) -> list[Task]:
    """Tasks without a sample; a UserError when the sample of a task is another one's."""
    name, count = Counter(task.name for task in tasks).most_common(1)[0]
    if count > 1:
        raise UserError(
            f"{name}: {count} discharges would write this sample; give electrodes names that differ"
        )
    missing = []
    for task in tasks:
        path = _file(task, out)
        if path.is_file() and path.stat().st_size:  # of none are files that a power cut left
            _check_kept(path, task, parameters)
        else:
            missing.append(task)
    return missing


def _check_kept(path: Path, task: Task, parameters: Parameters) -> None:
    kept, another = read_header(path), None
    if isinstance(task.source, PhaseImage) and kept.geometry_id != task.source.geometry_id:
        another = "another electrode"
    elif kept.parameters != parameters:
        another = "a cell of other parameters"
    elif kept.load is not None and kept.load.digest != task.load.digest:
        another = "another load"
    if another:
        raise UserError(f"{path}: is there already, but of {another}; remove it or choose another directory")


def _discharge(
    task: Task, path: Path, parameters: Parameters, min_cbd_percolation: float | None, threads: int
) -> str | None:
    """Make one sample; returns why it couldn't be made."""
    try:
        _make(task, path, parameters, min_cbd_percolation, threads)
    except DischargeFailed as error:
        return f"{error}{_kept(error.partial, path)}"
    except UserError as error:
        return str(error)
    except OSError as error:  # a full disk: others may still go
        return f"{path.parent}: {error.strerror or error}"
    except MemoryError as error:
        return f"out of memory: {error}"
    return None


def _make(
    task: Task, path: Path, parameters: Parameters, min_cbd_percolation: float | None, threads: int
) -> None:
    shape = task.source.size if isinstance(task.source, Recipe) else task.source.shape
    voxels, frames = math.prod(shape), task.load.known_frames
    require_memory(
        (BYTES_PER_VOXEL + _BYTES_PER_FRAME * frames) * voxels,
        f"{voxels:.3g} voxels, {frames} frames",
        "fewer voxels or frames, or fewer jobs",
    )
    # Sums of several BLAS threads round otherwise than one's; and two are slower here.
    with threadpool_limits(1, user_api="blas"):
        image = generate(task.source) if isinstance(task.source, Recipe) else task.source
        check_dischargeable(image, min_cbd_percolation)
        discharge = simulate(image, task.load, parameters, threads=threads)
    write_sample(Sample.from_discharge(discharge), path)
    for partial in _partials(path):
        partial.unlink(missing_ok=True)


def _partials(path: Path) -> list[Path]:
    """What earlier calls that failed have kept of a sample."""
    return [file for file in path.parent.glob("*_until_*s.h5") if file.name.startswith(f"{path.stem}_until_")]


def _kept(partial: Discharge | None, path: Path) -> str:
    """Write what there is of a discharge that failed; returns what to say of it."""
    if partial is None:
        return ""
    for earlier in _partials(path):
        earlier.unlink(missing_ok=True)
    until_s = partial.times_s[-1]
    kept = path.with_name(f"{path.stem}_until_{until_s:{'.0f' if until_s >= 10 else '.3g'}}s.h5")
    try:
        write_sample(Sample.from_discharge(partial), kept)
    except OSError as error:
        return f"; its {len(partial.times_s)} frames couldn't be kept: {error}"
    return f"; its {len(partial.times_s)} frames are in {kept.name}"
