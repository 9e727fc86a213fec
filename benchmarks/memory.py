"""Peak memory and time of a training step: discrete adjoint against tape, and what was estimated beforehand.

python benchmarks/memory.py             the table of docs/training.md
python benchmarks/memory.py --estimator the estimator against measurements
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import fields

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfmsnet.load import constant_current
from tfmsnet.training.config import PRESETS
from tfmsnet.training.memory import estimate

PAPER = {"filters": 10, "growth": 4.0, "channels": ["inverted_distance", "phase_partition", "depth"]}
SMALL = (24, 24, 64)
CASES = (
    ({"frames": 4, "batch_size": 1, "filters": 8}, SMALL),
    ({"frames": 4, "batch_size": 1, "filters": 8, "gradient": "tape"}, SMALL),
    ({"frames": 4, "batch_size": 2, "filters": 16}, SMALL),
    ({**PAPER, "frames": 4, "batch_size": 1}, SMALL),
    ({"frames": 2, "batch_size": 1, "filters": 8, "gradient": "tape"}, (48, 48, 128)),
    ({"frames": 2, "batch_size": 1, "filters": 16}, (48, 48, 128)),
)


def configuration(values):
    """The default preset with windows of one length."""
    frames = values.pop("frames", 24)  # the only key that isn't the configuration's
    return PRESETS["default"].with_values({**values, "horizon": [[1.0, frames]]}, "benchmark")


def measure(values, grid, steps):
    """In a process of its own: peak resident memory and the time of a step."""
    command = [sys.executable, __file__, "--child", json.dumps([values, grid, steps])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def child(values, grid, steps):
    """Train on a made-up discharge; the data are one batch, made by the stages of the training stream."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tfmsnet.halfcell import Parameters
    from tfmsnet.model.basis import make_surrogate
    from tfmsnet.records.statistics import FieldStatistics
    from tfmsnet.training.data import described, trimmed
    from tfmsnet.training.trainer import make_trainer

    frames = values.get("frames", 24)
    config = configuration(values)
    of_field = {field.name: 1.0 for field in fields(FieldStatistics)} | {"minimum": 0.0}
    statistics = {field: of_field for field in ("concentration", "potential")}
    surrogate = make_surrogate(config.network, Parameters(), statistics, 5e-7, config.training.precision)
    trainer = make_trainer(surrogate, config.training)
    trainer.compile(optimizer=keras.optimizers.Adam(1e-4))
    rng = np.random.default_rng(0)
    profile, times = constant_current(1.0, frames + 1)
    element = {
        "phase": rng.integers(0, 3, grid).astype(np.uint8),
        "concentration": rng.random((frames + 1, *grid), np.float32),
        "potential": rng.random((frames + 1, *grid), np.float32),
        "c_rate_profile": profile.astype(np.float32),
        "times_s": times.astype(np.float32),
        "index": np.int64(0),
    }
    data = tf.data.Dataset.from_tensors(element).map(described(surrogate)).map(trimmed)
    batch = next(iter(data.repeat(config.training.batch_size).batch(config.training.batch_size)))
    step = tf.function(trainer.optimize)
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
        "parameters": surrogate.count_params(),
    }


def estimator():
    """Estimated and measured peaks side by side."""
    print(f"{'grid':>10} {'gradient':>9} {'parameters':>11} {'estimated':>10} {'measured':>9} {'ratio':>6}")
    for values, grid in CASES:
        measured = measure(values, grid, 0)
        told = estimate(configuration(dict(values)), grid, frames=values["frames"])
        name, gradient = "x".join(map(str, grid)), values.get("gradient", "adjoint")
        peaks = f"{told.total / 1e9:>7.2f} GB {measured['peak'] / 1e9:>6.2f} GB"
        ratio = told.total / measured["peak"]
        print(f"{name:>10} {gradient:>9} {measured['parameters']:>11,} {peaks} {ratio:>6.2f}", flush=True)


def gradients(steps):
    """Adjoint against tape at 24x24x64, about 3 M parameters, and the adjoint in four times the frames."""
    print(f"{'gradient':>9} {'frames':>7} {'above start':>12} {'CPU s a step':>13}")
    for gradient, frames in (("adjoint", 24), ("tape", 24), ("adjoint", 96)):
        found = measure({**PAPER, "gradient": gradient, "frames": frames, "batch_size": 1}, SMALL, steps)
        grown = (found["peak"] - found["before"]) / 1e6
        print(f"{gradient:>9} {frames:>7} {grown:>9.0f} MB {found['cpu_seconds']:>13.1f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--child")
    parser.add_argument("--estimator", action="store_true")
    parser.add_argument("--steps", type=int, default=2, help="that are timed, after one that isn't")
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(*json.loads(arguments.child))))
    elif arguments.estimator:
        estimator()
    else:
        gradients(arguments.steps)
