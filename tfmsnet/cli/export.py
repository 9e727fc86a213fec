"""tfmsnet export: a SavedModel for TF Serving."""

import click

from tfmsnet.cli.options import PATH
from tfmsnet.serving.quantities import MAX_VOXELS


@click.command("export")
@click.argument("run", type=PATH)
@click.argument("out", type=PATH)
@click.option(
    "--max-voxels",
    type=click.IntRange(1),
    default=MAX_VOXELS,
    show_default=True,
    help="Most voxels of a request, the whole batch counted; larger ones are refused.",
)
@click.option(
    "--profile",
    is_flag=True,
    help="Add a signature for a C-rate that changes with time. A model that was trained at constant current "
    "extrapolates there.",
)
def command(run, out, max_voxels, profile):
    """Write the surrogate of RUN as the next version in OUT (the model base path of TF Serving).

    The version appears when it is complete, so a server may poll OUT all the while.
    """
    from tfmsnet.predictors.store import DESCRIPTION, load_surrogate
    from tfmsnet.serving import warmup
    from tfmsnet.serving.export import export

    click.echo(f"exporting {run}", err=True)
    click.echo(export(load_surrogate(run), run / DESCRIPTION, out, max_voxels=max_voxels, profile=profile))
    if not warmup.available():
        click.echo(
            "no warm-up requests: they need tensorflow-serving-api (pip install 'tfmsnet[serving]'); the "
            "first request of each signature will be slow",
            err=True,
        )
