"""tfmsnet records: write, info, verify."""

import click

from tfmsnet.cli.options import PATH
from tfmsnet.cli.progress import progress_bar


@click.group("records")
def command():
    """TFRecord shards with a manifest: write them, look at them, verify them."""


@command.command("write")
@click.argument("data", type=PATH)
@click.argument("records", type=PATH)
@click.option(
    "--split",
    default="paper",
    show_default=True,
    help="'paper' (the recipe of 90 wt% and 10 % calendering is the test), or VALIDATION/TEST: how many "
    "geometries go to each, such as 2/4.",
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
@click.option("--gzip", is_flag=True, help="Compress: 0.6 of the size, several times slower to read.")
def write(data, records, split, seed, short, gzip):
    """Serialise the samples of DATA into the new directory RECORDS."""
    from tfmsnet.records import sample_files, write_records

    files = sample_files(data)
    with progress_bar("writing records") as progress:
        manifest = write_records(
            files,
            records,
            split=split,
            seed=seed,
            short=short,
            compression="GZIP" if gzip else "",
            progress=progress,
        )
    left_out = len(files) - sum(len(manifest.samples(name)) for name in manifest.splits)
    if left_out:
        click.echo(f"{data}: {left_out} short discharge(s) left out", err=True)
    counts = ", ".join(f"{len(manifest.samples(name))} {name}" for name in manifest.splits)
    click.echo(f"{records}: {counts}")


@command.command("info")
@click.argument("records", type=PATH)
def info(records):
    """Print what RECORDS holds."""
    from tfmsnet.records import open_manifest
    from tfmsnet.records.info import table

    click.echo(table(open_manifest(records)))


@command.command("verify")
@click.argument("records", type=PATH)
def verify(records):
    """Read all of RECORDS and name every shard and record that isn't as it was written."""
    from tfmsnet.records import verify as verify_records

    with progress_bar("verifying") as progress:
        problems = verify_records(records, progress)
    for problem in problems:
        click.echo(f"tfmsnet: {problem}", err=True)
    if not problems:
        click.echo(f"{records}: all shards are as they were written")
    return 2 if problems else 0
