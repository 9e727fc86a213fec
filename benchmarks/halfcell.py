"""Cost, balances and curve of a half-cell discharge.

OPENBLAS_NUM_THREADS=1 python benchmarks/halfcell.py --size 24 24 64 --c-rate 0.5 --c-rate 1 --c-rate 2
"""

import resource
import time

import click
import numpy as np

from tfmsnet.electrode import Recipe, generate
from tfmsnet.halfcell import simulate

SHOWN_DOL = (0.46, 0.5, 0.6, 0.7, 0.8, 0.82)


@click.command()
@click.option("--size", type=int, nargs=3, default=(24, 24, 64), show_default=True, help="Voxels x y z.")
@click.option("--c-rate", "c_rates", type=float, multiple=True, default=(1.0,), help="May be repeated.")
@click.option("--am-wt-percent", default=90.0, show_default=True)
@click.option("--calendering-percent", default=0.0, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(size, c_rates, am_wt_percent, calendering_percent, seed):
    """Discharge one generated electrode and print what it took."""
    image = generate(Recipe(am_wt_percent, calendering_percent, tuple(size), seed=seed))
    # Compile first.
    simulate(generate(Recipe(90.0, 0.0, (12, 12, 16), seed=0)), 1.0, frames=2)
    print(f"V at DOL {SHOWN_DOL}; {image.volume_fractions}")
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


if __name__ == "__main__":
    main()
