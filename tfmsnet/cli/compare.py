"""tfmsnet compare: discharges of an electrode side by side."""

import json
from pathlib import Path

import click

from tfmsnet.cli.options import PATH, json_option, over_options
from tfmsnet.progress import note
from tfmsnet.references.registry import is_reduced


@click.command("compare")
@click.argument("first", metavar="A")
@click.argument("others", metavar="B...", nargs=-1, required=True)
@click.option("--out", type=PATH, help="Directory for comparison.json, curves.png and slices of both fields.")
@over_options(None)
@json_option
def command(first, others, out, over, am_density_g_cm3, as_json):
    """Compare B... with A: errors of fields and curve, drawn side by side with --out.

    A is a discharge: an .h5 file of `tfmsnet simulate` or `records import`, or the directory of
    `tfmsnet predict`.  So is each B, or else a model, which is asked for A's electrode and load: a run of
    `tfmsnet train`, a SavedModel, resolved-particles, porous-electrode, or a server's address.
    """
    from tfmsnet.evaluation import compare

    if not out and (over or am_density_g_cm3):
        raise click.UsageError("--over and --am-density-g-cm3: of pictures; give --out")
    true = _discharge(first)
    if true is None:
        raise click.UsageError(f"A: expected an .h5 file or the directory of an answer, found {first}")
    samples = {_name(first, ()): true}
    for source in others:
        found = None if is_reduced(source) else _discharge(source)
        samples[_name(source, samples)] = found or _asked(source, true)
    comparison = compare(samples)
    click.echo(json.dumps(comparison.as_dict(), indent=1) if as_json else comparison.table())
    for path in comparison.write(out, over, am_density_g_cm3) if out else ():
        click.echo(path, err=as_json)


def _discharge(source: str):
    """The sample in a file or an answer's directory, or None."""
    from tfmsnet.records import read_sample

    path = Path(source)
    if (path / "fields.h5").is_file():
        return read_sample(path / "fields.h5")
    return read_sample(path) if path.suffix in (".h5", ".hdf5") else None


def _asked(source: str, true):
    """A model's answer for the electrode and load of a sample."""
    from tfmsnet.serving.local import load_model
    from tfmsnet.serving.scored import answered

    note(f"asking {source}")
    return answered(load_model(source), true)


def _name(source: str, taken) -> str:
    path = Path(source)
    name = path.stem if path.suffix in (".h5", ".hdf5") else path.name or source
    return source if name in taken else name
