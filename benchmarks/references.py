"""How far the reduced models are from the simulator, and what each costs: random electrodes, a Pareto plot.

    python benchmarks/references.py --out DIR [--cases 40] [--seconds 150]

Recipes of 85 to 95 wt% and 0 to 20 % calendering, particles of 1 to 2.5 times their usual size, voxels of
0.35 to 0.7 um, 24x24x64 to 48x48x128 and some 24x24x244, 0.2C to 4C; case n is the same electrode every time.
Each case is kept in DIR: called again, the command goes on.  It begins no case after `--seconds`.  CPU
seconds are of one thread, the graph traced before.  The simulator on voxels of twice the size is a contestant
too.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tfmsnet.electrode import AM, PhaseImage, Recipe, generate, remove_islands
from tfmsnet.electrode.resampling import resample
from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing, write_json
from tfmsnet.halfcell import DischargeFailed, Parameters, open_circuit_potential, simulate
from tfmsnet.load import constant_current, equal_charge_frames
from tfmsnet.references.faraday import uniform_fields
from tfmsnet.references.reduced import PorousElectrode, ResolvedParticles

PARAMETERS = Parameters()
SIZES = ((24, 24, 64), (32, 32, 64), (24, 24, 128), (48, 48, 64), (24, 24, 244), (48, 48, 128))
SHARES = (0.3, 0.2, 0.2, 0.15, 0.1, 0.05)
FRAMES = 25
CONTESTANTS = ("uniform", "porous-electrode", "resolved-particles", "coarse simulator")


def draw(number: int) -> tuple[PhaseImage, float, dict]:
    """Electrode, C-rate and description of a case."""
    rng = np.random.default_rng([2061, number])
    size = SIZES[rng.choice(len(SIZES), p=SHARES)]
    scale, voxel_um = rng.uniform(1, 2.5), rng.uniform(0.35, 0.7)
    am, calendering = rng.uniform(85, 95), rng.uniform(0, 20)
    c_rate = float(np.exp(rng.uniform(np.log(0.2), np.log(4))))
    # The box has to hold some particles.
    scale = min(scale, size[0] * voxel_um / 6)
    recipe = Recipe(am, calendering, size, voxel_um / scale * 1e-6, seed=number)
    image = PhaseImage(
        generate(recipe).phase, voxel_um * 1e-6, am_wt_percent=am, calendering_percent=calendering
    )
    told = {"size": list(size), "voxel_um": voxel_um, "particles": scale, "am_wt_percent": am}
    return image, c_rate, {**told, "calendering_percent": calendering, "c_rate": c_rate}


def timed(call):
    """What a call returns, and its CPU seconds."""
    start = time.process_time()
    answer = call()
    return answer, time.process_time() - start


def reference(model):
    """A reduced model as a function of image, C-rate and number of frames."""
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


def errors(image, truth, concentration, voltage_v) -> dict:
    """VRMSE of the concentration and RMSE of the curve in mV, over all frames but the first."""
    am = np.asarray(image.phase) == AM
    found, true = (
        fields[1 : len(truth.times_s)][:, am].astype(float) for fields in (concentration, truth.concentration)
    )
    vrmse = np.sqrt(((found - true) ** 2).mean(1) / true.var(1))
    off = 1e3 * (voltage_v[1 : len(truth.times_s)] - truth.voltage_v[1:])
    return {
        "vrmse": float(np.median(vrmse)),
        "worst_vrmse": float(vrmse.max()),
        "mv": float(np.sqrt((off**2).mean())),
    }


def coarse(image: PhaseImage, c_rate: float, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The simulator on voxels of twice the size: concentration on the fine ones, and the curve."""
    twice = 2 * image.voxel_size_m
    phase = resample(np.asarray(image.phase), image.voxel_size_m, twice)
    small, _ = remove_islands(PhaseImage(phase, twice, calendering_percent=image.calendering_percent))
    found = simulate(small, constant_current(c_rate, frames), PARAMETERS)
    # Where the coarse image has no AM, the frame's mean.
    mean = found.dol[:, None, None, None] * PARAMETERS.c_max_mol_m3
    filled = np.where(np.asarray(small.phase) == AM, found.concentration, mean)
    return filled.repeat(2, 1).repeat(2, 2).repeat(2, 3), found.voltage_v


def judge(number: int, models: dict) -> dict:
    """All contestants on one case."""
    image, c_rate, told = draw(number)
    frames = FRAMES
    while True:
        try:
            truth, seconds = timed(partial(simulate, image, c_rate, PARAMETERS, frames=frames))
            break
        except DischargeFailed:
            frames -= 4
            if frames < 5:
                return {**told, "frames": 0}
    profile, times_s = equal_charge_frames(c_rate, frames)
    result = {**told, "frames": frames, "simulator": {"cpu_s": seconds}}
    known = uniform_fields(profile, times_s, PARAMETERS)
    flat = np.broadcast_to(known.concentration[:, None, None, None], truth.concentration.shape)
    level = open_circuit_potential(truth.dol, PARAMETERS)
    result["uniform"] = {**errors(image, truth, flat, level), "cpu_s": 1e-4}
    for name, model in models.items():
        model(image, profile, times_s)
        found, seconds = timed(partial(model, image, profile, times_s))
        result[name] = {
            **errors(image, truth, found["concentration"], found["voltage_v"]),
            "cpu_s": seconds,
            "ended": int(found["ended"]),
        }
    try:
        (field, curve), seconds = timed(partial(coarse, image, c_rate, frames))
        result["coarse simulator"] = {**errors(image, truth, field, curve), "cpu_s": seconds}
    except (UserError, DischargeFailed) as error:
        result["coarse simulator"] = {"failed": str(error)}
    return result


def show(results: list[dict], out: Path) -> None:
    """The table, and the plot of error against CPU time."""
    results = [result for result in results if result["frames"]]
    print(f"{len(results)} cases: median (worst)")
    print(f"{'':20s}{'VRMSE':>18s}{'curve, mV':>18s}{'CPU over simulator':>22s}")
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True)
    for name in CONTESTANTS:
        rows = [result for result in results if "vrmse" in result[name]]
        vrmse, mv = (np.array([row[name][key] for row in rows]) for key in ("vrmse", "mv"))
        share = np.array([row[name]["cpu_s"] / row["simulator"]["cpu_s"] for row in rows])
        print(
            f"{name:20s}{np.median(vrmse):10.4f} ({vrmse.max():.3f}){np.median(mv):10.2f} ({mv.max():.2f})"
            f"{np.median(share):14.3f} ({share.max():.2f})"
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
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=np.inf, help="begin no further case after this time")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    models = {model.name: reference(model(PARAMETERS)) for model in (PorousElectrode, ResolvedParticles)}
    begun, results = time.monotonic(), []
    for number in range(options.cases):
        path = options.out / f"case_{number:03d}.json"
        if not path.exists():
            if time.monotonic() - begun > options.seconds:
                break
            write_json(path, judge(number, models))
        results.append(read_json(path, "a case"))
    show(results, options.out)


if __name__ == "__main__":
    main()
