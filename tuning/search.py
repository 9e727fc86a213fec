"""A search from beginning to end: a directory that holds all of it, and that a later call continues."""

import contextlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import check_name, full_disk_named, replacing, write_json
from tfmsnet.records.manifest import FILE as MANIFEST
from tfmsnet.records.manifest import Manifest, open_manifest
from tfmsnet.seals import sha256
from tfmsnet.training.config import RunConfig
from tfmsnet.tuning.board import describe_space
from tfmsnet.tuning.dimension import Dimension
from tfmsnet.tuning.oracles import TUNERS, make_oracle
from tfmsnet.tuning.results import Row, check_search, read_rows, write_csv
from tfmsnet.tuning.space import Budget, Space
from tfmsnet.tuning.tuner import DEAD_AFTER_S, Heartbeats, Repeated, Stopped, SurrogateTuner

ORACLE_IP, ORACLE_PORT, TUNER_ID = (f"KERASTUNER_{n}" for n in ("ORACLE_IP", "ORACLE_PORT", "TUNER_ID"))
CHIEF = "chief"


@dataclass(frozen=True)
class Plan:
    """What to search and how.

    Attributes:
        base: configuration that the points change; its steps are the longest trial's.
        dimensions: of the space; see `tfmsnet.tuning.dimension.parse`.
        tuner: one of `TUNERS`.
        trials: at most; of "bayesian" and "random".
        factor: by which Hyperband thins out its trials and lengthens them.
        budget: of each trial.
        seed: of the draws of points.
    """

    base: RunConfig
    dimensions: tuple[Dimension, ...]
    tuner: str = "hyperband"
    trials: int = 20
    factor: int = 3
    budget: Budget = field(default_factory=Budget)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tuner not in TUNERS:
            raise UserError(f"tuner: expected one of {', '.join(TUNERS)}, found {self.tuner!r}")
        if self.trials < 1 or self.factor < 2:
            raise UserError(
                f"expected at least 1 trial and a factor of at least 2, found {self.trials} and {self.factor}"
            )

    @property
    def epochs(self) -> int:
        """Of the longest trial."""
        return self.base.training.steps // self.base.training.steps_per_epoch


def make_space(records: Path, plan: Plan) -> Space:
    """The space of a plan on some records.

    Raises:
        UserError: no validation split, nothing to search, or nothing that fits.
    """
    manifest = open_manifest(records)
    _check_records(records, manifest, plan)
    return Space.of(plan.base, plan.dimensions, manifest, plan.budget)


def search(
    records: str | Path,
    out: str | Path,
    plan: Plan,
    *,
    report: Callable[[str], None] = print,
    dead_after_s: float = DEAD_AFTER_S,
) -> list[Row]:
    """Search, or go on with a search that was interrupted.

    OUT holds search.json, trials/ (KerasTuner's state and a run directory per trial), tensorboard/, and
    when done trials.csv, pareto.png and best.json, the configuration that `tfmsnet train --config` takes.
    Under KerasTuner's three environment variables this process is the chief or one of its workers.

    Args:
        records: records directory with a validation split.
        out: directory of the search; with workers one that all of them see.
        plan: what to search and how.
        report: called with a line after each trial.
        dead_after_s: seconds without a sign of life after which a worker is given up.

    Returns:
        The trials, best first; none in a worker.

    Raises:
        UserError: records, space or directory that can't be used.
        Interrupted: by SIGINT or SIGTERM; the same call continues.
        RunFailed: no trial came to a score, or too many failed one after the other.
    """
    records, out = Path(records), Path(out)
    check_name(out)
    role = _role()
    space = make_space(records, plan)
    _claim(out, records, plan)
    if role in ("alone", CHIEF):
        with full_disk_named(out):
            describe_space(space, out / "tensorboard")
    oracle = make_oracle(
        plan.tuner, space, epochs=plan.epochs, factor=plan.factor, trials=plan.trials, seed=plan.seed
    )
    with contextlib.redirect_stdout(io.StringIO()):  # KerasTuner tells that it reloads
        tuner = SurrogateTuner(oracle, space, records, out, plan.budget.minutes, report)
    if role != "worker":
        tuner.save()  # so that a kill in the first trial finds something to go on with
    with _signs_of_life(role, tuner, oracle, out, report, dead_after_s):
        _search(tuner)
    return [] if role == "worker" else _finish(out, space, oracle)


