"""tfmsnet seal: checksums for a model of an older version."""

import click

from tfmsnet.cli.options import PATH


@click.command("seal")
@click.argument("model", type=PATH)
def command(model):
    """Give MODEL, made by an older version, the checksums without which no command takes a model.

    MODEL is a run of `tfmsnet train`, its best/, or a SavedModel of `tfmsnet export`.  Do it where you know
    that nothing has changed since it was made: damage from before is found only where the model can't be
    loaded any more or isn't finite.
    """
    from tfmsnet.serving.local import seal

    click.echo(f"{seal(model)}: sealed")
