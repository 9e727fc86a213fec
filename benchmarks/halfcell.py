"""Cost, balances and curve of a half-cell discharge; with --growth, how the cost grows with the grid.

OPENBLAS_NUM_THREADS=1 python benchmarks/halfcell.py --c-rate 0.5 --c-rate 1 --c-rate 2
OPENBLAS_NUM_THREADS=1 python benchmarks/halfcell.py --growth docs/verification/growth.json
"""

import resource
import time
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from halfcell_checks import growth
from tfmsnet.electrode import Recipe, generate
from tfmsnet.files import read_json, replacing, write_json
from tfmsnet.halfcell import simulate
from tfmsnet.plots.style import png

SHOWN_DOL = (0.46, 0.5, 0.6, 0.7, 0.8, 0.82)


@click.command()
@click.option(
    "--size",
    "sizes",
    type=int,
    nargs=3,
    multiple=True,
    help="Voxels x y z; may be repeated.  [default: 24 24 64; with --growth, five sizes up to 72 72 244]",
)
@click.option("--c-rate", "c_rates", type=float, multiple=True, default=(1.0,), help="May be repeated.")
@click.option("--am-wt-percent", default=90.0, show_default=True)
@click.option("--calendering-percent", default=0.0, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--growth",
    "growth_file",
    type=click.Path(path_type=Path),
    help="Measure one discharge at 1C per size, each in its own process, and add the numbers to this JSON "
    "file, with a figure beside it; sizes that it holds already are kept.",
)
def main(sizes, c_rates, am_wt_percent, calendering_percent, seed, growth_file):
    """Discharge generated electrodes and print what it took."""
    recipe = (am_wt_percent, calendering_percent)
    if growth_file:
        _growth(growth_file, sizes or growth.LADDER, recipe, seed)
        return
    growth.warm_up()
    for size in sizes or ((24, 24, 64),):
        _discharge(generate(Recipe(*recipe, tuple(size), seed=seed)), c_rates)


def _discharge(image, c_rates):
    print(f"{' x '.join(map(str, image.shape))}: V at DOL {SHOWN_DOL}; {image.volume_fractions}")
    for c_rate in c_rates:
        start = time.process_time()
        discharge = simulate(image, c_rate)
        seconds = time.process_time() - start
        voltages = np.interp(SHOWN_DOL, discharge.dol, discharge.voltage_v).round(4)
        balances = discharge.balances
        print(
            f"{c_rate:g}C: {seconds:.1f} CPU s, {len(balances.times_s)} steps, V {voltages}, imbalance of "
            f"charge {balances.charge.max():.1e}, lithium {balances.lithium.max():.1e}, "
            f"salt {balances.salt.max():.1e}"
        )
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def _growth(path, sizes, recipe, seed):
    kept = read_json(path, "costs of --growth")["costs"] if path.is_file() else []
    measured = [growth.Cost(tuple(cost["size"]), cost["cpu_s"], cost["memory_gb"]) for cost in kept]
    there = {cost.size for cost in measured}
    for cost in growth.costs([tuple(size) for size in sizes if tuple(size) not in there], recipe, seed):
        measured = sorted([*measured, cost], key=lambda one: one.voxels)
        write_json(path, {"costs": [asdict(one) for one in measured]})
    for cost in measured:
        name, note = " x ".join(map(str, cost.size)), " (kept)" if cost.size in there else ""
        print(f"{name}: {cost.cpu_s:.1f} CPU s, {cost.memory_gb:.2f} GB{note}")
    if len(measured) > 2:
        print(f"N^{growth.exponent(measured):.2f} (bound: {growth.LARGEST_EXPONENT:g})")
        with replacing(path.with_suffix(".png")) as partial:
            partial.write_bytes(png(growth.growth_figure(measured)))


if __name__ == "__main__":
    main()
