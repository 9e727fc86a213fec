"""tfmsnet simulate: electrodes and their discharges, as samples."""

from collections import defaultdict

import click

from tfmsnet.cli.options import (
    PATH,
    cell_of,
    image_options,
    load_every_option,
    parameters_options,
    powder_of,
    powder_options,
    read_image_with,
    refuse_given,
    size_option,
)
from tfmsnet.load import FRAMES, Load, constant_current, read_load
from tfmsnet.progress import note, progress_bar

# Beyond these, the user is told what a discharge takes (benchmarks/halfcell.py --growth).
_LARGE_VOXELS = 3e6
_DRAWN = ("size", "c_rates", "load", "load_every", "frames", "cutoff_voltage", "voxel_size_um")
_OF_RECIPES = ("design", "geometries", "size", "seed", "particle_diameter_um", "particle_spread")


@click.command("simulate")
@click.argument("images", type=PATH, nargs=-1, metavar="[IMAGE]...")
@click.option("--out", required=True, type=PATH, help="Directory for the samples (*.h5).")
@click.option(
    "--design",
    type=click.Choice(["paper", "random", "wide"]),
    default="random",
    show_default=True,
    help="paper: the 9 recipes of 85, 90, 95 wt% AM and 0, 10, 20 % calendering in turn; random: recipes "
    "drawn from these; wide: composition, particle sizes, contacts, binder, voxels, sizes and loads all "
    "drawn, two loads each, a third of them random ones.",
)
@click.option(
    "--geometries",
    type=click.IntRange(1, 100_000),
    help="How many electrodes to generate.  [default: 9; of the wide design 300]",
)
@size_option
@click.option(
    "--c-rate",
    "--c-rates",
    "c_rates",
    help="C-rates, separated by commas; 1C fills the active material from its initial degree of lithiation "
    "to 1 in an hour.  [default: 0.5,1,2]",
)
@click.option(
    "--load",
    type=PATH,
    multiple=True,
    metavar="FILE|NAME",
    help="Instead of --c-rates, a load; repeatable.  CSV: time_s, and c_rate or current_a_m2 (positive "
    "discharges): the load from that time on, the last row ends it.  JSON: segments of current, rest and "
    "held voltage, see docs/loads.md.  Or gitt, hppc, cccv.",
)
@load_every_option
@click.option(
    "--frames",
    type=click.IntRange(2),
    help="Frames of a discharge at constant current, at most; they are 100 s / C-rate apart.  [default: "
    f"{FRAMES}]",
)
@click.option(
    "--cutoff-voltage",
    type=float,
    metavar="V",
    help="End a discharge at constant current where the voltage falls to this, if that comes before the last "
    "frame.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of recipes and packings.")
