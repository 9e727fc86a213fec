"""How far the reduced models are from the simulator, and what each costs: random electrodes, a Pareto plot.

    python benchmarks/references.py --out DIR [--image electrode.tiff] [--network RUN] [--cases 42]

Recipes of 85 to 95 wt% and 0 to 20 % calendering, particles of 1 to 2.5 times their usual size, voxels of
0.35 to 0.7 um (a third of them 0.5), 24x24x64 to 48x48x128 and some 24x24x244, 0.2C to 4C, every sixth case
under pulses of discharge, rest and charge; case n is the same electrode every time.  With --image,
docs/notebooks/electrode.tiff of github.com/tldr-group/taufactor (voxels of 0.39 um), three crops of it
follow.  Contestants: the 0-D cell, both reduced models, with --network one that was trained, and, on images
of up to 10^5 voxels, the simulator with tolerances a hundred times as loose and on voxels of twice the size.

What the simulator answers (truth_*.npz, cheap_*.json) and what is found (case_*.json) is kept in DIR: called
again, the command goes on; without the latter it judges again.  It begins no case after `--seconds`.  CPU
seconds are of one thread, the graph traced before.
"""

import argparse
import contextlib
import os
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import tfmsnet
from tfmsnet.electrode import AM, PhaseImage, Recipe, generate, read_image, remove_islands
from tfmsnet.electrode.resampling import resample
from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing, write_json
from tfmsnet.halfcell import (
    DischargeFailed,
    Parameters,
    cell,
    lithium,
    open_circuit_potential,
    salt,
    simulate,
)
from tfmsnet.load import CRate, End, Every, Load, Rest, constant_current
from tfmsnet.references.faraday import uniform_fields
from tfmsnet.references.reduced import PorousElectrode, ResolvedParticles
from tfmsnet.serving.model import EndedAtOnce, Model

PARAMETERS = Parameters()
SIZES = ((24, 24, 64), (32, 32, 64), (24, 24, 128), (48, 48, 64), (24, 24, 244), (48, 48, 128))
SHARES = (0.35, 0.2, 0.15, 0.1, 0.15, 0.05)
CONTESTANTS = (
    "uniform",
    "porous-electrode",
    "resolved-particles",
    "network",
    "loose simulator",
    "coarse simulator",
)
# On larger images the cheaper simulators take longer than all others together, and are as far off.
CHEAP_VOXELS = 100_000
# Of the simulator, a hundred times what they are.
LOOSE = ((cell, "_MISFIT_V"), (lithium, "_ERROR"), (salt, "_ERROR"))
# Of TauFactor's image: voxels of the crops, their edge, and what discharges them.
CROPS = (((0, 0, 0), 1.0), ((64, 128, 40), 2.0), ((150, 30, 100), 0.5))
CROP_SHAPE, CROP_VOXEL_UM = (48, 48, 96), 0.39


class Case(NamedTuple):
    """An electrode, what it is asked to do, and what tells it apart."""

    image: PhaseImage
    load: Load
    told: dict


def draw(number: int) -> Case:
    """A random case."""
    rng = np.random.default_rng([2071, number])
    size = SIZES[rng.choice(len(SIZES), p=SHARES)]
    scale, voxel_um = rng.uniform(1, 2.5), rng.uniform(0.35, 0.7)
    if rng.random() < 1 / 3:
        voxel_um = 0.5
    am, calendering = rng.uniform(85, 95), rng.uniform(0, 20)
    c_rate = float(np.exp(rng.uniform(np.log(0.2), np.log(4))))
    # The box has to hold some particles.
    scale = min(scale, size[0] * voxel_um / 6)
    recipe = Recipe(am, calendering, size, voxel_um / scale * 1e-6, seed=number)
    image = PhaseImage(
        generate(recipe).phase, voxel_um * 1e-6, am_wt_percent=am, calendering_percent=calendering
    )
    pulses = number % 6 == 5
    told = {
        "electrode": f"{am:.0f} wt%, {calendering:.0f} %, particles x {scale:.2f}",
        "size": list(size),
        "voxel_um": voxel_um,
        "c_rate": c_rate,
        "pulses": pulses,
    }
    return Case(image, pulsed(c_rate) if pulses else constant_current(c_rate), told)


def pulsed(c_rate: float) -> Load:
    """Discharge, rest, charge of a third, three times."""
    train = CRate(c_rate, End(charge=0.12)), Rest(End(time_s=300)), CRate(-c_rate / 2, End(charge=0.04))
    return Load(train * 3, Every(max(60.0, 150 / c_rate)), "pulses")