def _search(tuner: SurrogateTuner) -> None:
    try:
        tuner.search(verbose=0)
    except Stopped as stop:
        tuner.release()
        raise stop.cause from None
    except KeyboardInterrupt:
        tuner.release()
        raise


def _finish(out: Path, space: Space, oracle) -> list[Row]:
    rows = read_rows(out, space)
    complete = [row for row in rows if row.is_complete]
    write_csv(rows, out / "trials.csv")
    if oracle.failing or not complete:
        reason = next((row.note for row in rows if row.status == "FAILED"), "no trial was made")
        raise RunFailed(f"{out}: {'too many trials' if complete else 'all trials'} failed ({reason})")
    from tfmsnet.plots.style import png
    from tfmsnet.tuning.results import pareto_figure

    with replacing(out / "pareto.png") as partial:
        partial.write_bytes(png(pareto_figure(rows)))
    space.config(complete[0].point).save(out / "best.json")
    return rows


def _role() -> str:
    """ "alone", "chief" or "worker", from KerasTuner's environment variables."""
    given = [name for name in (ORACLE_IP, ORACLE_PORT, TUNER_ID) if os.environ.get(name)]
    if not given or given == [TUNER_ID]:
        return "alone"
    if len(given) < 3:
        raise UserError(
            f"expected all of {ORACLE_IP}, {ORACLE_PORT} and {TUNER_ID} in the environment, found "
            f"{', '.join(given)}"
        )
    return CHIEF if CHIEF in os.environ[TUNER_ID] else "worker"


def _signs_of_life(role: str, tuner: SurrogateTuner, oracle, out: Path, report, dead_after_s: float):
    if role == "alone":
        return contextlib.nullcontext()
    beats = Heartbeats(out / "workers")
    name = tuner.tuner_id
    if role == "worker":
        return Repeated(lambda: beats.beat(name))

    def look():
        beats.beat(name)
        for trial_id in oracle.bury(lambda worker: beats.silent_s(worker, name) > dead_after_s):
            report(f"trial {trial_id}: its worker has been silent for {dead_after_s:g} s and is given up")

    return Repeated(look)


def _check_records(records: Path, manifest: Manifest, plan: Plan) -> None:
    if not manifest.samples("validation"):
        raise UserError(
            f"{records}: split 'validation' is empty, so there is nothing to judge trials by; write the "
            "records with another --split, such as --split 1/2"
        )


def _claim(out: Path, records: Path, plan: Plan) -> None:
    """Make the directory, or check that it holds this very search."""
    path = out / "search.json"
    content = {
        "config": plan.base.as_dict(),
        "space": sorted(map(str, plan.dimensions)),
        **{name: getattr(plan, name) for name in ("tuner", "trials", "factor", "seed")},
        "budget": asdict(plan.budget),
        "manifest_sha256": sha256(records / MANIFEST),
    }
    if path.is_file():
        check_search(path, content)
        return
    foreign = [p.name for p in out.iterdir() if p.name != "workers"] if out.is_dir() else []
    if (out.exists() and not out.is_dir()) or any(not name.endswith(".partial") for name in foreign):
        raise UserError(
            f"{out}: expected a new or empty directory, or a search to continue; choose another --out"
        )
    write_json(path, content)


def check_plan_keys(keys: Sequence[str], dimensions: Sequence[Dimension]) -> None:
    """Refuse a key that is both set and searched, and one that is searched twice.

    Raises:
        UserError: names it.
    """
    names = [dimension.name for dimension in dimensions]
    for name in names:
        if names.count(name) > 1 or name in {key.rpartition(".")[2] for key in keys}:
            raise UserError(f"--space {name}: given twice; give it once, in --space or in --set")
