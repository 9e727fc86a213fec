"""tfmsnet voxelise: particles to a phase image."""

import click

from tfmsnet.cli.options import PATH, whole_numbers
from tfmsnet.progress import note, progress_bar


@click.command("voxelise")
@click.argument("particles", type=PATH)
@click.option("--out", required=True, type=PATH, help="The image: .tif, .tiff or .npy.")
@click.option(
    "--unit", help="Of the lengths in PARTICLES: m, mm, um, nm, ...  [default: the table's own, or um]"
)
@click.option(
    "--voxel-size-um",
    type=click.FloatRange(0.001, 100),
    default=0.5,
    show_default=True,
    help="Voxel edge, um.",
)
@click.option(
    "--am-types", default="1", show_default=True, help="Types that are active material, such as 1,3-5."
)
@click.option("--cbd-types", default="2", show_default=True, help="Types that are carbon-binder.")
@click.option("--timestep", type=int, help="Frame of a LAMMPS dump.  [default: the last one]")
@click.option(
    "--box",
    type=float,
    nargs=6,
    help="x0 x1 y0 y1 z0 z1 in --unit.  [default: the file's bounds along periodic axes, the extent of the "
    "particles along open ones]",
)
@click.option(
    "--periodic",
    metavar="AXES",
    help="Periodic axes, such as xy; 'none' for an open box.  [default: the dump's; none for others]",
)
@click.option(
    "--overlap",
    type=click.Choice(["am", "cbd", "deepest"]),
    default="am",
    show_default=True,
    help="Whose a voxel is that spheres of both phases cover; deepest: the one it lies deepest in.",
)
@click.option(
    "--supersample",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="Decide a voxel by the majority of this many sub-voxels along each axis.",
)
def command(
    particles, out, unit, voxel_size_um, am_types, cbd_types, timestep, box, periodic, overlap, supersample
):
    """Rasterise spherical PARTICLES to the phase image of an electrode.

    PARTICLES is a LAMMPS dump (text), a LAMMPS data file (`write_data`, atom style sphere) or a table (CSV)
    with the columns x, y, z, radius and type.  The image goes into `tfmsnet describe`, `tfmsnet simulate
    --image` and `tfmsnet predict`.
    """
    from tfmsnet.electrode.particle_files import read_particles
    from tfmsnet.electrode.particles import rasterise
    from tfmsnet.electrode.writing import check_image_name, write_image

    check_image_name(out)
    spheres = read_particles(
        particles,
        unit,
        am_types=whole_numbers(am_types, "--am-types"),
        cbd_types=whole_numbers(cbd_types, "--cbd-types"),
        timestep=timestep,
        box=box or None,
        periodic="" if periodic == "none" else periodic,
    )
    with progress_bar("rasterising") as progress:
        image = rasterise(
            spheres, voxel_size_um * 1e-6, overlap=overlap, supersampling=supersample, progress=progress
        )
    write_image(image, out)
    fractions = ", ".join(f"{100 * share:.1f} % {name}" for name, share in image.volume_fractions.items())
    click.echo(
        f"{out}: {len(spheres.radius_m)} particles, {'x'.join(map(str, image.shape))} voxels, {fractions}"
    )
    if not image.volume_fractions["CBD"]:
        note(f"{out}: no CBD in it; other commands need --labels 0 1 2")
