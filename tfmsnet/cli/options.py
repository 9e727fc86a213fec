"""Options that several commands share."""

import re
from collections.abc import Iterable
from pathlib import Path

import click

from tfmsnet.errors import UserError
from tfmsnet.progress import note

PATH = click.Path(path_type=Path)

load_every_option = click.option(
    "--load-every",
    type=click.FloatRange(0, min_open=True),
    metavar="S",
    help="Resample CSV loads to frames so many seconds apart, each with the mean current before it.  "
    "[default: a frame at every row]",
)


class Several(click.Option):
    """An option of one value or of several in a row: it takes the words that follow while they fit.

    Of --labels these are numbers and NAME=...; click knows options of a fixed number of values alone.
    """

    def add_to_parser(self, parser, ctx) -> None:
        super().add_to_parser(parser, ctx)
        for name in self.opts:
            ours = parser._long_opt[name]
            take = ours.process

            def process(value, state, take=take):
                words = [value]
                while len(words) < _MOST_WORDS and state.rargs and _FOLLOWS.fullmatch(state.rargs[0]):
                    words.append(state.rargs.pop(0))
                take(" ".join(words), state)

            ours.process = process


_MOST_WORDS = 4
_FOLLOWS = re.compile(r"-?\d+(\.\d*)?([eE][-+]?\d+)?|(pore|am|cbd|outside)=\S+", re.IGNORECASE)


class VoxelSize(click.ParamType):
    """One edge or three, um."""

    name = "um"

    def convert(self, value, param, ctx) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            edges = tuple(float(word) for word in str(value).replace(",", " ").split())
        except ValueError:
            edges = ()
        if len(edges) not in (1, 3) or not all(0.001 <= edge <= 100 for edge in edges):
            self.fail(f"expected one edge or three, from 0.001 to 100 um, found {value!r}", param, ctx)
        return edges


labels_option = click.option(
    "--labels",
    cls=Several,
    metavar="PORE AM CBD",
    help="Labels of pore, AM and CBD in the image, such as 0 85 170; or those of each phase, such as "
    "pore=0,3 am=5-40 cbd=2 outside=255: am=1- for all from 1 on, no cbd where there is none, "
    "outside what is to be cut away.  [default: 0 1 2 or 0 85 170, where it holds these three]",
)


def image_options(function):
    """How a phase image is to be read: see `tfmsnet.electrode.read_image`."""
    options = (
        labels_option,
        click.option(
            "--voxel-size-um",
            cls=Several,
            type=VoxelSize(),
            metavar="EDGE | X Y Z",
            help="Voxel edge of the image, um; three where voxels aren't cubes.  [default: the file's]",
        ),
        click.option(
            "--trust",
            type=click.Choice(["file", "command"]),
            default="file",
            show_default=True,
            help="Where --voxel-size-um contradicts the file: refuse, or take the command's.",
        ),
        click.option(
            "--resample-um",
            type=click.FloatRange(0.001, 100),
            metavar="EDGE",
            help="Resample to cubes of this edge.  [default: for networks that know one edge alone to that; "
            "else as they are, to the smallest edge where voxels aren't cubes]",
        ),
        click.option(
            "--dataset",
            metavar="NAME",
            help="Which array of an HDF5, MATLAB or NPZ file; of a TIFF of several images its number.",
        ),
        click.option(
            "--axes",
            metavar="ORDER",
            help="The file's axes, such as yxz.  [default: what it says; else zyx of a TIFF (z over its "
            "pages), xyz of arrays]",
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
            help="x0 x1 y0 y1 z0 z1 in voxels after resampling, end not included.",
        ),
    )
    return with_options(options, function)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text for people.")


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


size_option = click.option(
    "--size",
    type=click.IntRange(1),
    nargs=3,
    default=(24, 24, 64),
    show_default=True,
    help="Voxels in x, y, z of the finished electrode.",
)


def powder_options(function):
    """The active material's particles: see `powder_of`."""
    options = (
        click.option(
            "--particle-diameter-um",
            type=click.FloatRange(0, min_open=True),
            metavar="MEDIAN",
            help="Of the active material of generated electrodes, by volume.  [default: the cell's; 5.5 for "
            "nmc111]",
        ),
        click.option(
            "--particle-spread",
            type=click.FloatRange(0, 1),
            default=0.4,
            show_default=True,
            help="Of these diameters: standard deviation of their logarithm.",
        ),
    )
    return with_options(options, function)


