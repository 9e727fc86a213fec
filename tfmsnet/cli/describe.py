"""tfmsnet describe: what an electrode's image is like."""

import json

import click

from tfmsnet.cli.options import PATH, cell_of, image_options, json_option, parameters_options, read_image_with


@click.command("describe")
@click.argument("image", type=PATH)
@click.option("--png", type=PATH, help="Write slices of the image here.")
@json_option
@parameters_options
@image_options
def command(image, png, as_json, parameters, temperature_c, **reading):
    """Print what IMAGE is like: volume fractions, areas, tortuosity, percolation, particle sizes, and 1C."""
    from tfmsnet.electrode.describe import BYTES_PER_VOXEL, describe
    from tfmsnet.materials import one_c_a_m2
    from tfmsnet.plots import plot_slices

    cell = cell_of(parameters, temperature_c).parameters
    electrode = read_image_with(image, reading, None, BYTES_PER_VOXEL)
    description, one_c = describe(electrode), one_c_a_m2(electrode, cell) / 10
    if as_json:
        click.echo(json.dumps({**description.as_dict(), "one_c_ma_cm2": one_c}, indent=1))
    else:
        click.echo(f"{description}\n1C is {one_c:.4g} mA/cm2")
    if png:
        plot_slices(electrode, png)
        click.echo(png, err=as_json)
