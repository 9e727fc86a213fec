"""tfmsnet export: a SavedModel for TF Serving."""

import click

from tfmsnet.cli.options import PATH


@click.command("export")
@click.argument("run", type=PATH)
@click.argument("out", type=PATH)
def command(run, out):
    """Write the surrogate of RUN as the next version in OUT (the model base path of TF Serving)."""
    from tfmsnet.model.store import DESCRIPTION, load_surrogate
    from tfmsnet.serving.export import export

    click.echo(f"exporting {run}", err=True)
    click.echo(export(load_surrogate(run), run / DESCRIPTION, out))
