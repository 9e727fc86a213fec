"""tfmsnet export: a SavedModel for TF Serving."""

import click

from tfmsnet.cli.options import PATH, cell_of, parameters_options
from tfmsnet.progress import note
from tfmsnet.serving.quantities import MAX_GIB, MAX_VOXELS


@click.command("export")
@click.argument("model")
@click.argument("out", type=PATH)
@click.option(
    "--max-voxels",
    type=click.IntRange(1),
    help="Most voxels of a request, the whole batch counted; larger ones are refused.  "
    f"[default: {MAX_VOXELS}; a SavedModel's own]",
)
@click.option(
    "--max-gib",
    type=click.FloatRange(0, min_open=True),
    help="Most memory that an answer may take, GiB, as estimated from voxels, frames and fields; more is "
    f"refused.  [default: {MAX_GIB:g}; a SavedModel's own]",
)
@click.option(
    "--report",
    type=PATH,
    help="Of `tfmsnet evaluate` on this model: its scores go into the model card.",
)
@parameters_options
def command(model, out, max_voxels, max_gib, report, parameters, temperature_c):
    """Write MODEL as the next version in OUT (the model base path of TF Serving).

    MODEL is a run of `tfmsnet train`, its best/, or a SavedModel of an earlier export, which is taken over as
    it is; or porous-electrode or resolved-particles, which need no training and take the cell's parameters
    and the voxels' edge as inputs (--parameters and --temperature-c are their defaults).  The version appears
    when it is complete, so a server may poll OUT all the while.
    """
    from tfmsnet.serving.saved_model import can_warm_up, export

    note(f"exporting {model}")
    given = parameters or temperature_c is not None
    cell = cell_of(parameters, temperature_c).parameters if given else None
    click.echo(export(model, out, max_voxels=max_voxels, max_gib=max_gib, parameters=cell, report=report))
    if not can_warm_up():
        note(
            "no warm-up requests: they need tensorflow-serving-api (pip install 'tfmsnet[serving]'); the "
            "first request of each signature will be slow"
        )
