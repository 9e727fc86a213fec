"""tfmsnet simulate: electrodes and their discharges, as samples."""

import click

from tfmsnet.cli.options import PATH, image_options
from tfmsnet.cli.progress import progress_bar


@click.command("simulate")
@click.option("--out", required=True, type=PATH, help="Directory for the samples (*.h5).")
@click.option(
    "--design",
    type=click.Choice(["paper", "random"]),
    default="random",
    show_default=True,
    help="paper: the 9 recipes of 85, 90, 95 wt% AM and 0, 10, 20 % calendering in turn; "
    "random: recipes drawn from these.",
)
@click.option("--geometries", type=click.IntRange(1), help="How many electrodes to generate.  [default: 9]")
@click.option(
    "--size",
    type=click.IntRange(1),
    nargs=3,
    default=(24, 24, 64),
    show_default=True,
    help="Voxels of 0.5 um in x, y, z.",
)
@click.option("--c-rates", default="0.5,1,2", show_default=True, help="C-rates, separated by commas.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of recipes and packings.")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one per core]")
@click.option("--image", type=PATH, help="Discharge this phase image (TIFF stack, .npy) instead.")
@image_options
def command(out, design, geometries, size, c_rates, seed, jobs, image, **reading):
    """Make electrodes and discharge them with the half-cell model.

    Samples that are in OUT already are kept, so an interrupted campaign continues where it was.
    """
    from tfmsnet.campaign import discharge_all, image_campaign, recipe_campaign
    from tfmsnet.cli.options import read_image_with

    rates = parsed_c_rates(c_rates)
    if image is not None:
        tasks = image_campaign(read_image_with(image, reading), image.stem, rates)
    else:
        tasks = recipe_campaign(design, geometries, size, rates, seed)
    with progress_bar("simulating") as progress:
        failures = discharge_all(tasks, out, jobs=jobs, progress=progress)
    for failure in failures:
        click.echo(f"tfmsnet: failed: {failure}", err=True)
    click.echo(f"{len(tasks) - len(failures)} of {len(tasks)} discharges are in {out}")
    return 1 if failures else 0


def parsed_c_rates(text: str) -> tuple[float, ...]:
    """ "0.5,1,2" -> (0.5, 1.0, 2.0)."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"--c-rates: expected numbers such as 0.5,1,2, found {text!r}") from None
