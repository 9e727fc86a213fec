"""Peak memory and time of a training step: discrete adjoint against tape, and what was estimated beforehand.

python benchmarks/memory.py                     adjoint against tape
python benchmarks/memory.py --estimator         the estimator against measurements
python benchmarks/memory.py --estimator --large the same at the paper's size
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfmsnet.training.config import PRESETS
from tfmsnet.training.memory import estimate

PAPER = {"preset": "paper"}
SMALL = (24, 24, 64)
MEDIUM = (48, 48, 128)
FULL = (72, 72, 244)
ZERO = {"padding": "zero"}
CASES = (
    ({**PAPER, "frames": 24}, SMALL),
    ({**PAPER, "frames": 24, "gradient": "tape"}, SMALL),
    ({**ZERO, "frames": 12}, SMALL),
    ({**ZERO, "frames": 4, "batch_size": 4, "filters": 32}, SMALL),
    ({**ZERO, "frames": 12, "batch_size": 1, "gradient": "tape"}, SMALL),
    ({**ZERO, "frames": 24, "batch_size": 1, "mode": "basis"}, SMALL),
    ({"frames": 12}, SMALL),
    ({**PAPER, "frames": 4}, MEDIUM),
    ({**PAPER, "frames": 4, "gradient": "tape"}, MEDIUM),
    ({**ZERO, "frames": 4}, MEDIUM),
    ({**ZERO, "frames": 24, "batch_size": 1, "mode": "basis"}, MEDIUM),
    (
        {**ZERO, "frames": 4, "batch_size": 1, "architecture": "unet", "convolutions": 2, "gradient": "tape"},
        MEDIUM,
    ),
    ({**ZERO, "frames": 4, "precision": "mixed_bfloat16"}, MEDIUM),
    ({"frames": 2, "batch_size": 1}, MEDIUM),
)
LARGE = (
    ({**PAPER, "frames": 24}, FULL),
    ({**PAPER, "frames": 2, "gradient": "tape"}, FULL),
    ({**ZERO, "frames": 4, "batch_size": 1}, FULL),
    ({**ZERO, "frames": 24, "batch_size": 1, "mode": "basis"}, FULL),
)


def configuration(values):
    """A preset with windows of one length; preset, mode and frames aren't keys of the configuration."""
    values = dict(values)
    config = PRESETS[values.pop("preset", "default")]
    mode, frames = values.pop("mode", config.mode), values.pop("frames", 24)
    return config.in_mode(mode).with_values({**values, "horizon": [[1.0, frames]]}, "benchmark")


def measure(values, grid, steps):
    """In a process of its own: peak resident memory and the time of a step."""
    command = [sys.executable, __file__, "--child", json.dumps([values, grid, steps])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def child(values, grid, steps):
    """Train on a made-up discharge; the data are one batch, made by the stages of the training stream."""
    import tensorflow as tf
    from made_up import trainer_and_batch

    frames = values.get("frames", 24)
    trainer, batch = trainer_and_batch(configuration(values), grid, frames)
    step = tf.function(trainer.train_step)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    step(batch)
    begin, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step(batch)["loss"].numpy()
    return {
        "before": before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "seconds": (time.perf_counter() - begin) / max(steps, 1),
        "cpu_seconds": (time.process_time() - cpu) / max(steps, 1),
        "parameters": trainer.predictor.count_params(),
    }


def estimator(cases):
    """Estimated and measured peaks side by side."""
    print(f"{'grid':>10} {'step':>14} {'frames':>7} {'batch':>6} {'parameters':>11}", end="")
    print(f"{'estimated':>11} {'measured':>11} {'ratio':>6}", flush=True)
    for values, grid in cases:
        measured = measure(values, grid, 0)
        told = estimate(configuration(values), grid, frames=values["frames"])
        step = told.total - told.ahead  # the measured process has one batch alone
        config, name = configuration(values), "x".join(map(str, grid))
        how = "basis" if config.network.basis else config.training.gradient
        kind = "paper" if "preset" in values else "bfloat16" if "precision" in values else ""
        kind = "mirrors" if config.network.padding == "mirror" else kind
        how = f"{kind or values.get('architecture', '')} {how}".strip()
        row = f"{name:>10} {how:>14} {values['frames']:>7} {config.training.batch_size:>6}"
        row += f" {measured['parameters']:>11,} {step / 1e9:>7.2f} GB {measured['peak'] / 1e9:>8.2f} GB"
        print(f"{row} {step / measured['peak']:>6.2f}", flush=True)


def gradients(steps):
    """Adjoint against tape at 24x24x64, about 3 M parameters, and the adjoint in four times the frames."""
    print(f"{'gradient':>9} {'frames':>7} {'peak':>10} {'above start':>12} {'CPU s a step':>13}")
    for gradient, frames in (("adjoint", 24), ("tape", 24), ("adjoint", 96)):
        found = measure({**PAPER, "gradient": gradient, "frames": frames}, SMALL, steps)
        peak, grown = found["peak"] / 1e6, (found["peak"] - found["before"]) / 1e6
        row = f"{gradient:>9} {frames:>7} {peak:>7.0f} MB {grown:>9.0f} MB {found['cpu_seconds']:>13.1f}"
        print(row, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--child")
    parser.add_argument("--estimator", action="store_true")
    parser.add_argument("--large", action="store_true", help="72x72x244: minutes a case")
    parser.add_argument("--steps", type=int, default=2, help="that are timed, after one that isn't")
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(*json.loads(arguments.child))))
    elif arguments.estimator:
        estimator(LARGE if arguments.large else CASES)
    else:
        gradients(arguments.steps)
