"""Many discharges: which electrodes at which C-rates, in parallel, resumable, one sample file each."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfmsnet.electrode import PhaseImage, Recipe, check_dischargeable, generate
from tfmsnet.errors import UserError
from tfmsnet.halfcell import DischargeFailed, Parameters, simulate
from tfmsnet.records.hdf5 import write_sample
from tfmsnet.records.sample import Sample

AM_WT_PERCENT = (85.0, 90.0, 95.0)
CALENDERING_PERCENT = (0.0, 10.0, 20.0)
RECIPES = tuple(itertools.product(AM_WT_PERCENT, CALENDERING_PERCENT))


@dataclass(frozen=True)
class Task:
    """One discharge to be made.

    Attributes:
        name: of the sample file, without ending.
        source: the electrode, or the recipe that makes it.
        c_rate: 1/h.
    """

    name: str
    source: Recipe | PhaseImage
    c_rate: float


def recipe_campaign(
    design: str, geometries: int | None, size: Sequence[int], c_rates: Sequence[float], seed: int
) -> list[Task]:
    """Tasks for generated electrodes.

    Args:
        design: "paper": the 9 recipes of the paper's table 2 in turn; "random": recipes drawn from them.
        geometries: how many electrodes; None for 9.
        size: voxels (x, y, z).
        c_rates: 1/h; every electrode is discharged at each.
        seed: of the packings and of the draw.
    """
    count = len(RECIPES) if geometries is None else geometries
    if design == "paper":
        chosen = [RECIPES[i % len(RECIPES)] for i in range(count)]
    elif design == "random":
        chosen = [RECIPES[i] for i in np.random.default_rng(seed).integers(len(RECIPES), size=count)]
    else:
        raise UserError(f"design: expected 'paper' or 'random', found {design!r}")
    recipes = [
        Recipe(am, calendering, tuple(size), seed=seed * 100_000 + i)
        for i, (am, calendering) in enumerate(chosen)
    ]
    return [
        Task(_name(recipe, rate), recipe, rate) for recipe in recipes for rate in checked_c_rates(c_rates)
    ]


def _name(recipe: Recipe, c_rate: float) -> str:
    grid = "x".join(str(n) for n in recipe.size)
    return (
        f"am{recipe.am_wt_percent:g}_cal{recipe.calendering_percent:g}_{grid}_seed{recipe.seed}_{c_rate:g}C"
    )


def image_campaign(image: PhaseImage, name: str, c_rates: Sequence[float]) -> list[Task]:
    """Tasks for one electrode that is there already.

    Raises:
        UserError: the image can't be discharged (see `check_dischargeable`).
    """
    check_dischargeable(image)
    return [Task(f"{name}_{rate:g}C", image, rate) for rate in checked_c_rates(c_rates)]


def checked_c_rates(c_rates: Sequence[float]) -> tuple[float, ...]:
    """The C-rates, if they can be simulated.

    Raises:
        UserError: none, one that isn't a positive number, or one twice.
    """
    for rate in c_rates:
        if not (math.isfinite(rate) and rate > 0):
            raise UserError(f"C-rate: expected a number above 0, found {rate:g}")
    if not c_rates or len(set(c_rates)) < len(c_rates):
        raise UserError(f"C-rates: expected some that differ, found {list(c_rates)}")
    return tuple(c_rates)


def discharge_all(
    tasks: Sequence[Task],
    out: str | Path,
    *,
    parameters: Parameters | None = None,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[str]:
    """Make every sample of a campaign that isn't there yet, in parallel processes.

    Args:
        tasks: what to discharge.
        out: directory of the samples.
        parameters: of the cell; None for the defaults.
        jobs: processes; None for one per core.
        progress: called with the fraction done after each discharge.

    Returns:
        One line per discharge that failed, with its name and reason; the others are there.
    """
    from joblib import Parallel, delayed, parallel_config

    out = Path(out)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: expected a directory for the samples, found a file")
    out.mkdir(parents=True, exist_ok=True)
    missing = [task for task in tasks if not _file(task, out).is_file()]
    done, failures = len(tasks) - len(missing), []
    # One BLAS thread a process: two are three times slower, and the cores are taken by the processes.
    with parallel_config(backend="loky", inner_max_num_threads=1):
        results = Parallel(n_jobs=jobs or -1, return_as="generator_unordered")(
            delayed(_discharge)(task, _file(task, out), parameters or Parameters()) for task in missing
        )
        for failure in results:
            done += 1
            failures += [failure] if failure else []
            if progress:
                progress(done / len(tasks))
    return failures


def _file(task: Task, out: Path) -> Path:
    return out / f"{task.name}.h5"


def _discharge(task: Task, path: Path, parameters: Parameters) -> str | None:
    """Make one sample; returns why it couldn't be made."""
    try:
        image = generate(task.source) if isinstance(task.source, Recipe) else task.source
        discharge = simulate(image, task.c_rate, parameters)
        write_sample(Sample.from_discharge(discharge), path)
    except (DischargeFailed, UserError) as error:
        return f"{task.name}: {error}"
    return None
