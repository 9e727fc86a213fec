"""tfmsnet describe: what an electrode's image is like."""

import click

from tfmsnet.cli.options import PATH, image_options, read_image_with


@click.command("describe")
@click.argument("image", type=PATH)
@click.option("--png", type=PATH, help="Write slices of the image here.")
@image_options
def command(image, png, **reading):
    """Print volume fractions, surface areas, tortuosity, percolation and particle sizes of IMAGE."""
    from tfmsnet.electrode import describe, plot_slices

    electrode = read_image_with(image, reading)
    click.echo(describe(electrode))
    if png:
        plot_slices(electrode, png)
        click.echo(png)
