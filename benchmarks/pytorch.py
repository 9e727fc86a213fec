"""Training throughput of the paper's network against the same network and rollout in PyTorch.

    pip install torch
    python benchmarks/pytorch.py [--size 24 24 64] [--frames 24] [--threads 2 1] [--rounds 2]

Each is a process of its own with the same number of threads, by turns: a tape over the whole rollout
against PyTorch's, the discrete adjoint against `torch.utils.checkpoint` around every frame; PyTorch as it
is and with each frame under `torch.compile` (which needs a C++ compiler; compiling isn't timed), in the
memory format that is faster.  PyTorch as it is takes oneDNN's convolutions for several discharges at once,
or images above some size, and slow ones of its own otherwise: try --batch 2, too.  Before that, all compute
loss, frames and gradients from the same weights, and must agree.  On a busy machine compare CPU time, with
one thread: waiting threads count as busy.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

GRADIENTS = ("tape", "adjoint")
FRAMEWORKS = ("tfmsnet", "torch", "torch.compile")
TOLERANCE = 1e-5


def child(framework, options):
    """Make the case, or time steps: a process for each framework, lest their threads disturb each other."""
    if framework == "tfmsnet":
        return _tfmsnet(options)
    from torch_msnet import measured

    return measured({**options, "framework": framework})


def _tfmsnet(options):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(options["threads"])
    from made_up import trainer_and_batch

    from tfmsnet.training.config import PRESETS

    values = {"gradient": options["gradient"], "batch_size": options["batch"]}
    config = PRESETS["paper"].with_values(values, "benchmark")
    trainer, batch = trainer_and_batch(config, options["size"], options["frames"])
    if options["steps"] == 0:
        return _save_case(trainer, batch, options["case"])
    step = tf.function(trainer.train_step)
    return timed(lambda: step(batch)["loss"].numpy(), options["steps"])


def _save_case(trainer, batch, path):
    """Inputs, weights and results, for PyTorch to compute the same."""
    import tensorflow as tf

    static, conditions, true = trainer.window(batch)
    operating_point = trainer.predictor.state.operating_point(conditions)
    loss, _, gradients = tf.function(trainer.predictor.loss_and_gradients)(
        static, conditions, true, batch["index"], trainer.config.objective
    )
    frames = tf.function(trainer.predictor.states)(static, conditions, true[:, 0])
    arrays = {f"weight_{i:03d}": weight for i, weight in enumerate(trainer.predictor.get_weights())}
    arrays |= {f"gradient_{i:03d}": gradient for i, gradient in enumerate(gradients)}
    arrays |= {
        "features": static.features[0],
        "mask": static.masks[0],
        "operating_point": operating_point,
        "true": true,
    }
    arrays |= {"loss": loss, "frames": frames}
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return {"parameters": trainer.predictor.count_params()}


def timed(step, steps):
    """Seconds of the fastest step by the clock and of the processor, after one that isn't counted."""
    step()
    walls, cpus = [], []
    for _ in range(steps):
        begin = time.perf_counter(), time.process_time()
        step()
        walls.append(time.perf_counter() - begin[0])
        cpus.append(time.process_time() - begin[1])
    return {"wall_s": min(walls), "cpu_s": min(cpus)}


def run(framework, **options):
    """A child's answer."""
    threads = str(options["threads"])
    done = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps([framework, options])],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
    )
    if done.returncode:
        raise SystemExit(f"{framework}, {options}: ended with {done.returncode}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments):
    common = {name: getattr(arguments, name) for name in ("size", "frames", "batch")}
    with tempfile.TemporaryDirectory() as folder:
        common["case"] = str(Path(folder) / "case.npz")
        checked = {**common, "gradient": "adjoint", "steps": 0, "threads": max(arguments.threads)}
        made = run("tfmsnet", **checked)
        print(f"{made['parameters']:,} parameters; largest differences to it:", flush=True)
        for framework in FRAMEWORKS[1:]:
            errors = run(framework, **checked)["errors"]
            print(
                f"{framework}:",
                ", ".join(f"{name} {error:.1e}" for name, error in errors.items()),
                flush=True,
            )
            if max(errors.values()) > TOLERANCE:
                raise SystemExit(f"{framework} computes something else")
        what = f"{'x'.join(map(str, arguments.size))}, {arguments.frames} frames, {arguments.batch} at once"
        print(f"{what}; ratios are to tfmsnet")
        print(
            f"{'gradient':>9} {'threads':>8} {'':<14} {'s a step':>9} {'ratio':>6} {'CPU s':>7} {'ratio':>6}"
        )
        for gradient in arguments.gradients:
            for threads in arguments.threads:
                _compare(gradient, threads, arguments, common)


def _compare(gradient, threads, arguments, common):
    options = {**common, "gradient": gradient, "threads": threads, "steps": arguments.steps}
    rounds = [
        {framework: run(framework, **options) for framework in FRAMEWORKS} for _ in range(arguments.rounds)
    ]
    for framework in FRAMEWORKS:
        shown = []
        for quantity in ("wall_s", "cpu_s"):
            shown.append(statistics.median(turn[framework][quantity] for turn in rounds))
            shown.append(
                statistics.median(turn[framework][quantity] / turn["tfmsnet"][quantity] for turn in rounds)
            )
        wall, ratio, cpu, cpu_ratio = shown
        named = f"{gradient:>9} {threads:>8} {framework:<14}"
        print(f"{named} {wall:>9.2f} {ratio:>6.2f} {cpu:>7.2f} {cpu_ratio:>6.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, nargs=3, default=[24, 24, 64])
    parser.add_argument("--frames", type=int, default=24, help="after the first")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--rounds", type=int, default=2, help="turns of all")
    parser.add_argument("--steps", type=int, default=3, help="timed in each turn")
    parser.add_argument("--gradients", nargs="+", choices=GRADIENTS, default=list(GRADIENTS))
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(*json.loads(arguments.child))))
    else:
        main(arguments)
