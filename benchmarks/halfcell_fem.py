"""The simulator against finite elements on a mesh that follows the particles.

    pip install gmsh scikit-fem
    python benchmarks/halfcell_fem.py
    python benchmarks/halfcell_fem.py --load pulse
    python benchmarks/halfcell_fem.py --am-s-m 1 --voxels 0.5 0.25

Nine spheres in 7 x 7 x 10 um, cut by the walls; binder on the foil and around the contacts.  What was solved
is kept in build/fem, so that finer meshes can be added.  Printed are volumes and areas, and the largest
differences in voltage and in the DOL of layers of 1 um: from the finest mesh, and from the limit that the two
finest meshes point to (where AM, binder and pores meet the current is singular: errors fall with the size).
"""

import argparse
import time
from pathlib import Path

import numpy as np

from halfcell_checks.fem import NINE_SPHERES, FiniteElements
from tfmsnet.electrode import AM
from tfmsnet.halfcell import Parameters, simulate
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.load import CRate, End, Every, Load, Rest

CACHE = Path(__file__).parents[1] / "build" / "fem"
# Segments of C-rate and seconds, and seconds from frame to frame.
LOADS = {
    "discharge": ([(1.0, 2400.0)], 100.0),
    "pulse": ([(2.0, 120.0), (0.0, 240.0)], 20.0),
}
LAYERS_M = np.arange(11) * 1e-6


def by_elements(size_um: float, load: str, parameters: Parameters) -> dict[str, np.ndarray]:
    segments, frame_s = LOADS[load]
    cell = FiniteElements(NINE_SPHERES, size_um, parameters)
    frames = list(cell.walk(segments, frame_s))
    return {
        "voltage_v": np.array([state.voltage_v for state in frames]),
        "dol": np.array([cell.plane_means(state, LAYERS_M) for state in frames]),
        "volume_um3": 1e18 * cell.am_volume_m3,
        "area_um2": 1e12 * cell.area_m2,
        "cells": cell.mesh.t.shape[1],
    }


def by_voxels(voxel_um: float, load: str, parameters: Parameters) -> dict[str, np.ndarray]:
    segments, frame_s = LOADS[load]
    image = NINE_SPHERES.image(voxel_um)
    parts = [
        CRate(rate, End(time_s=seconds)) if rate else Rest(End(time_s=seconds)) for rate, seconds in segments
    ]
    run = simulate(image, Load(tuple(parts), Every(frame_s)), parameters)
    grid = build_grid(image, parameters)
    am = image.phase == AM
    layer = np.digitize((np.arange(am.shape[2]) + 0.5) * image.voxel_size_m, LAYERS_M) - 1
    dol = np.stack(
        [
            run.concentration[..., layer == k][:, am[..., layer == k]].mean(axis=1)
            for k in range(len(LAYERS_M) - 1)
        ],
        axis=1,
    )
    return {
        "voltage_v": run.voltage_v,
        "dol": dol / parameters.c_max_mol_m3,
        "volume_um3": 1e18 * grid.am_volume_m3,
        "area_um2": 1e12 * grid.interface.area_m2.sum(),
        "cells": am.size,
    }


def kept(solve, size_um: float, load: str, am_s_m: float) -> dict[str, np.ndarray]:
    path = CACHE / f"{solve.__name__}_{size_um:g}_{load}_{am_s_m:g}.npz"
    if not path.exists():
        started = time.process_time()
        found = solve(size_um, load, Parameters(am_conductivity_s_m=am_s_m))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found, seconds=time.process_time() - started)
    return dict(np.load(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=float, nargs="+", default=[1.0, 0.8], help="um, falling")
    parser.add_argument("--voxels", type=float, nargs="+", default=[0.5, 0.25, 0.125], help="um")
    parser.add_argument("--load", choices=LOADS, default="discharge")
    parser.add_argument("--am-s-m", type=float, default=0.01, help="electronic conductivity of the AM")
    arguments = parser.parse_args()
    rows = [
        (kind, size, kept(solve, size, arguments.load, arguments.am_s_m))
        for kind, solve, sizes in (
            ("elements", by_elements, arguments.elements),
            ("voxels", by_voxels, arguments.voxels),
        )
        for size in sizes
    ]
    coarse, fine = rows[len(arguments.elements) - 2][2], rows[len(arguments.elements) - 1][2]
    ratio = arguments.elements[-2] / arguments.elements[-1]
    limit = {name: fine[name] + (fine[name] - coarse[name]) / (ratio - 1) for name in ("voltage_v", "dol")}
    print(f"{arguments.load}: from the finest mesh, and from its limit")
    off = f"{'mV':>6} {'DOL %':>6}"
    print(f"{'':8} {'um':>6} {'cells':>8} {'um3':>7} {'um2':>7} {'CPU s':>6} | {off} | {off}")
    for kind, size, found in rows:
        what = f"{kind:8} {size:6.3f} {int(found['cells']):8}"
        measures = f"{found['volume_um3']:7.2f} {found['area_um2']:7.2f} {found['seconds']:6.0f}"
        shown = [f"{what} {measures}"]
        for truth in (fine, limit):
            volts = 1e3 * np.abs(found["voltage_v"] - truth["voltage_v"]).max()
            dol = 100 * np.abs(found["dol"] / truth["dol"] - 1).max()
            shown.append(f"{volts:6.2f} {dol:6.2f}")
        print(" | ".join(shown))


if __name__ == "__main__":
    main()
