"""tfmsnet electrode: electrodes from recipes."""

import click

from tfmsnet.cli.options import PATH, cell_of, powder_of, powder_options, size_option
from tfmsnet.progress import progress_bar


@click.group("electrode")
def command():
    """Electrodes from recipes."""


@command.command("make")
@click.option("--out", required=True, type=PATH, help="The image: .tif, .tiff or .npy.")
@click.option(
    "--engine",
    default="packing",
    show_default=True,
    metavar="packing|lammps",
    help="packing: spheres pushed apart, binder put into necks; seconds.  lammps: slurry, drying and "
    "calendering by particle dynamics (needs tfmsnet[lammps]); minutes.",
)
@click.option(
    "--am-wt-percent",
    type=float,
    default=90.0,
    show_default=True,
    help="Active material in the dry mass, 80 to 97.",
)
@click.option(
    "--calendering-percent",
    type=float,
    default=10.0,
    show_default=True,
    help="Reduction of the coating's thickness, 0 to 30.",
)
@size_option
@click.option("--voxel-size-um", type=float, default=0.5, show_default=True, help="Edge of the voxels, um.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same, the same electrode."
)
@click.option(
    "--parameters",
    metavar="NAME|FILE",
    help="The cell, whose active material's density and particle size are taken.  [default: nmc111]",
)
@powder_options
def make(out, engine, am_wt_percent, calendering_percent, size, voxel_size_um, seed, parameters, **powder):
    """Make an electrode after a recipe.

    The engine lammps leaves a dump of each stage in a folder that is called as the image without its suffix,
    and when it was interrupted goes on from there; `tfmsnet voxelise` reads the dumps.
    """
    from tfmsnet.electrode import Recipe, cbd_percolation, engines, wired_fraction
    from tfmsnet.electrode.checks import wired_am_fraction
    from tfmsnet.electrode.writing import check_image_name, write_image

    check_image_name(out)
    recipe = Recipe(
        am_wt_percent,
        calendering_percent,
        size,
        1e-6 * voxel_size_um,
        seed,
        powder_of(cell_of(parameters, None), **powder),
    )
    work = engines.engine(engine)
    with progress_bar(engine) as progress:
        image = work(recipe, out.with_suffix(""), progress)
    write_image(image, out)
    fractions = ", ".join(f"{100 * share:.1f} % {name}" for name, share in image.volume_fractions.items())
    click.echo(f"{out}: {'x'.join(map(str, image.shape))} voxels, {fractions}")
    click.echo(
        f"wired to the foil: {100 * wired_fraction(image):.2f} % of the solid, "
        f"{100 * wired_am_fraction(image):.2f} % of the AM, {100 * cbd_percolation(image):.2f} % of the CBD "
        "through CBD"
    )
