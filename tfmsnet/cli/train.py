"""tfmsnet train: a predictor from records; --dry-run: what it takes."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import click

from tfmsnet.cli.calibrate import said
from tfmsnet.cli.options import PATH, RECORDS, must_be_there
from tfmsnet.errors import UserError
from tfmsnet.load import FRAMES
from tfmsnet.memory import available_bytes
from tfmsnet.predictors.config import describe_network
from tfmsnet.predictors.kinds import KINDS
from tfmsnet.progress import note, progress_bar
from tfmsnet.training.config import RunConfig
from tfmsnet.training.memory import (
    estimate,
    largest_batch,
    with_gradient,
)

DEFAULT_SIZE = (24, 24, 64)
MEANING = {
    "process": "TensorFlow, the compiled step",
    "weights": "weights, gradients, optimizer",
    "activations": "kept for the way back",
    "working": "the widest convolution",
    "states": "of the rollout",
    "data": "the batch in use",
    "ahead": "batches read ahead",
}


def estimated(
    config: RunConfig, records: Path | None, size: tuple[int, int, int] | None, frames: int | None
) -> Iterator[str]:
    """The lines that `--dry-run` prints.

    Args:
        config: of the run.
        records: whose largest grid and longest discharge count, unless the following are given.
        size: voxels along x, y, z.
        frames: of a discharge, the first included.
    """
    size, frames = _extent(records, size, frames)
    here = available_bytes()
    now = estimate(config, size, frames=frames - 1)
    network, training = config.network, config.training
    yield (
        f"{describe_network(network)}, {config.mode}, {network.scales} scales "
        f"({', '.join(f'{name}={value}' for name, value in asdict(network.options).items())}): "
        f"{now.parameters:,} parameters"
    )
    yield (
        f"{'x'.join(map(str, size))} voxels, {frames} frames, batches of {training.batch_size}, "
        f"gradient by {training.gradient}, {training.precision}"
    )
    for name, value in now.parts.items():
        yield f"  {name:<12}{_gigabytes(value):>9}  {MEANING[name]}"
    yield f"  {'peak':<12}{_gigabytes(now.total):>9}  of {_gigabytes(here)} available here"
    other = with_gradient(config, "tape" if training.gradient == "adjoint" else "adjoint")
    yield (
        f"by {other.training.gradient}: {_gigabytes(estimate(other, size, frames=frames - 1).total)};  "
        f"in mixed_bfloat16: {_gigabytes(_in_bfloat16(config, size, frames))}"
    )
    fits = largest_batch(config, size, frames - 1, here)
    if now.total > here:
        best = f"batch_size={fits} would" if fits else "not even batch_size=1 does; take fewer filters"
        yield f"won't fit: {_gigabytes(now.total)} needed, {_gigabytes(here)} here; {best}"
    else:
        yield f"fits; the largest batch_size that does is {fits}"


def _extent(records, size, frames):
    if records and not (size and frames):
        from tfmsnet.records.manifest import open_manifest

        manifest = open_manifest(records)
        samples = [sample for split in manifest.splits for sample in manifest.samples(split)]
        size = size or max((tuple(s["grid"]) for s in samples), key=lambda grid: grid[0] * grid[1] * grid[2])
        frames = frames or max(sample["frames"] for sample in samples)
    return size or DEFAULT_SIZE, frames or FRAMES


def _in_bfloat16(config, size, frames):
    training = replace(config.training, precision="mixed_bfloat16")
    return estimate(RunConfig(config.network, training), size, frames=frames - 1).total


def _gigabytes(value: float) -> str:
    return f"{value / 1e9:.2f} GB"


@click.command("train")
@click.argument("records", type=PATH, required=False)
@click.option("--out", type=PATH, help="Run directory; one of the same run is continued.")
@click.option(
    "--preset",
    type=click.Choice(["default", "paper", "ms_net"]),
    help="paper: as Marcato et al. 2023; ms_net: the same with the network of github.com/je-santos/ms_net; "
    "default: deviation from the 0-D cell, lithium conserved exactly.  "
    "[default: default]",
)
@click.option(
    "--mode",
    type=click.Choice(tuple(KINDS)),
    help="autoregressive: on its own predictions; classic: one step from the true frame; direct: each frame "
    "from image, C-rate and time alone; basis: direct, all frames in one pass (constant current, many times "
    "faster).  [default: the configuration's]",
)
@click.option(
    "--config", type=PATH, help="JSON file of a configuration, or a run's run.json, instead of --preset."
)
@click.option(
    "--init",
    type=PATH,
    metavar="RUN",
    help="Start from the weights of a trained surrogate, with its network: fine-tuning.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value of the configuration, such as filters=8 or steps=2000; repeatable.",
)
@click.option(
    "--strategy",
    type=click.Choice(["auto", "one", "mirrored", "multiworker"]),
    default="auto",
    show_default=True,
    help="tf.distribute strategy: one device, all devices of this machine, or the processes that TF_CONFIG "
    "lists; auto takes what is there.",
)
@click.option(
    "--devices", metavar="NAME,...", help="Devices such as GPU:0,GPU:1.  [default: all GPUs, else the CPU]"
)
@click.option("--profile", is_flag=True, help="Trace five steps for TensorBoard's profile page.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Estimate parameters and peak memory and stop; RECORDS aren't needed, --size and --frames stand in.",
)
@click.option("--size", type=click.IntRange(1), nargs=3, help="Voxels along x y z.  [default: the records']")
@click.option(
    "--frames",
    type=click.IntRange(2),
    help="Frames of a discharge, the first included.  [default: the records']",
)
@click.option(
    "--data-service",
    metavar="grpc://HOST:PORT",
    help="Dispatcher of a tf.data service whose workers read the records instead of this machine.",
)
@click.option("--print-config", is_flag=True, help="Print the configuration as JSON and stop.")
def command(
    records,
    out,
    preset,
    mode,
    config,
    init,
    changes,
    strategy,
    devices,
    profile,
    dry_run,
    size,
    frames,
    data_service,
    print_config,
):
    """Train a surrogate on RECORDS.

    An interrupted run continues with the same command.  Watch it with `tensorboard --logdir OUT`.
    """
    must_be_there(records, RECORDS)
    from tfmsnet.predictors.store import network_of
    from tfmsnet.training.config import PRESETS, load_config

    if config and preset:
        raise click.UsageError("--config and --preset: give one of them")
    if init and (config or preset or mode):
        raise click.UsageError("--init brings its network and mode: leave --config, --preset and --mode away")
    chosen = load_config(config) if config else PRESETS[preset or "default"]
    chosen = chosen.with_network(network_of(init)) if init else chosen.in_mode(mode or chosen.mode)
    chosen = chosen.with_values(parsed(changes), "--set")
    if print_config:
        click.echo(json.dumps(chosen.as_dict(), indent=1))
        return 0
    if dry_run:
        for line in estimated(chosen, records, size, frames):
            click.echo(line)
        return 0
    if size or frames:
        raise click.UsageError("--size and --frames are for --dry-run; a training takes its records'")
    if not records or not out:
        raise click.UsageError("expected RECORDS and --out RUN (--dry-run and --print-config do without)")
    from tfmsnet.training.run import train

    names = tuple(name.strip() for name in devices.split(",")) if devices else ()
    train(
        records,
        out,
        chosen,
        strategy=strategy,
        devices=names,
        profile=profile,
        data_service=data_service,
        init=init,
    )
    _calibrate(out, records)
    click.echo(f"{out}: trained; score it with `tfmsnet evaluate {out} {records} --out REPORT`")
    return 0


def _calibrate(out: Path, records: Path) -> None:
    """Of the last weights and of the best, where the records have what that takes."""
    from tfmsnet.predictors.store import WEIGHTS
    from tfmsnet.serving.calibration import calibrate, calibrated

    if "TF_CONFIG" in os.environ:
        note(f"no error bars, as others trained with it: `tfmsnet calibrate {out} {records}` finds them")
        return
    for run in (out, out / "best"):
        if not (run / WEIGHTS).is_file() or calibrated(run):
            continue
        try:
            with progress_bar("calibrating") as progress:
                errors = calibrate(run, records, progress=progress)
        except UserError as error:
            note(f"no error bars: {error}")
            continue
        note(said(run, errors))


def parsed(changes: tuple[str, ...]) -> dict[str, object]:
    """KEY=VALUE texts of --set; values are JSON, else text."""
    values = {}
    for change in changes:
        key, sign, text = change.partition("=")
        if not sign:
            raise click.BadParameter(f"--set: expected KEY=VALUE, found {change!r}")
        try:
            values[key] = json.loads(text)
        except json.JSONDecodeError:
            values[key] = text
    return values
