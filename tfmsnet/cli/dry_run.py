"""tfmsnet train --dry-run: what a run would need, in lines of text."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from tfmsnet.load import FRAMES
from tfmsnet.predictors.config import describe_network
from tfmsnet.training.config import RunConfig
from tfmsnet.training.memory import (
    available_bytes,
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
