"""tfmsnet parameters: the cells that there are, and cells from files."""

import dataclasses
import json

import click

from tfmsnet.cli.options import PATH
from tfmsnet.progress import note


@click.group("parameters")
def command():
    """Sets of parameters: what `--parameters` of other commands takes."""


@command.command("list")
def list_sets():
    """Print the sets: open-circuit potentials, degrees of lithiation at the start, temperatures."""
    from tfmsnet.materials import names, parameter_set
    from tfmsnet.materials.registry import ZERO_C_K

    for name in names():
        cell = parameter_set(name)
        parameters = cell.parameters
        volts = parameters.open_circuit_v(parameters.ocp_dol_range)
        thermal = parameters.entropic_coefficient_v_k is not None
        low, high = (limit - ZERO_C_K for limit in parameters.temperature_range_k)
        own = parameters.temperature_k - ZERO_C_K
        temperatures = f"{low:g} to {high:g} C" if thermal else f"{own:g} C alone"
        start = f"DOL {parameters.initial_dol:.3g} at the start"
        click.echo(f"{name:<10}{cell.title:<37}{volts[1]:.2f} to {volts[0]:.2f} V, {start}, {temperatures}")


@command.command("show")
@click.argument("parameters", metavar="NAME|FILE")
@click.option("--json", "as_json", is_flag=True, help="As a file that --parameters takes.")
def show(parameters, as_json):
    """Print the values of a set or file, each with its source."""
    from tfmsnet.materials import read_parameters

    cell = read_parameters(parameters)
    if as_json:
        click.echo(json.dumps(cell.as_dict(), indent=1))
        return
    click.echo(cell.title)
    values = {spec.name: getattr(cell.parameters, spec.name) for spec in dataclasses.fields(cell.parameters)}
    values |= {name: getattr(cell, name) for name in ("am_density_g_cm3", "particle_diameter_m")}
    for name, value in values.items():
        click.echo(f"{name:<38}{_text(value):<44}  {cell.sources.get(name, 'as nmc111')}")


@command.command("convert")
@click.argument("source", type=PATH, metavar="FILE")
@click.argument("out", type=PATH)
@click.option(
    "--electrode",
    type=click.Choice(["cathode", "anode"]),
    default="cathode",
    show_default=True,
    help="Which electrode of a BPX file becomes the half-cell.",
)
def convert(source, out, electrode):
    """Turn FILE, of BPX, into a file of parameters, or one of parameters into BPX (needs tfmsnet[bpx]).

    Says on stderr what a BPX file has and a half-cell hasn't, and what was assumed.
    """
    from tfmsnet.files import read_json, write_json
    from tfmsnet.materials import read_parameters
    from tfmsnet.materials.bpx import from_bpx, is_bpx, to_bpx

    if is_bpx(read_json(source, "a cell's parameters")):
        found = from_bpx(source, electrode)
        content, remarks = found.cell.as_dict(), found.remarks
    else:
        content, remarks = to_bpx(read_parameters(source))
    for remark in remarks:
        note(f"{source}: {remark}")
    write_json(out, content)
    click.echo(out)


def _text(value) -> str:
    from tfmsnet.materials import Function

    if not isinstance(value, Function):
        return f"{value:g}" if isinstance(value, float) else str(value)
    parts = [f"polynomial of degree {len(value.polynomial) - 1}"] if len(value.polynomial) > 1 else []
    parts += [f"{value.polynomial[0]:g}"] if len(value.polynomial) == 1 else []
    for name in ("tanh", "exponential"):
        count = len(getattr(value, name))
        parts += [f"{count} {name} term{'s' if count > 1 else ''}"] if count else []
    parts += [f"table of {len(value.table.x)} points"] if value.table else []
    return " + ".join(parts)
