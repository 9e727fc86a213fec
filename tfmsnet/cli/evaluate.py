"""tfmsnet evaluate: scores of a model beside the baselines."""

import click

from tfmsnet.cli.options import PATH
from tfmsnet.cli.progress import progress_bar
from tfmsnet.errors import UserError


@click.command("evaluate")
@click.argument("model")
@click.argument("records", type=PATH)
@click.option("--out", required=True, type=PATH, help="Directory for the report.")
@click.option(
    "--compare",
    multiple=True,
    metavar="NAME=MODEL",
    help="Score another model beside it, such as direct=run-direct; repeatable.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(0, min_open=True),
    default=120.0,
    show_default=True,
    help="How long to wait for a server's answer.",
)
def command(model, records, out, compare, timeout_s):
    """Score MODEL on the test geometries of RECORDS, which it never saw.

    MODEL is a run, its best/, a SavedModel of `tfmsnet export`, cathode (the package's own model), or a
    server, grpc://HOST:PORT/NAME or http://HOST:PORT/NAME.  The 0-D cell, persistence and a linear regression
    on the image stand beside it in every table.  Writes report.html, metrics.json, metrics.csv and the
    figures into OUT.
    """
    from tfmsnet.evaluation.report import evaluate
    from tfmsnet.predictors.config import describe_network
    from tfmsnet.records import Split
    from tfmsnet.serving.local import load_model
    from tfmsnet.serving.scored import Scored

    test = Split(records, "test")
    models = {}
    for name, source in [("", model), *(_parsed(text) for text in compare)]:
        loaded = load_model(source, timeout_s=timeout_s)
        _check_held_out(source, loaded, test)
        name = name or describe_network(loaded.network)
        if name in models:
            raise click.BadParameter(f"--compare: the name {name!r} is taken; choose another")
        models[name] = Scored(loaded)
    with progress_bar("evaluating") as progress:
        report = evaluate(models, Split(records, "train"), test, out, progress=progress)
    click.echo(report.table())
    click.echo(f"{out / 'report.html'}")


def _check_held_out(source: str, model, test) -> None:
    """Refuse to score a model on geometries that it was trained on (another split of the same data)."""
    seen = model.train_geometries
    if seen is None:
        click.echo(
            f"warning: {source}: which electrodes it was trained on isn't recorded; it may have seen these",
            err=True,
        )
        return
    known = sorted({sample["geometry_id"] for sample in test.manifest.samples("test")} & set(seen))
    if known:
        raise UserError(
            f"{source}: was trained on {len(known)} of the test geometries ({known[0]}); score it on the "
            "records that it was trained from, or on others without them"
        )


def _parsed(text: str) -> tuple[str, str]:
    name, sign, source = text.partition("=")
    if not sign or not name or not source:
        raise click.BadParameter(f"--compare: expected NAME=MODEL, found {text!r}")
    return name, source
