"""tfmsnet evaluate: scores of a run beside the baselines."""

from pathlib import Path

import click

from tfmsnet.cli.options import PATH
from tfmsnet.cli.progress import progress_bar


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
    from tfmsnet.model.store import load_surrogate
    from tfmsnet.records import Split

    runs = {"AR-MSNet" if _is_autoregressive(run) else "MSNet": run, **dict(_parsed(c) for c in compare)}
    models = {name: SurrogatePredictor(load_surrogate(path)) for name, path in runs.items()}
    with progress_bar("evaluating") as progress:
        report = evaluate(models, Split(records, "train"), Split(records, "test"), out, progress=progress)
    click.echo(report.table())
    click.echo(f"{out / 'report.html'}")


def _is_autoregressive(run: Path) -> bool:
    from tfmsnet.model.store import load_surrogate

    return load_surrogate(run).config.autoregressive


def _parsed(text: str) -> tuple[str, Path]:
    name, sign, run = text.partition("=")
    if not sign or not name or not run:
        raise click.BadParameter(f"--compare: expected NAME=RUN, found {text!r}")
    return name, Path(run)