def crop(path: Path, number: int) -> Case:
    """A part of TauFactor's electrode."""
    corner, c_rate = CROPS[number]
    window = tuple((start, start + size) for start, size in zip(corner, CROP_SHAPE, strict=True))
    image, _ = remove_islands(read_image(path, CROP_VOXEL_UM * 1e-6, crop=window))
    told = {
        "electrode": f"TauFactor, crop at {corner}",
        "size": list(CROP_SHAPE),
        "voxel_um": CROP_VOXEL_UM,
        "c_rate": c_rate,
        "pulses": False,
    }
    return Case(image, constant_current(c_rate), told)


def timed(call):
    """What a call returns, and its CPU seconds."""
    start = time.process_time()
    answer = call()
    return answer, time.process_time() - start


def known(case: Case, path: Path) -> SimpleNamespace:
    """The simulator's answer, as far as it gets; kept in a file."""
    am = np.asarray(case.image.phase) == AM
    if not path.exists():
        started = time.process_time()
        try:
            found = simulate(case.image, case.load, PARAMETERS)
        except DischargeFailed as error:
            found = error.partial
        cpu_s = time.process_time() - started
        with replacing(path) as partial_path, partial_path.open("wb") as file:
            np.savez(
                file,
                concentration=found.concentration[:, am],
                times_s=found.times_s,
                profile=found.c_rate_profile,
                dol=found.dol,
                voltage_v=found.voltage_v,
                cpu_s=cpu_s,
            )
    with np.load(path) as content:
        # Frames of a failure before its next regular one are left out.
        regular = np.isin(content["times_s"].round(6), case.load.schedule(1.0, 0.0)[1].round(6))
        frames = {name: content[name][regular] for name in content.files if name != "cpu_s"}
        return SimpleNamespace(**frames, cpu_s=float(content["cpu_s"]), am=am)


def reference(model):
    """A reduced model as a function of image, C-rate profile and times."""
    traced = tf.function(
        model.discharge,
        input_signature=[
            tf.TensorSpec([None] * 4, tf.uint8),
            tf.TensorSpec([None], tf.float64),
            tf.TensorSpec([None, None], tf.float64),
            tf.TensorSpec([None, None], tf.float64),
            tf.TensorSpec([None], tf.float64),
        ],
    )

    def answer(image, profile, times_s):
        found = traced(
            np.array(image.phase)[None],
            np.array([image.voxel_size_m]),
            profile[None],
            times_s[None],
            np.array([image.calendering_percent]),
        )
        return {name: value.numpy()[0] for name, value in found.items()}

    return answer


def errors(truth, concentration, voltage_v, held: int | None = None) -> dict:
    """VRMSE of the concentration and RMSE of the curve in mV, over the frames that were answered.

    Not over the first, the equilibrium, nor over those after a model's end (`held` is the number before it).
    """
    frames = min(len(truth.times_s), held or len(truth.times_s))
    found, true = concentration[1:frames, truth.am].astype(float), truth.concentration[1:frames].astype(float)
    vrmse = np.sqrt(((found - true) ** 2).mean(1) / true.var(1))
    off = 1e3 * (voltage_v[1:frames] - truth.voltage_v[1:frames])
    return {
        "vrmse": float(np.median(vrmse)),
        "worst_vrmse": float(vrmse.max()),
        "mv": float(np.sqrt((off**2).mean())),
        "off_mv": off.round(2).tolist(),
    }