def powder_of(cell, particle_diameter_um: float | None, particle_spread: float):
    """The `tfmsnet.electrode.Powder` of a cell (a `ParameterSet`) and of `powder_options`."""
    from tfmsnet.electrode import Powder

    diameter_m = 1e-6 * particle_diameter_um if particle_diameter_um else cell.particle_diameter_m
    return Powder(cell.am_density_g_cm3, particle_diameter_m=diameter_m, particle_spread=particle_spread)


def with_options(options, function):
    """Apply options so that --help lists them in their order."""
    for option in reversed(options):
        function = option(function)
    return function


def refuse_given(context: click.Context, names: Iterable[str], why: str) -> None:
    """Refuse options of the command line that something else makes meaningless, by their names here."""
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name in names
        and context.get_parameter_source(option.name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"{', '.join(given)}: {why}")


def read_image_with(path: Path, reading: dict, voxel_size_m: float | None, bytes_per_voxel: float = 0.0):
    """Read an image as `image_options` say, and say on stderr what was chosen and changed.

    Args:
        path: of the image.
        reading: the options.
        voxel_size_m: the model's; None for the image's own.
        bytes_per_voxel: memory that is needed for what comes then.
    """
    from tfmsnet.electrode import read_image, remove_islands

    def say(text: str) -> None:
        note(f"{path}: {text}")

    crop, given = reading["crop"], reading["voxel_size_um"]
    image = read_image(
        path,
        [1e-6 * edge for edge in given] if given else None,
        labels=labels_of(reading["labels"]),
        axes=reading["axes"],
        foil_last=reading["foil_last"],
        target_voxel_size_m=1e-6 * reading["resample_um"] if reading["resample_um"] else voxel_size_m,
        crop=(crop[0:2], crop[2:4], crop[4:6]) if crop else None,
        dataset=reading["dataset"],
        trust=reading["trust"],
        bytes_per_voxel=bytes_per_voxel,
        say=say,
    )
    if reading["remove_islands"]:
        image, changed = remove_islands(image)
        if changed:
            say(f"{changed} unwired solid voxels turned to electrolyte")
    return image


def must_be_there(path: Path | None, what: str) -> None:
    """Refuse what isn't there before TensorFlow starts, which takes seconds.

    Args:
        path: of a file or directory; None where it isn't given.
        what: was expected.
    """
    if path is not None and not path.exists():
        raise UserError(f"{path}: no such directory or file; expected {what}")


RECORDS = "records of `tfmsnet records write`"


def over_options(default: str | None):
    """What curves are drawn over: see `tfmsnet.plots.curves.abscissa`."""
    options = (
        click.option(
            "--over",
            type=click.Choice(["dol", "time", "mAh/cm2", "mAh/g"]),
            default=default,
            show_default=default or "dol; time under a load that changes",
            help="What curves are drawn over.",
        ),
        click.option(
            "--am-density-g-cm3",
            type=click.FloatRange(0, min_open=True),
            help="Of the active material without pores, for mAh/g; `tfmsnet parameters show` has it for each "
            "cell.",
        ),
    )
    return lambda function: with_options(options, function)


def labels_of(text: str | None):
    """What `tfmsnet.electrode.read_image` takes for --labels."""
    if text is None:
        return None
    words = text.replace(",", " ").split() if "=" not in text else []
    try:
        return [int(word) for word in words] if words else text
    except ValueError:
        raise click.BadParameter(
            f"--labels: expected three numbers or pore=... am=..., found {text!r}"
        ) from None


_MOST_NUMBERS = 100_000  # in a range


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """ "1,3-5" -> (1, 3, 4, 5); "" -> ()."""
    numbers = []
    for part in filter(None, text.replace(" ", "").split(",")):
        first, _, last = part.partition("-")
        try:
            begin, end = int(first), int(last or first)
            if end - begin > _MOST_NUMBERS:
                raise ValueError
            numbers.extend(range(begin, end + 1))
        except ValueError:
            raise click.BadParameter(
                f"{option}: expected whole numbers such as 1,3-5, found {text!r}"
            ) from None
    return tuple(numbers)
