"""tfmsnet records import: other people's results as samples."""

from dataclasses import replace
from pathlib import Path

import click

from tfmsnet.cli.options import (
    PATH,
    cell_of,
    labels_of,
    labels_option,
    parameters_options,
    refuse_given,
    whole_numbers,
    with_options,
)
from tfmsnet.errors import UserError
from tfmsnet.progress import note, progress_bar


def sample_options(function):
    """What no file says of a sample."""
    options = (
        click.option("--out", required=True, type=PATH, help="Directory for the samples (*.h5)."),
        click.option("--name", help="Name of the sample's file.  [default: that of the first source]"),
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
    return parameters_options(with_options(options, function))


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
        click.option("--domain", metavar="NAME", help="Column (COMSOL) or array (VTU) of domain numbers."),
        click.option("--am-domains", default="1", show_default=True, help="Domains of AM, such as 1,3-40."),
        click.option("--cbd-domains", default="", help="Domains of CBD; all others are electrolyte."),
        click.option("--length-unit", help="Of coordinates: m, mm, um, ...  [default: the file's, or m]"),
        click.option(
            "--time-unit",
            default="s",
            show_default=True,
            help="Of times: s, min, h; those of columns called '... @ t=10[min]' have their own.",
        ),
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


@click.group("import")
def command():
    """Turn other people's results into samples (*.h5), which `tfmsnet records write` takes.

    A file that exists is never overwritten, and none is left half-written.
    """


@command.command("vtu")
@click.argument("series", type=PATH, nargs=-1, required=True)
@mesh_options
@click.option("--times", metavar="T0,T1,...", help="Of the files.  [default: the files' own]")
@sample_options
def vtu(series, times, **options):
    """One discharge from a SERIES of meshes (VTU, PVTU, VTM, legacy VTK), or from one file of all times.

    The latter is a .pvd, a .vtu.series, XDMF, or a mesh with arrays called '... @ t=100'.

    Voxels take the phase of the cell that holds their centre; both fields are interpolated with a Gaussian
    kernel from the nodes of their own phases.  Needs tfmsnet[mesh].
    """
    from tfmsnet.records.ingest import read_vtu

    path = _free_path(options, series[0])
    parameters = cell_of(options["parameters"], options["temperature_c"]).parameters
    note(f"reading {len(series)} files")
    solution = read_vtu(series, _reading(options, parameters), times=_numbers(times))
    _write(solution, parameters, options, path)


@command.command("comsol")
@click.argument("export", type=PATH)
@mesh_options
@click.option(
    "--image", type=PATH, help="Phase image (TIFF, .npy) with voxels of --voxel-size-um, instead of --domain."
)
@labels_option
@click.option("--origin-um", type=float, nargs=3, help="Lower corner of the image.  [default: of the nodes]")
@sample_options
@click.pass_context
def comsol(context, export, image, labels, origin_um, **options):
    """One discharge from EXPORT, a spreadsheet export (.txt, .csv) of COMSOL over all time steps.

    Columns are x, y, z and `NAME (unit) @ t=...`.  Phases come from an image, or from a column of domain
    numbers by the nearest node.
    """
    from tfmsnet.electrode import read_image
    from tfmsnet.records.ingest import read_comsol

    if image and options["box"]:
        raise click.UsageError("--box: an image has its own; say where it lies with --origin-um")
    if not image:
        refuse_given(context, ("labels", "origin_um"), "an image's; give one with --image")
    path = _free_path(options, export)
    parameters = cell_of(options["parameters"], options["temperature_c"]).parameters
    reading = _reading(options, parameters)
    phases = read_image(image, reading.voxel_size_m, labels=labels_of(labels)) if image else None
    note(f"reading {export}")
    solution = read_comsol(
        export,
        reading,
        image=phases,
        origin_m=tuple(x * 1e-6 for x in origin_um) if origin_um else None,
        reach_m=options["radius_um"] * 1e-6,
    )
    _write(solution, parameters, options, path)


@command.command("arrays")
@click.argument("sources", type=PATH, nargs=-1, required=True)
@click.option(
    "--mapping", required=True, type=PATH, help="JSON: what is called how, with axes, units and labels."
)
@click.option("--out", required=True, type=PATH, help="Directory for the samples (*.h5).")
def arrays(sources, mapping, out):
    """A discharge from each of SOURCES, HDF5, NPZ or MATLAB files of another layout.

    An interrupted import continues with the same command.

    The mapping names the datasets, as in {"phase": "img", "concentration": {"name": "c", "axes": "tzyx",
    "unit": "mol/l"}, "potential": "phi", "times": "t", "voxel_size": {"value": 0.5, "unit": "um"}}.
    """
    from tfmsnet.records.ingest import import_arrays, read_mapping

    layout = read_mapping(mapping)
    with progress_bar("importing") as progress:
        kept = import_arrays(sources, layout, out, progress)
    were_there = f", {kept} of them were there" if kept else ""
    click.echo(f"{out}: {len(sources)} samples{were_there}")


def _free_path(options: dict, source: Path) -> Path:
    stem = source.with_suffix("").stem if source.suffix == ".gz" else source.stem
    path = options["out"] / f"{options['name'] or stem}.h5"
    if path.exists():
        raise UserError(f"{path}: exists already; remove it, or choose another --out or name")
    return path


def _numbers(text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"--times: expected numbers such as 0,100,200, found {text!r}") from None


def _reading(options: dict, parameters):
    from tfmsnet.records.ingest import Domains, Reading, Variable

    return Reading(
        Variable(options["concentration"], options["concentration_unit"]),
        Variable(options["potential"], options["potential_unit"]),
        domain=options["domain"],
        domains=Domains(
            whole_numbers(options["am_domains"], "--am-domains"),
            whole_numbers(options["cbd_domains"], "--cbd-domains"),
        ),
        voxel_size_m=options["voxel_size_um"] * 1e-6,
        box_m=tuple(x * 1e-6 for x in options["box"]) if options["box"] else None,
        length_unit=options["length_unit"],
        time_unit=options["time_unit"],
        c_max_mol_m3=parameters.c_max_mol_m3,
    )


def _write(solution, parameters, options: dict, path: Path) -> None:
    from tfmsnet.records import write_sample
    from tfmsnet.records.ingest import GaussianKernel, to_sample

    if solution.remark:
        note(solution.remark)
    recipe = {name: options[name] for name in ("am_wt_percent", "calendering_percent")}
    image = replace(
        solution.image, geometry_id=options["geometry_id"] or solution.image.geometry_id, **recipe
    )
    with progress_bar("interpolating") as progress:
        sample = to_sample(
            replace(solution, image=image),
            GaussianKernel(options["radius_um"] * 1e-6, options["sharpness"]),
            parameters,
            fill=options["fill"],
            c_rate=options["c_rate"],
            foil_last=options["foil_last"],
            progress=progress,
        )
    write_sample(sample, path)
    grid = "x".join(map(str, sample.grid))
    click.echo(f"{path}: {sample.frames} frames, {grid} voxels, {sample.c_rate:.4g}C, {_fractions(image)}")


def _fractions(image) -> str:
    return ", ".join(f"{100 * share:.1f} % {name}" for name, share in image.volume_fractions.items())
