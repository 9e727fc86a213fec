"""tfmsnet evaluate: scores of a run beside the baselines."""

from pathlib import Path

import click

from tfmsnet.cli.options import PATH
from tfmsnet.cli.progress import progress_bar
from tfmsnet.errors import UserError


@click.command("evaluate")
@click.argument("run", type=PATH)
@click.argument("records", type=PATH)
@click.option("--out", required=True, type=PATH, help="Directory for the report.")
@click.option(
    "--compare",
    multiple=True,
    metavar="NAME=RUN",
    help="Score another run beside it, such as direct=run-direct; repeatable.",
)
def command(run, records, out, compare):
    """Score RUN on the test geometries of RECORDS, which it never saw.

    The 0-D cell, persistence and a linear regression on the image stand beside it in every table.  Writes
    report.html, metrics.json, metrics.csv and the figures into OUT.
    """
    from tfmsnet.evaluation.report import evaluate
    from tfmsnet.evaluation.surrogate import SurrogatePredictor
    from tfmsnet.predictors.config import describe_network
    from tfmsnet.predictors.store import load_predictor
    from tfmsnet.records import Split

    test = Split(records, "test")
    first = load_predictor(run)
    models = {describe_network(first.config): SurrogatePredictor(first)}
    for name, path in (_parsed(text) for text in compare):
        if name in models:
            raise click.BadParameter(f"--compare: the name {name!r} is taken; choose another")
        models[name] = SurrogatePredictor(load_predictor(path))
        _check_held_out(path, test)
    _check_held_out(run, test)
    with progress_bar("evaluating") as progress:
        report = evaluate(models, Split(records, "train"), Split(records, "test"), out, progress=progress)
    click.echo(report.table())
    click.echo(f"{out / 'report.html'}")


def _check_held_out(run: Path, test) -> None:
    """Refuse to score a run on geometries that it was trained on (another split of the same data)."""
    from tfmsnet.files import read_json

    trained_on = set(read_json(run / "run.json", "a training run").get("train_geometries", []))
    seen = sorted({sample["geometry_id"] for sample in test.manifest.samples("test")} & trained_on)
    if seen:
        raise UserError(
            f"{run}: was trained on {len(seen)} of the test geometries ({seen[0]}); score it on the records "
            "that it was trained from, or on others without them"
        )


def _parsed(text: str) -> tuple[str, Path]:
    name, sign, run = text.partition("=")
    if not sign or not name or not run:
        raise click.BadParameter(f"--compare: expected NAME=RUN, found {text!r}")
    return name, Path(run)
