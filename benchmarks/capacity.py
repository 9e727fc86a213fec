"""Capacity down to a voltage: how near the reduced models' is to the simulator's, and the curve on the way.

    python benchmarks/capacity.py [--electrodes 12] [--cutoff 3.0] [--out FILE]

Random electrodes of 24 x 24 x 64 voxels (80 to 96 wt%, 0 to 25 % calendering, voxels of 0.3 to 0.7 um,
particles of 1 to 2.5 times their usual size; the same every time), 0.2C to 3C, until surfaces are full.
Prints for each the charge over the simulator's, and the root mean square of the curve's error over the
frames that both have before their last.  Where the simulator doesn't come to the cut-off, the capacity isn't
judged.  With --out what was found is kept: called again, it goes on.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import tfmsnet
from tfmsnet.electrode import PhaseImage, Recipe, generate
from tfmsnet.files import read_json, write_json
from tfmsnet.halfcell import DischargeFailed, simulate
from tfmsnet.load import FRAMES_TO_FULL, constant_current
from tfmsnet.references.registry import REDUCED
from tfmsnet.serving.model import EndedAtOnce

SIZE = (24, 24, 64)


def draw(number: int) -> tuple[PhaseImage, float]:
    """A random electrode, and a C-rate."""
    rng = np.random.default_rng([2072, number])
    am, calendering = rng.uniform(80, 96), rng.uniform(0, 25)
    voxel_um, scale = rng.uniform(0.3, 0.7), rng.uniform(1, 2.5)
    # The box has to hold some particles.
    scale = min(scale, SIZE[0] * voxel_um / 6)
    image = generate(Recipe(am, calendering, SIZE, voxel_um / scale * 1e-6, seed=number))
    c_rate = float(np.exp(rng.uniform(np.log(0.2), np.log(3))))
    return PhaseImage(image.phase, voxel_um * 1e-6, am_wt_percent=am, calendering_percent=calendering), c_rate


def found(number: int, cutoff_v: float) -> dict:
    """Charge and curve of the simulator and of both models."""
    image, c_rate = draw(number)
    load = constant_current(c_rate, FRAMES_TO_FULL, cutoff_v)
    try:
        known, comes = simulate(image, load), True
    except DischargeFailed as error:
        known, comes = error.partial, False
    comes = comes and known.ends[0].reason == "voltage"
    result = {"c_rate": c_rate, "comes": comes, "charge": float(known.dol[-1] - known.dol[0]), "models": {}}
    for name in REDUCED:
        try:
            answer = tfmsnet.load_model(name).curve(image, load)
        except EndedAtOnce:
            continue
        common = min(len(answer.dol), len(known.dol)) - 1
        off = answer.voltage_v[1:common] - known.voltage_v[1:common]
        result["models"][name] = {
            "charge": float(answer.dol[-1] - answer.dol[0]),
            "off_mv": 1e3 * float(np.sqrt(np.mean(off**2))),
            "frames": [common, len(known.dol) - 1],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--electrodes", type=int, default=12)
    parser.add_argument("--cutoff", type=float, default=3.0, help="V")
    parser.add_argument("--out", type=Path, help="where results are kept, JSON")
    options = parser.parse_args()
    kept = read_json(options.out, "results") if options.out and options.out.exists() else {}
    for number in range(options.electrodes):
        key = f"{number} to {options.cutoff:g} V"
        if key not in kept:
            kept[key] = found(number, options.cutoff)
            if options.out:
                write_json(options.out, kept)
        one = kept[key]
        print(f"{key}, {one['c_rate']:.2f}C: DOL + {one['charge']:.4f}", "" if one["comes"] else "(fails)")
        for name, answer in one["models"].items():
            share = 100 * (answer["charge"] / one["charge"] - 1)
            frames = "{} of {} frames".format(*answer["frames"])
            print(f"    {name:20s}{share:+7.2f} % of it, {answer['off_mv']:.3f} mV over {frames}")
    print(f"\n{len(kept)} electrodes: median (worst)")
    for name in REDUCED:
        pairs = [(one["models"][name], one) for one in kept.values() if name in one["models"]]
        shares = [100 * abs(a["charge"] / one["charge"] - 1) for a, one in pairs if one["comes"]]
        curves = [a["off_mv"] for a, _ in pairs]
        print(
            f"{name:20s} capacity {np.median(shares):.2f} ({max(shares):.2f}) % of {len(shares)}, "
            f"curve {np.median(curves):.3f} ({max(curves):.2f}) mV of {len(curves)}"
        )


if __name__ == "__main__":
    main()
