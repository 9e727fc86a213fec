"""tfmsnet records: import, write, info, verify."""

import json

import click

from tfmsnet.cli.ingest import command as import_command
from tfmsnet.cli.options import PATH, RECORDS, json_option, must_be_there
from tfmsnet.progress import note, progress_bar


@click.group("records")
def command():
    """TFRecord shards with a manifest: write them, look at them, verify them."""


command.add_command(import_command)


@command.command("write")
@click.argument("data", type=PATH)
@click.argument("records", type=PATH)
@click.option(
    "--split",
    default="paper",
    show_default=True,
    help="'paper' (the recipe of 90 wt% and 10 % calendering is the test), or VALIDATION/TEST: how many "
    "geometries go to each, such as 2/4; or VALIDATION/TEST/TRAIN, which leaves the others out; or other "
    "records: their held-out geometries stay held out, all others are for training.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the split's draw.")
@click.option(
    "--short",
    type=click.Choice(["refuse", "keep", "drop"]),
    default="refuse",
    show_default=True,
    help="Discharges of fewer frames than the longest (the cut-off voltage came first): refuse to write, "
    "keep them (training's windows are then no longer than the shortest one), or leave them out.",
)
@click.option(
    "--partial",
    type=click.Choice(["refuse", "keep", "drop"]),
    default="refuse",
    show_default=True,
    help="Discharges whose simulation failed on the way (*_until_...s.h5): refuse to write, keep them, or "
    "leave them out.",
)
@click.option("--gzip", is_flag=True, help="Compress: 0.6 of the size, several times slower to read.")
@click.option(
    "--reader",
    type=click.Choice(["auto", "h5py", "tfio"]),
    default="auto",
    show_default=True,
    help="Of the HDF5 files; auto: tensorflow-io where it is installed and works, else h5py.  The records "
    "are the same.",
)
@click.option(
    "--reference",
    metavar="NAME",
    help="Store what this reference says of each sample beside it, for networks that start from it "
    "(porous-electrode, resolved-particles, or one of yours).  Without it training computes it anew at "
    "every step.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Shards at a time, each with up to four copies of a sample in memory.  [default: one per core]",
)
def write(data, records, split, seed, short, partial, gzip, reader, reference, jobs):
    """Serialise the samples of DATA into the new directory RECORDS.

    An interrupted writing continues with the same command.
    """
    must_be_there(data, "one with samples (*.h5)")
    from tfmsnet.records import sample_files, write_records

    files = sample_files(data)
    with progress_bar("writing records") as progress:
        manifest = write_records(
            files,
            records,
            split=split,
            seed=seed,
            short=short,
            partial=partial,
            compression="GZIP" if gzip else "",
            reader=reader,
            reference=reference,
            jobs=jobs,
            progress=progress,
        )
    left_out = len(files) - sum(len(manifest.samples(name)) for name in manifest.splits)
    if left_out:
        note(f"{data}: {left_out} discharge(s) left out")
    counts = ", ".join(f"{len(manifest.samples(name))} {name}" for name in manifest.splits)
    click.echo(f"{records}: {counts}")


@command.command("info")
@click.argument("records", type=PATH)
@json_option
def info(records, as_json):
    """Print what RECORDS holds."""
    must_be_there(records, RECORDS)
    from tfmsnet.records import open_manifest
    from tfmsnet.records.info import summary, table

    manifest = open_manifest(records)
    click.echo(json.dumps(summary(manifest), indent=1) if as_json else table(manifest))


@command.command("verify")
@click.argument("records", type=PATH)
def verify(records):
    """Read all of RECORDS and name every shard and record that isn't as it was written."""
    must_be_there(records, RECORDS)
    from tfmsnet.records import verify as verify_records

    with progress_bar("verifying") as progress:
        problems = verify_records(records, progress)
    for problem in problems:
        click.echo(f"tfmsnet: {problem}", err=True)
    if not problems:
        click.echo(f"{records}: all shards are as they were written")
    return 2 if problems else 0
