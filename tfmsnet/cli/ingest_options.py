"""Options of `tfmsnet records import` that its commands share."""

import click

from tfmsnet.cli.options import PATH, with_options


def sample_options(function):
    """What no file says of a sample."""
    options = (
        click.option("--out", required=True, type=PATH, help="Directory for the samples (*.h5)."),
        click.option("--name", help="Name of the sample's file.  [default: that of the first source]"),
        click.option(
            "--parameters",
            type=PATH,
            help="JSON of the cell's parameters that aren't the defaults (c_max_mol_m3, ...).",
        ),
        click.option(
            "--c-rate",
            type=float,
            help="1/h, constant; 1 fills the AM in an hour.  [default: from the lithium gained]",
        ),
        click.option(
            "--geometry-id", default="", help="Samples of one electrode share it.  [default: a hash]"
        ),
        click.option(
            "--am-wt-percent", type=click.FloatRange(0, 100), default=float("nan"), help="Of the recipe."
        ),
        click.option(
            "--calendering-percent",
            type=click.FloatRange(0, 100),
            default=float("nan"),
            help="Of the recipe.",
        ),
    )
    return with_options(options, function)


def mesh_options(function):
    """How nodes are read and interpolated."""
    options = (
        click.option(
            "--concentration", required=True, metavar="NAME", help="Lithium in the AM, in the file."
        ),
        click.option(
            "--potential", required=True, metavar="NAME", help="Potential of the solid, in the file."
        ),
        click.option(
            "--concentration-unit",
            help="mol/m3, mol/l, ... or 1 (degree of lithiation).  [default: the file's, or mol/m3]",
        ),
        click.option("--potential-unit", help="V or mV.  [default: the file's, or V]"),
        click.option(
            "--domain", metavar="NAME", help="Column (COMSOL) or array of cells (VTU) of domain numbers."
        ),
        click.option("--am-domains", default="1", show_default=True, help="Domains of AM, such as 1,3-40."),
        click.option("--cbd-domains", default="", help="Domains of CBD; all others are electrolyte."),
        click.option("--length-unit", help="Of coordinates: m, mm, um, ...  [default: the file's, or m]"),
        click.option("--time-unit", default="s", show_default=True, help="Of times: s, min, h."),
        click.option(
            "--voxel-size-um",
            type=click.FloatRange(0.001, 100),
            default=0.5,
            show_default=True,
            help="Voxel edge, um.",
        ),
        click.option(
            "--box",
            type=float,
            nargs=6,
            help="x0 x1 y0 y1 z0 z1 in um, what is voxelised.  [default: all of the mesh]",
        ),
        click.option("--foil-last", is_flag=True, help="The foil is where z is largest, not smallest."),
        click.option(
            "--radius-um",
            type=click.FloatRange(0, min_open=True),
            default=1.0,
            show_default=True,
            help="Of the kernel.",
        ),
        click.option(
            "--sharpness",
            type=click.FloatRange(0, min_open=True),
            default=2.0,
            show_default=True,
            help="Of the kernel exp(-(sharpness r / radius)^2).",
        ),
        click.option(
            "--fill",
            type=click.Choice(["error", "nearest"]),
            default="error",
            show_default=True,
            help="What a voxel without a node within the radius gets.",
        ),
    )
    return with_options(options, function)
