"""What an answer costs beside the simulator's, how far off it is, and how cost and memory grow; in one run.

    python benchmarks/speed.py
    python benchmarks/speed.py --size 24 24 64 --size 48 48 128 --size 72 72 244

Each model answers in a process of its own, as often as `--repeats` says after a first time; all fields at all
frames.  Seconds are of processor, of one thread; `first` holds TensorFlow's start.  Errors are against the
simulator: concentration VRMSE (median over the frames) and discharge curve (RMSE).  Peak memory is the
process's, the growth is log(seconds) over log(voxels) from size to size.
"""

import multiprocessing
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np

from tfmsnet.electrode import AM, Recipe, generate
from tfmsnet.halfcell import simulate


def asked(model: str, image, c_rate: float, truth: dict, repeats: int) -> dict:
    """What a model's answers cost, and how far off they are."""
    started = time.process_time()
    from tfmsnet.serving.local import load_model

    loaded = load_model(model)
    answer = loaded.fields(image, c_rate)
    first = time.process_time() - started
    again = []
    for _ in range(repeats):
        started = time.process_time()
        loaded.fields(image, c_rate)
        again.append(time.process_time() - started)
    am, frames = image.phase == AM, min(len(answer.times_s), len(truth["voltage_v"]))
    off = answer.concentration[1:frames, am] - truth["concentration"][1:frames]
    return {
        "first": first,
        "again": float(np.median(again)),
        "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "vrmse": float(np.median(np.sqrt((off**2).mean(1)) / truth["concentration"][1:frames].std(1))),
        "mv": 1e3 * float(np.sqrt(np.mean((answer.voltage_v[1:frames] - truth["voltage_v"][1:frames]) ** 2))),
    }


def simulated(image, c_rate: float) -> tuple[dict, dict]:
    """The simulator's answer, and what it costs."""
    simulate(generate(Recipe(90, 10, (12, 12, 16))), c_rate)  # numba compiles
    started = time.process_time()
    found = simulate(image, c_rate)
    seconds = time.process_time() - started
    gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    am = image.phase == AM
    truth = {"voltage_v": found.voltage_v, "concentration": found.concentration[:, am]}
    return truth, {"again": seconds, "gb": gb}


def alone(function, *arguments):
    """Called in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


@click.command()
@click.option(
    "--size", "sizes", type=int, nargs=3, multiple=True, help="Voxels x y z; repeatable.  [default: 24 24 64]"
)
@click.option("--c-rate", default=1.0, show_default=True)
@click.option("--seed", default=900, show_default=True, help="Of the electrode: 90 wt%, calendered by 10 %.")
@click.option(
    "--model",
    "models",
    multiple=True,
    default=("porous-electrode", "resolved-particles"),
    show_default=True,
    help="Also a run of tfmsnet train, or a model of tfmsnet export; repeatable.",
)
@click.option("--repeats", default=3, show_default=True, help="Answers after the first; the median counts.")
def main(sizes, c_rate, seed, models, repeats):
    """Print seconds of processor for a whole discharge beside its errors, for each size and model."""
    print(
        f"{'voxels':>12}{'':>20}{'first':>8}{'again':>9}{'simulator /':>13}{'GB':>7}{'VRMSE':>9}{'mV':>7}"
        f"{'growth':>8}"
    )
    before = {}
    for size in sizes or ((24, 24, 64),):
        image = generate(Recipe(90, 10, tuple(size), seed=seed))
        truth, slow = alone(simulated, image, c_rate)
        for model in ("simulator", *models):
            row = slow if model == "simulator" else alone(asked, model, image, c_rate, truth, repeats)
            growth = ""
            if model in before:
                cost, voxels = before[model]
                growth = f"{np.log(row['again'] / cost) / np.log(image.phase.size / voxels):8.2f}"
            before[model] = row["again"], image.phase.size
            errors = f"{row['vrmse']:9.4f}{row['mv']:7.2f}" if "vrmse" in row else 16 * " "
            ratio = slow["again"] / row["again"]
            print(
                f"{'x'.join(map(str, size)):>12}{os.path.basename(str(model)):>20}"
                f"{row.get('first', float('nan')):8.1f}{row['again']:9.2f}{ratio:13.1f}"
                f"{row['gb']:7.2f}{errors}{growth}",
                flush=True,
            )


if __name__ == "__main__":
    main()
