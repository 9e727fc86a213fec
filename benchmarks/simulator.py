"""CPU and clock seconds of discharges, threads and versions beside each other.

    python benchmarks/simulator.py [--size 48 48 96] [--threads 1 2]
    git worktree add ../before COMMIT
    python benchmarks/simulator.py --beside ../before --image electrode.tiff

Each discharge (1C, 25 frames) is a process of its own, on an electrode of 90 wt%, calendered by 10 %; with
--image, docs/notebooks/electrode.tiff of github.com/tldr-group/taufactor, on a corner of that, too.  With
--beside the version in that folder goes first, and the ratio of its CPU seconds to the others' is told, as is
how far curves and concentrations differ from its.  Threads wait for each other by looking, so that
their CPU seconds and their clock's say something on idle cores alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SEED = 900
# Of TauFactor's electrode, and what it is resampled to.
IMAGE_VOXEL_UM, VOXEL_UM = 0.390625, 0.5


def electrode(size, image):
    """Generated, or a corner of an image."""
    from tfmsnet.electrode import Recipe, generate, read_image, remove_islands

    if image is None:
        return generate(Recipe(90, 10, tuple(size), seed=SEED))
    crop = tuple((0, edge) for edge in size)
    voxels = {"voxel_size_m": 1e-6 * IMAGE_VOXEL_UM, "target_voxel_size_m": 1e-6 * VOXEL_UM}
    return remove_islands(read_image(image, crop=crop, **voxels))[0]


def discharge(size, image, threads, answer):
    """Time one discharge after a small one, for which numba compiles; keep what it found in a file."""
    from threadpoolctl import threadpool_limits

    from tfmsnet.halfcell import simulate

    shared = {"threads": threads} if threads > 1 else {}  # an older version has none
    simulate(electrode((12, 12, 16), None), 1.0, **shared)
    phase = electrode(size, image)
    clocks = (time.process_time, time.perf_counter)
    with threadpool_limits(1, user_api="blas"):
        begin = [clock() for clock in clocks]
        found = simulate(phase, 1.0, **shared)
        cpu_s, clock_s = (clock() - start for clock, start in zip(clocks, begin, strict=True))
    np.savez(answer, voltage=found.voltage_v, concentration=found.concentration / 48207.0)
    return {
        "cpu_s": cpu_s,
        "clock_s": clock_s,
        "charge": float(found.balances.charge.max()),
    }


def measured(tree, *values):
    """In a process of its own, of the package that is installed or of one in another folder."""
    command = [sys.executable, __file__, "--child", json.dumps(values)]
    environment = {**os.environ, **({"PYTHONPATH": str(tree)} if tree else {})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def compare(size, image, arguments, folder):
    """A row for each version and number of threads."""
    versions = [(arguments.beside, 1)] if arguments.beside else []
    versions += [(None, threads) for threads in arguments.threads]
    first = None
    for number, (tree, threads) in enumerate(versions):
        file = f"{folder}/{number}.npz"
        found = measured(tree, size, image and str(image), threads, file)
        with np.load(file) as answer:
            answer = dict(answer)
        first = first or (found, answer)
        off_mv = 1e3 * np.abs(answer["voltage"] - first[1]["voltage"]).max()
        off_dol = np.abs(answer["concentration"] - first[1]["concentration"]).max()
        name = "before" if tree else "now"
        print(
            f"{'image' if image else 'made':>6}{'x'.join(map(str, size)):>12}{name:>8}{threads:>8}"
            f"{found['cpu_s']:>8.1f}{found['clock_s']:>8.1f}"
            f"{first[0]['cpu_s'] / found['cpu_s']:>10.2f}{first[0]['clock_s'] / found['clock_s']:>8.2f}"
            f"{found['charge']:>9.0e}"
            f"{off_mv:>9.0e}{off_dol:>9.0e}",
            flush=True,
        )


def main(arguments):
    print(f"{'':6}{'voxels':>12}{'':8}{'threads':>8}{'CPU s':>8}{'clock':>8}", end="")
    print(f"{'CPU ratio':>10}{'clock':>8}{'charge':>9}{'mV off':>9}{'DOL off':>9}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for image in [None, arguments.image] if arguments.image else [None]:
            compare(arguments.size, image, arguments, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, nargs=3, default=[48, 48, 96])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--beside", type=Path, help="folder of another version")
    parser.add_argument("--image", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(discharge(*json.loads(arguments.child))))
    else:
        main(arguments)
