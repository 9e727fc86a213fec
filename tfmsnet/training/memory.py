"""How much memory a training step takes, told beforehand: arithmetic on the configuration, no TensorFlow.

It counts what a step holds at its peak.  The factors were fitted to the peak resident memory of training
processes on a CPU, which `benchmarks/memory.py --estimator` measures again; meant to be right within a
quarter.  What an accelerator holds is the same less `process`.
"""

import math
from dataclasses import dataclass, replace

from tfmsnet.predictors import size
from tfmsnet.predictors.domain import smallest_edge
from tfmsnet.predictors.kinds import kind_of
from tfmsnet.references.registry import registered
from tfmsnet.training.config import RunConfig

FLOAT = 4
# Bytes of a process that has TensorFlow loaded and a step compiled, and of every frame that a tape unrolls.
PROCESS = 765e6
UNROLLED_FRAME = 21e6
# What is kept for the way back, per byte of inputs and hidden layers; what a convolution and its gradient
# need at once, per byte of the widest layer; copies of the weights (themselves, gradients, Adam's moments).
KEPT, WORKING, WEIGHTS = 0.53, 11.5, 4.0
# Of mirror padding, per byte of the padded inputs, and of the kernels made even: kept as well.
PADDED, EVEN = 1.4, 1.8
# Batches that are read ahead while one is in use.
AHEAD = 2


@dataclass(frozen=True)
class Estimate:
    """Peak memory of a training step, bytes.

    Attributes:
        parameters: of the network.
        weights: they, their gradients and the optimizer's moments.
        activations: what is kept for the way back: one frame's (adjoint) or all frames' (tape).
        working: what the widest convolution needs at once.
        states: of the rollout, at all frames.
        data: the batch in use.
        ahead: batches read ahead.
        process: TensorFlow itself.
    """

    parameters: int
    weights: float
    activations: float
    working: float
    states: float
    data: float
    ahead: float
    process: float

    @property
    def parts(self) -> dict[str, float]:
        """Name -> bytes."""
        names = ("process", "weights", "activations", "working", "states", "data", "ahead")
        return {name: getattr(self, name) for name in names}

    @property
    def total(self) -> float:
        """Bytes."""
        return sum(self.parts.values())


def parameters(config: RunConfig) -> int:
    """Weights and biases of the network."""
    return size.parameters(config.network)


def estimate(
    config: RunConfig, grid: tuple[int, int, int], batch: int | None = None, frames: int = 24
) -> Estimate:
    """The peak memory of a training step on one device.

    Args:
        config: of the run.
        grid: voxels along x, y, z; padded to what the scales divide.
        batch: windows per step on the device; the configuration's without it.
        frames: of a discharge, the initial one left out; windows are no longer.
    """
    network, training = config.network, config.training
    batch = training.batch_size if batch is None else batch
    window = max(min(length or frames, frames) for _, length in training.horizon)
    multiple = smallest_edge(network.scales)
    edges = [-(-edge // multiple) * multiple for edge in grid]
    padded = math.prod(edges)
    hidden = FLOAT / 2 if training.precision == "mixed_bfloat16" else FLOAT
    layers = size.convolutions(network)
    voxels = [batch * padded / 8**scale for scale in range(network.scales)]
    kept = sum(voxels[layer.scale] * hidden * (layer.inputs + 2 * layer.normalised) for layer in layers)
    kept += sum(voxels) * FLOAT * 6 * size.output_channels(network)
    wide = (voxels[layer.scale] * hidden * layer.outputs for layer in layers if layer.kernel > 1)
    copies = kind_of(network).frames_held
    unrolled = window if training.gradient == "tape" else 1
    weights = parameters(config)
    # The discharge, and as much of a reference that differs from voxel to voxel.
    fields = 4 if registered(network.reference).voxel_numbers else 2
    data = FLOAT * batch * math.prod(grid) * (size.static_channels(network) + fields * (frames + 1) + 0.25)
    kept_by_mirrors = 0.0
    if network.padding == "mirror":
        padded_inputs = sum(
            batch * math.prod(edge / 2**layer.scale + layer.kernel - 1 for edge in edges) * layer.inputs
            for layer in layers
            if layer.kernel > 1
        )
        kept_by_mirrors = PADDED * hidden * padded_inputs + EVEN * FLOAT * weights
    return Estimate(
        parameters=weights,
        weights=WEIGHTS * FLOAT * weights,
        activations=(KEPT * kept + kept_by_mirrors) * unrolled,
        working=WORKING * max(wide, default=0.0),
        states=copies * FLOAT * size.state_channels(network) * batch * padded * (window + 1),
        data=data,
        ahead=AHEAD * data,
        process=PROCESS + UNROLLED_FRAME * (unrolled - 1),
    )


def largest_batch(config: RunConfig, grid: tuple[int, int, int], frames: int, available: float) -> int:
    """Windows per step that fit into so many bytes; 0 where not even one does."""
    batch = 0
    while batch < 1024 and estimate(config, grid, batch + 1, frames).total <= available:
        batch += 1
    return batch


def with_gradient(config: RunConfig, gradient: str) -> RunConfig:
    """The same run by the other gradient; a tape in windows of the longest stage."""
    longest = max(config.training.horizon, key=lambda stage: stage[1] or math.inf)[1]
    horizon = config.training.horizon if gradient == "adjoint" else ((1.0, longest),)
    return RunConfig(config.network, replace(config.training, gradient=gradient, horizon=horizon))
