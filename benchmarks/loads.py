"""Pulses, a drive cycle and CC-CV of the fixtures' electrode beside PyBaMM's half-cell DFN: docs/loads.png.

    OPENBLAS_NUM_THREADS=1 python benchmarks/loads.py

PyBaMM's curves are those of benchmarks/halfcell_pybamm.py --loads; nothing is fitted.
"""

from pathlib import Path

import click
import numpy as np

from halfcell_checks.dfn import dfn_curve, dfn_electrode, dfn_loads, off_dfn_v
from tfmsnet.files import replacing
from tfmsnet.halfcell import Discharge, simulate
from tfmsnet.plots.style import COLOURS, look, new_figure, png

PICTURE = Path(__file__).parents[1] / "docs" / "loads.png"
TITLES = {"pulses": "pulses and rests (GITT)", "drive_cycle": "drive cycle", "cccv": "discharge, rest, CC-CV"}


def draw(discharges: dict[str, Discharge]):
    """A column for each load: current, both voltages, and their difference, over time."""
    with look():
        figure = new_figure(11, 6)
        axes = figure.subplots(3, len(discharges), sharex="col", height_ratios=(1, 2, 1))
        for (current, voltage, off), (name, discharge) in zip(axes.T, discharges.items(), strict=True):
            hours, curve = discharge.times_s / 3600, dfn_curve(name)
            current.step(hours, np.append(discharge.c_rate_profile[1:], 0), where="post", color=COLOURS[0])
            current.set_title(TITLES[name])
            voltage.plot(hours, discharge.voltage_v, color=COLOURS[2], label="tfmsnet, voxels resolved")
            voltage.plot(
                curve["time_s"] / 3600,
                curve["voltage_v"],
                ":",
                color=COLOURS[1],
                label="PyBaMM, half-cell DFN",
            )
            off.plot(hours[1:], 1e3 * off_dfn_v(discharge, name), ".-", markersize=3, color=COLOURS[0])
            off.set_xlabel("time / h")
        for row, label in zip(axes, ("C-rate", "voltage / V", "difference / mV"), strict=True):
            row[0].set_ylabel(label)
        axes[1, 0].legend()
    return figure


@click.command()
def main():
    """Simulate, print how far from PyBaMM each is, and draw."""
    discharges = {}
    click.echo("load          frames  segments  off PyBaMM: RMS   largest   balances: charge  lithium  salt")
    for name, load in dfn_loads().items():
        discharges[name] = run = simulate(dfn_electrode(), load)
        off, balances = 1e3 * np.abs(off_dfn_v(run, name)), run.balances
        click.echo(
            f"{name:<14}{len(run.times_s):>6}{len(run.ends):>10}{np.sqrt(np.mean(off**2)):>16.2f} mV"
            f"{off.max():>7.2f} mV{balances.charge.max():>18.0e}{balances.lithium.max():>9.0e}"
            f"{balances.salt.max():>6.0e}"
        )
    with replacing(PICTURE) as partial:
        partial.write_bytes(png(draw(discharges)))
    click.echo(PICTURE.name)


if __name__ == "__main__":
    main()
