"""MSNet against an equally large U-Net: memory and time of back-propagation by tape through 1 to 8 frames.

The paper reports that of its 25 frames, all of which MSNet trains on, an equally large PoreFlow-Net could
hold three.  Each number comes from a training step in a process of its own, on the configuration of the
paper's MSNet and on a U-Net of PoreFlow-Net's shape (`tfmsnet.networks.unet`).

python benchmarks/poreflow.py [--size 24 24 64] [--memory-gb 16]
"""

import argparse
from dataclasses import dataclass

import numpy as np
from memory import measure

PAPER = {
    "fields": ["concentration"],
    "state": "min-max",
    "channels": ["inverted_distance", "phase_partition", "depth"],
    "shortcut": False,
    "batch_size": 1,
    "gradient": "tape",
    "loss": "mse",
    "noise": 0.0,
    "state_dropout": 0.0,
}
NETWORKS = {
    "MSNet": {"scales": 3, "filters": 10, "growth": 4.0, "convolutions": 5},
    "U-Net": {"architecture": "unet", "scales": 4, "filters": 24, "growth": 1.95, "convolutions": 2},
}
FRAMES = (1, 2, 4, 8)
PAPERS_FRAMES = 25
CLOSE = 0.03


@dataclass(frozen=True)
class Growth:
    """Peak memory against the frames, a straight line through the measured ones, bytes."""

    parameters: int
    per_frame: float
    without_frames: float

    @classmethod
    def through(cls, found):
        """Of frames -> what `measure` returns."""
        slope, intercept = np.polyfit(list(found), [one["peak"] for one in found.values()], 1)
        return cls(next(iter(found.values()))["parameters"], slope, intercept)

    def of(self, frames):
        """Bytes."""
        return self.without_frames + self.per_frame * frames

    def frames_in(self, memory):
        """How many frames fit, at most the paper's."""
        frames = (memory - self.without_frames) / self.per_frame
        return int(np.clip(frames + 1e-6, 0, PAPERS_FRAMES))  # 25 frames fit into the memory of 25


def measured(name, size, steps):
    """Print and return frames -> what `measure` returns."""
    found = {}
    for frames in FRAMES:
        found[frames] = one = measure({**PAPER, **NETWORKS[name], "frames": frames}, size, steps)
        grown = (one["peak"] - one["before"]) / 1e6
        print(
            f"{name:>6} {frames:>7} {grown:>12,.0f} MB {one['peak'] / 1e6:>7,.0f} MB"
            f" {one['cpu_seconds']:>11.1f} {one['seconds']:>9.1f}",
            flush=True,
        )
    return found


def main(size, memory_gb, steps):
    print(f"{'x'.join(map(str, size))} voxels, one discharge per step, gradient by tape")
    print(f"{'':>6} {'frames':>7} {'above start':>15} {'peak':>10} {'CPU s/step':>11} {'s/step':>9}")
    growth = {name: Growth.through(measured(name, size, steps)) for name in NETWORKS}
    sizes = [one.parameters for one in growth.values()]
    assert max(sizes) <= min(sizes) * (1 + CLOSE), sizes
    budgets = {f"MSNet's {PAPERS_FRAMES} frames": growth["MSNet"].of(PAPERS_FRAMES)}
    if memory_gb:
        budgets[f"{memory_gb:g} GB"] = memory_gb * 1e9
    for name, one in growth.items():
        print(f"{name}: {one.parameters:,} parameters, {one.per_frame / 1e6:,.0f} MB per frame")
        for budget, memory in budgets.items():
            fit = one.frames_in(memory)
            print(
                f"  into the memory of {budget} ({memory / 1e9:.2f} GB) fit {fit} of {PAPERS_FRAMES} frames"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, nargs=3, default=(24, 24, 64), help="voxels along x y z")
    parser.add_argument("--memory-gb", type=float, help="how many frames fit into so much, 1e9 bytes")
    parser.add_argument("--steps", type=int, default=1, help="that are timed, after one that isn't")
    arguments = parser.parse_args()
    main(tuple(arguments.size), arguments.memory_gb, arguments.steps)
