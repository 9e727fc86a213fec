"""tfmsnet evaluate: scores of a model beside the baselines."""

import json

import click

from tfmsnet.cli.options import PATH, RECORDS, json_option, must_be_there
from tfmsnet.progress import progress_bar


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
    "--reduced/--no-reduced",
    default=True,
    show_default=True,
    help="Whether both reduced models stand beside the scores; on large images they take longer than a "
    "network.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(0, min_open=True),
    default=120.0,
    show_default=True,
    help="How long to wait for a server's answer.",
)
@json_option
def command(model, records, out, compare, reduced, timeout_s, as_json):
    """Score MODEL on the test geometries of RECORDS, which it never saw.

    MODEL is a run, its best/, a SavedModel of `tfmsnet export`, porous-electrode or resolved-particles
    (reduced models), or a server, grpc://HOST:PORT/NAME or http://HOST:PORT/NAME.  The 0-D cell, persistence
    and a linear regression on the image stand beside it in every table.  Writes report.html, metrics.json,
    metrics.csv and the figures into OUT.
    """
    must_be_there(records, RECORDS)
    from tfmsnet.api import evaluate
    from tfmsnet.serving.local import load_model

    sources = {}
    for name, source in (_parsed(text) for text in compare):
        if name in sources:
            raise click.BadParameter(f"--compare: the name {name!r} is taken; choose another")
        sources[name] = load_model(source, timeout_s=timeout_s)
    judged = load_model(model, timeout_s=timeout_s)
    with progress_bar("evaluating") as progress:
        report = evaluate(
            judged,
            records,
            out,
            compare=sources,
            reduced=reduced,
            progress=progress,
            warn=lambda text: click.echo(f"warning: {text}", err=True),
        )
    click.echo(json.dumps(report.tables.as_dict(), indent=1) if as_json else report.table())
    click.echo(out / "report.html", err=as_json)


def _parsed(text: str) -> tuple[str, str]:
    name, sign, source = text.partition("=")
    if not sign or not name or not source:
        raise click.BadParameter(f"--compare: expected NAME=MODEL, found {text!r}")
    return name, source