def coarse(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The simulator on voxels of twice the size: concentration on the fine ones, and the curve."""
    image, twice = case.image, 2 * case.image.voxel_size_m
    phase = resample(np.asarray(image.phase), image.voxel_size_m, twice)
    small, _ = remove_islands(PhaseImage(phase, twice, calendering_percent=image.calendering_percent))
    found = simulate(small, case.load, PARAMETERS)
    # Where the coarse image has no AM, the frame's mean.
    mean = found.dol[:, None, None, None] * PARAMETERS.c_max_mol_m3
    filled = np.where(np.asarray(small.phase) == AM, found.concentration, mean)
    return filled.repeat(2, 1).repeat(2, 2).repeat(2, 3), found.voltage_v


def loose(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The simulator with loose tolerances: concentration and curve."""
    with contextlib.ExitStack() as stack:
        for module, name in LOOSE:
            stack.enter_context(mock.patch.object(module, name, 100 * getattr(module, name)))
        found = simulate(case.image, case.load, PARAMETERS)
    return found.concentration, found.voltage_v


def cheap(case: Case, truth: SimpleNamespace, path: Path) -> dict:
    """Both cheaper simulators; kept in a file."""
    if not path.exists():
        result = {}
        for name, simulator in (("loose simulator", loose), ("coarse simulator", coarse)):
            try:
                (field, curve), seconds = timed(partial(simulator, case))
                result[name] = {**errors(truth, field, curve), "cpu_s": seconds}
            except (UserError, DischargeFailed) as error:
                result[name] = {"failed": str(error)}
        write_json(path, result)
    return read_json(path, "a case")


def judge(case: Case, truth: SimpleNamespace, models: dict) -> dict:
    """All contestants on one case but for the simulators."""
    profile, times_s = truth.profile, truth.times_s
    result = {**case.told, "frames": len(times_s), "simulator": {"cpu_s": truth.cpu_s}}
    flat = uniform_fields(profile, times_s, PARAMETERS).concentration[:, None, None, None]
    flat = np.broadcast_to(flat, (len(times_s), *case.image.shape))
    level = open_circuit_potential(truth.dol, PARAMETERS)
    result["uniform"] = {**errors(truth, flat, level), "cpu_s": 1e-4}
    for name, model in models.items():
        model(case.image, profile, times_s)
        found, seconds = timed(partial(model, case.image, profile, times_s))
        result[name] = {
            **errors(truth, found["concentration"], found["voltage_v"], int(found["ended"])),
            "cpu_s": seconds,
            "ended": int(found["ended"]),
        }
    return result


def by_network(case: Case, truth: SimpleNamespace, model: Model) -> dict:
    """The errors of a network that was trained."""
    model.fields(case.image, case.load)
    try:
        found, seconds = timed(partial(model.fields, case.image, case.load))
    except EndedAtOnce as error:
        return {"failed": str(error)}
    held = len(found.times_s)
    scores = errors(truth, found.concentration, found.voltage_v, held)
    return {**scores, "cpu_s": seconds, "ended": held}


def show(results: list[dict], out: Path) -> None:
    """The table, and the plot of error against CPU time."""
    print(f"{len(results)} cases: median (worst); short: cases in which it ended frames before the simulator")
    print(f"{'':20s}{'cases':>6s}{'VRMSE':>18s}{'curve, mV':>18s}{'CPU over simulator':>22s}{'short':>7s}")
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True)
    for name in CONTESTANTS:
        rows = [result for result in results if "vrmse" in result.get(name, {})]
        if not rows:
            continue
        vrmse, mv = (np.array([row[name][key] for row in rows]) for key in ("vrmse", "mv"))
        share = np.array([row[name]["cpu_s"] / row["simulator"]["cpu_s"] for row in rows])
        print(
            f"{name:20s}{len(rows):6d}{np.median(vrmse):10.4f} ({vrmse.max():.3f})"
            f"{np.median(mv):10.2f} ({mv.max():.2f})"
            f"{np.median(share):14.3f} ({share.max():.2f})"
            f"{sum(row[name].get('ended', row['frames']) < row['frames'] for row in rows):9d}"
        )
        for axis, values in zip(axes, (vrmse, mv), strict=True):
            points = axis.scatter(share, values, s=10, alpha=0.4)
            axis.scatter(
                np.median(share),
                np.median(values),
                s=80,
                marker="D",
                color=points.get_facecolor(),
                alpha=1,
                label=name,
            )
    for axis, label in zip(axes, ("concentration, VRMSE", "discharge curve, RMSE in mV"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="CPU time over the simulator's", ylabel=label)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.tight_layout()
    with replacing(out / "pareto.png") as path:
        figure.savefig(path, format="png", dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="where cases, table and plot are kept")
    parser.add_argument("--cases", type=int, default=42, help="random ones")
    parser.add_argument("--image", type=Path, help="TauFactor's electrode.tiff, three crops of which follow")
    parser.add_argument("--network", metavar="RUN", help="a run of tfmsnet train, its best/, an export")
    parser.add_argument("--seconds", type=float, default=np.inf, help="begin no further case after this time")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    models = {model.name: reference(model(PARAMETERS)) for model in (PorousElectrode, ResolvedParticles)}
    network = tfmsnet.load_model(options.network) if options.network else None
    cases = {f"{number:03d}": partial(draw, number) for number in range(options.cases)}
    if options.image:
        cases |= {f"crop_{number}": partial(crop, options.image, number) for number in range(len(CROPS))}
    begun, results = time.monotonic(), []
    for name, make in cases.items():
        path = options.out / f"case_{name}.json"
        if not path.exists():
            if time.monotonic() - begun > options.seconds:
                break
            case = make()
            truth = known(case, options.out / f"truth_{name}.npz")
            result = judge(case, truth, models)
            if case.image.phase.size <= CHEAP_VOXELS:
                result |= cheap(case, truth, options.out / f"cheap_{name}.json")
            write_json(path, result)
        result = read_json(path, "a case")
        if network and "network" not in result:
            case = make()
            result["network"] = by_network(case, known(case, options.out / f"truth_{name}.npz"), network)
            write_json(path, result)
        results.append(result)
    show(results, options.out)


if __name__ == "__main__":
    main()
