"""tfmsnet calibrate: how far off the answers of a run's network may be."""

import click

from tfmsnet.cli.options import PATH, RECORDS, must_be_there
from tfmsnet.progress import progress_bar


@click.command("calibrate")
@click.argument("run", type=PATH)
@click.argument("records", type=PATH)
def command(run, records):
    """Find how far off the answers of RUN may be, from the validation electrodes of RECORDS.

    RUN is a run of `tfmsnet train`, or its best/.  Nine of ten answers are to be nearer to the simulator, for
    electrodes and loads like those: what predict, exported models and their clients then say with each.
    `tfmsnet train` does it at its end where the records keep enough electrodes for the validation.
    """
    must_be_there(records, RECORDS)
    from tfmsnet.serving.calibration import calibrate

    with progress_bar("calibrating") as progress:
        errors = calibrate(run, records, progress=progress)
    click.echo(said(run, errors))


def said(run, errors: dict[str, float]) -> str:
    """The line for people."""
    known = f"{errors['samples']} discharges of {errors['geometries']} electrodes"
    return (
        f"{run}: nine of ten answers are to be within {1e3 * errors['voltage_v']:.2g} mV and a VRMSE of "
        f"{errors['concentration_vrmse']:.2g} ({known})"
    )
