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
def command(run, out, max_voxels):
    """Write the model of RUN as the next version in OUT (the model base path of TF Serving).

    RUN is a run of `tfmsnet train`, its best/, or cathode, the package's own model.  The version appears when
    it is complete, so a server may poll OUT all the while.
    """
    from tfmsnet.predictors.store import DESCRIPTION, directory_of, load_predictor
    from tfmsnet.serving.export import can_warm_up, export

    run = directory_of(run)
    click.echo(f"exporting {run}", err=True)
    click.echo(export(load_predictor(run), run / DESCRIPTION, out, max_voxels=max_voxels))
    if not can_warm_up():
        click.echo(
            "no warm-up requests: they need tensorflow-serving-api (pip install 'tfmsnet[serving]'); the "
            "first request of each signature will be slow",
            err=True,
        )
