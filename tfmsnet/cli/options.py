"""Options that several commands share."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)

load_every_option = click.option(
    "--load-every",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Resample CSV loads to frames so many seconds apart, each with the mean current before it.  "
    "[default: a frame at every row]",
)


def image_options(function):
    """How a phase image is to be read: see `tfmsnet.electrode.read_image`."""
    options = (
        click.option(
            "--labels",
            type=int,
            nargs=3,
            help="Labels of pore, AM and CBD in the image, such as 0 85 170.  [default: 0 1 2 or 0 85 170, "
            "where the image holds exactly these]",
        ),
        click.option(
            "--voxel-size-um",
            type=click.FloatRange(0.001, 100),
            default=0.5,
            show_default=True,
            help="Voxel edge of the image, um; networks and the simulator resample images to 0.5 um.",
        ),
        click.option(
            "--axes",
            metavar="ORDER",
            help="The file's axes, such as yxz.  [default: zyx of a TIFF (z over its pages), xyz of .npy]",
        ),
        click.option(
            "--foil-last", is_flag=True, help="The foil is at the end of the image's z axis, not its start."
        ),
        click.option(
            "--remove-islands",
            is_flag=True,
            help="Turn solid that isn't wired to the foil into electrolyte instead of refusing the image.",
        ),
        click.option(
            "--crop",
            type=click.IntRange(0),
            nargs=6,
            help="x0 x1 y0 y1 z0 z1 in voxels of 0.5 um, end not included.",
        ),
    )
    return with_options(options, function)


def parameters_options(function):
    """The cell: see `cell_of`."""
    options = (
        click.option(
            "--parameters",
            metavar="NAME|FILE",
            help="The cell: a set (`tfmsnet parameters list`), or a JSON file of one, of some parameters or "
            "of BPX.  [default: nmc111]",
        ),
        click.option(
            "--temperature-c",
            type=float,
            metavar="T",
            help="Of the cell, C.  [default: that at which its parameters hold]",
        ),
    )
    return with_options(options, function)


def cell_of(parameters: str | None, temperature_c: float | None):
    """The `tfmsnet.materials.ParameterSet` of `parameters_options`."""
    from tfmsnet.materials import read_parameters

    return read_parameters(parameters or "nmc111").at_temperature_c(temperature_c)


def with_options(options, function):
    """Apply options so that --help lists them in their order."""
    for option in reversed(options):
        function = option(function)
    return function


def read_image_with(path: Path, reading: dict, voxel_size_m: float = 0.5e-6):
    """Read an image as `image_options` say, at the model's voxel size, and say on stderr what was changed."""
    from tfmsnet.electrode import read_image, remove_islands

    crop = reading["crop"]
    given = reading["voxel_size_um"] * 1e-6
    image = read_image(
        path,
        given,
        labels=reading["labels"],
        axes=reading["axes"],
        foil_last=reading["foil_last"],
        target_voxel_size_m=None if abs(given - voxel_size_m) < 1e-12 else voxel_size_m,
        crop=(crop[0:2], crop[2:4], crop[4:6]) if crop else None,
    )
    if image.voxel_size_m != given:
        shape = " x ".join(map(str, image.shape))
        click.echo(
            f"{path}: resampled from {reading['voxel_size_um']:g} um to {shape} voxels of "
            f"{image.voxel_size_m * 1e6:g} um",
            err=True,
        )
    if reading["remove_islands"]:
        image, changed = remove_islands(image)
        if changed:
            click.echo(f"{path}: {changed} unwired solid voxels turned to electrolyte", err=True)
    return image


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """ "1,3-5" -> (1, 3, 4, 5); "" -> ()."""
    numbers = []
    for part in filter(None, text.replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        try:
            numbers.extend(range(int(first), int(last or first) + 1))
        except ValueError:
            raise click.BadParameter(
                f"{option}: expected whole numbers such as 1,3-5, found {text!r}"
            ) from None
    return tuple(numbers)