@click.option(
    "--min-cbd-percolation",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Refuse electrodes with less of their CBD (0 to 1) joined to the foil through CBD; others go on.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes of this machine.  [default: for all cores]")
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="That share a discharge, at most eight: for fewer discharges than cores, and large images.  Samples "
    "are the same.",
)
@click.option(
    "--backend",
    default="loky",
    show_default=True,
    metavar="loky|dask://HOST:PORT",
    help="Where to discharge: in processes of this machine, or on a Dask cluster whose workers have tfmsnet "
    "installed and share OUT (needs tfmsnet[cluster]).  Ray isn't supported.",
)
@click.option("--image", type=PATH, multiple=True, help="The same as an IMAGE: its older name.")
@parameters_options
@powder_options
@image_options
@click.pass_context
def command(
    context,
    images,
    out,
    design,
    geometries,
    size,
    c_rates,
    load,
    load_every,
    frames,
    cutoff_voltage,
    seed,
    min_cbd_percolation,
    jobs,
    threads,
    backend,
    image,
    parameters,
    temperature_c,
    particle_diameter_um,
    particle_spread,
    **reading,
):
    """Put electrodes under loads, with the half-cell model: phase images IMAGE..., or generated ones.

    Samples that are in OUT already are kept, so an interrupted campaign continues where it was.  A discharge
    that fails is reported with its reason, its frames are kept as NAME_until_SECONDSs.h5, the others go on,
    and the exit status is 1.
    """
    from tfmsnet.campaign import (
        BYTES_PER_VOXEL,
        discharge_all,
        image_campaign,
        recipe_campaign,
        remarks,
        wide_campaign,
    )

    image = (*images, *image)
    if image:
        refuse_given(context, _OF_RECIPES, "generated electrodes have these, an image has its own")
    else:
        # Generated electrodes have a voxel size, too.
        refuse_given(context, set(reading) - {"voxel_size_um"}, "these are an image's, and there is none")
    cell = cell_of(parameters, temperature_c)
    if design == "wide":
        refuse_given(context, _DRAWN, "--design wide draws electrodes and loads itself")
    loads = _loads(c_rates, load, load_every, frames, cutoff_voltage)
    if image:
        images = [(path.stem, read_image_with(path, reading, None, BYTES_PER_VOXEL)) for path in image]
        for name, one in images:
            if one.phase.size > _LARGE_VOXELS:
                note(
                    f"{name}: {one.phase.size / 1e6:.3g} million voxels: a discharge takes some "
                    f"{BYTES_PER_VOXEL * one.phase.size / 1e9:.0f} GB per job; --crop takes a part"
                )
        tasks = [task for name, one in images for task in image_campaign(one, name, loads)]
    else:
        powder = powder_of(cell, particle_diameter_um, particle_spread)
        edges = reading["voxel_size_um"] or (0.5,)
        if len(edges) > 1:
            raise click.UsageError("--voxel-size-um: generated electrodes have cubes; give one edge")
        voxel_size_m = 1e-6 * edges[0]
        if design == "wide":
            tasks = wide_campaign(geometries, seed, powder)
        else:
            tasks = recipe_campaign(
                design, geometries, size, loads, seed, powder=powder, voxel_size_m=voxel_size_m
            )
    with progress_bar("simulating") as progress:
        failures = discharge_all(
            tasks,
            out,
            parameters=cell.parameters,
            min_cbd_percolation=min_cbd_percolation,
            backend=backend,
            jobs=jobs,
            threads=threads,
            progress=progress,
        )
    for line in _by_reason(failures):
        click.echo(f"tfmsnet: failed: {line}", err=True)
    one_c, ended = remarks(tasks, out)
    for line in ended:
        note(line)
    for line in one_c:
        click.echo(line)
    click.echo(f"{len(tasks) - len(failures)} of {len(tasks)} discharges are in {out}")
    return 1 if failures else 0


def _loads(c_rates, files, every_s, frames, cutoff_voltage_v) -> list[Load]:
    """The loads that the options ask for."""
    from tfmsnet.campaign import checked_c_rates

    if not files:
        if every_s is not None:
            raise click.UsageError("--load-every goes with --load")
        rates = checked_c_rates(parsed_c_rates(c_rates or "0.5,1,2"))
        return [constant_current(rate, frames or FRAMES, cutoff_voltage_v) for rate in rates]
    given = {"--c-rates": c_rates, "--frames": frames, "--cutoff-voltage": cutoff_voltage_v}
    wrong = [option for option, value in given.items() if value is not None]
    if wrong:
        raise click.UsageError(
            f"{', '.join(wrong)}: --load says current, frames and ends itself; leave it out"
        )
    return [read_load(file, every_s) for file in files]


def _by_reason(failures) -> list[str]:
    """A line per reason: an electrode that is refused fails at every C-rate."""
    names = defaultdict(list)
    for failure in failures:
        names[failure.reason].append(failure.name)
    return [f"{', '.join(these)}: {reason}" for reason, these in names.items()]


def parsed_c_rates(text: str) -> tuple[float, ...]:
    """ "0.5,1,2" -> (0.5, 1.0, 2.0)."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"--c-rates: expected numbers such as 0.5,1,2, found {text!r}") from None
