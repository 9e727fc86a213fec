"""tfmsnet demo: the main job in some minutes."""

from pathlib import Path

import click

from tfmsnet.cli.options import PATH
from tfmsnet.progress import progress_bar


@click.command("demo")
@click.option("--out", type=PATH, default=Path("demo"), show_default=True, help="Directory for all it makes.")
def command(out):
    """Electrodes, simulations, records, training, scores, SavedModel and a prediction, in small.

    Takes some minutes on two cores and needs no network.  Interrupted, the same command continues.
    """
    from tfmsnet.demo import run_demo

    run_demo(out, click.echo, progress_bar)
