"""Every model and every baseline on every held-out sample, as one directory to look at."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from operator import length_hint
from pathlib import Path

import tfmsnet
from tfmsnet.errors import UserError
from tfmsnet.evaluation.candidates import Candidate, Fields, Persistence, ZeroDimensional
from tfmsnet.evaluation.page import Pictures, report_page
from tfmsnet.evaluation.regression import LinearRegression
from tfmsnet.evaluation.scores import Scores, jsonable, score
from tfmsnet.evaluation.tables import Tables
from tfmsnet.files import read_json, replacing, replacing_directory, write_json, write_text
from tfmsnet.records.sample import Sample

FORMAT = "tfmsnet-report"
METRICS = "metrics.json"
BASELINES = (LinearRegression.name, ZeroDimensional.name, Persistence.name)


@dataclass(frozen=True)
class Report:
    """What an evaluation found.

    Attributes:
        path: the report's directory: report.html, metrics.json, metrics.csv, figures.
        tables: scores gathered per load; `tables.losses()` tells where the model is beaten.
    """

    path: Path
    tables: Tables

    @property
    def cases(self) -> tuple[Scores, ...]:
        """The scores of every predictor on every sample."""
        return tuple(self.tables.cases)

    def table(self) -> str:
        """Plain text for the terminal: median (worst) per load; * marks the best."""
        return self.tables.text()


def evaluate(
    models: Mapping[str, Candidate],
    train: Iterable[Sample],
    test: Iterable[Sample],
    out_dir: str | Path,
    progress: Callable[[float], None] | None = None,
    baselines: Mapping[str, Candidate] | None = None,
) -> Report:
    """Score models and baselines, and write a report.

    Args:
        models: name -> predictor; the first is the model that is judged, others are compared with it.
        train: the training samples, read once, to fit the linear regression.
        test: the held-out samples, read once, one in memory at a time.
        out_dir: a new or empty directory, or that of an earlier report, which is replaced.
        progress: called with the fraction done after each sample, when `test` knows its length.
        baselines: name -> further ones, beside the linear regression, the 0-D cell and persistence.

    Raises:
        UserError: no model, a model named as a baseline, no samples, a held-out electrode that is in the
            training samples too, or a directory that holds something else.
    """
    out_dir = Path(out_dir)
    _check_names(models, baselines or {})
    _check_replaceable(out_dir)
    advance = _counter(progress, length_hint(test, 0))
    with replacing_directory(out_dir.absolute(), over=True) as folder:
        trained_on: set[str] = set()
        regression = LinearRegression().fit(_noting_geometry(train, trained_on))
        usual = {known.name: known for known in (regression, ZeroDimensional(), Persistence())}
        predictors = {**models, **(baselines or {}), **usual}
        pictures, cases = Pictures(models, folder), []
        for sample in test:
            _check_held_out(sample, trained_on)
            drawn: dict[str, Fields] = {}
            for name, predictor in predictors.items():
                predicted = predictor(sample)
                cases.append(score(name, sample, predicted))
                if name in models and pictures.wants(sample):
                    drawn[name] = predicted
            if drawn:
                pictures.look(sample, drawn)
            advance()
        if not cases:
            raise UserError("evaluate: no held-out samples; expected at least one")
        tables = Tables(tuple(cases), tuple(predictors))
        pictures.finish(tables)
        _write(folder, tables, pictures.made)
        _check_replaceable(out_dir)
    return Report(out_dir, tables)


def _counter(progress: Callable[[float], None] | None, total: int) -> Callable[[], None]:
    done = count(1)

    def advance() -> None:
        if progress and total:
            progress(min(1.0, next(done) / total))

    return advance


def _check_names(models: Mapping[str, Candidate], baselines: Mapping[str, Candidate]) -> None:
    if not models:
        raise UserError("evaluate: no model; expected at least one")
    taken = [name for name in models if name in (*BASELINES, *baselines)]
    if taken:
        raise UserError(f"evaluate: a model is named {taken[0]!r} as a baseline is; give it another name")


def _noting_geometry(samples: Iterable[Sample], seen: set[str]) -> Iterator[Sample]:
    for sample in samples:
        seen.add(sample.geometry_id)
        yield sample


def _check_held_out(sample: Sample, trained_on: set[str]) -> None:
    if sample.geometry_id in trained_on:
        raise UserError(
            f"evaluate: electrode {sample.geometry_id} is held out and in the training samples; "
            "split the samples by geometry"
        )


def _write(folder: Path, tables: Tables, figures: Mapping[str, tuple[str, bytes]]) -> None:
    cases = tables.cases
    content = {
        "format": FORMAT,
        "version": tfmsnet.__version__,
        "model": tables.names[0],
        "predictors": list(tables.names),
        "headline": jsonable(tables.as_dict()),
        "losses": [jsonable({**loss._asdict(), "column": loss.column.key}) for loss in tables.losses()],
        "cases": [case.as_dict() for case in cases],
    }
    write_json(folder / METRICS, content)
    with replacing(folder / "metrics.csv") as partial, partial.open("w", newline="") as file:
        names = ("model", "sample_id", "geometry_id", "c_rate", "load")
        writer = csv.writer(file)
        writer.writerow([*names, *cases[0].summary()])
        for case in cases:
            writer.writerow([*(getattr(case, name) for name in names), *case.summary().values()])
    write_text(folder / "report.html", report_page(tables, figures))


def read_headline(folder: str | Path) -> tuple[str, dict]:
    """The model that a report judges, and its headline: see `Tables.as_dict`.

    Raises:
        UserError: no report, or one of an earlier version.
    """
    content = read_json(Path(folder) / METRICS, "a report")
    if content.get("format") != FORMAT or "headline" not in content:
        raise UserError(f"{folder}: expected a report of this version's `tfmsnet evaluate`; make it again")
    return content["model"], content["headline"]


def _check_replaceable(out_dir: Path) -> None:
    if not out_dir.exists():
        return
    if out_dir.is_dir() and (not any(out_dir.iterdir()) or _is_report(out_dir)):
        return
    raise UserError(f"{out_dir}: exists and is no earlier report; choose another name or remove it")


def _is_report(folder: Path) -> bool:
    try:
        return read_json(folder / METRICS, "a report").get("format") == FORMAT
    except UserError:
        return False
