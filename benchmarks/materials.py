"""Every set of parameters on the fixtures' electrode beside PyBaMM's half-cell DFN: docs/materials.png.

    OPENBLAS_NUM_THREADS=1 python benchmarks/materials.py

PyBaMM's curves are those of benchmarks/halfcell_pybamm.py --sets, with the same values; nothing is fitted.
"""

from pathlib import Path

import click
import numpy as np

from halfcell_checks.dfn import C_RATES, dfn_curve, dfn_electrode
from tfmsnet.evaluation.style import COLOURS, look, new_figure, png
from tfmsnet.files import replacing
from tfmsnet.halfcell import DischargeFailed, simulate
from tfmsnet.materials import names, parameter_set
from tfmsnet.serving.reduced import reduced_model

PICTURE = Path(__file__).parents[1] / "docs" / "materials.png"


def curves(name: str, c_rate: float) -> dict[str, np.ndarray]:
    """Of a set, PyBaMM's and each model's curve without frame 0: columns DOL and V."""
    known = dfn_curve(c_rate if name == "nmc111" else f"{name}_{c_rate:g}C")
    image, parameters = dfn_electrode(name), parameter_set(name).parameters
    try:
        run = simulate(image, c_rate, parameters)
    except DischargeFailed as error:
        run = error.partial
    found = {"PyBaMM": np.column_stack([known["dol"], known["voltage_v"]])}
    for model in (run, *(reduced_model(n, parameters).curve(image, c_rate) for n in MODELS)):
        label = "simulator" if model is run else MODELS[len(found) - 2]
        found[label] = np.column_stack([model.dol, model.voltage_v])[1:]
    return found


MODELS = ("porous-electrode", "resolved-particles")


def off_mv(found: dict[str, np.ndarray], label: str) -> np.ndarray:
    """Voltage less PyBaMM's at their common frames, mV."""
    frames = min(len(found[label]), len(found["PyBaMM"]))
    return 1e3 * (found[label][:frames, 1] - found["PyBaMM"][:frames, 1])


def draw(all_curves: dict[str, dict[float, dict[str, np.ndarray]]]):
    """A column for each set: the curves, and what is between them and PyBaMM's."""
    with look():
        figure = new_figure(14, 5)
        axes = figure.subplots(2, len(all_curves), sharex="col", height_ratios=(2, 1))
        for (voltage, off), (name, rates) in zip(axes.T, all_curves.items(), strict=True):
            for colour, (c_rate, found) in zip(COLOURS, rates.items(), strict=False):
                dol, volts = found["simulator"].T
                voltage.plot(dol, volts, color=colour, label=f"simulator, {c_rate:g}C")
                voltage.plot(*found["PyBaMM"].T, ":", color="black", label="PyBaMM" if c_rate == 2 else None)
                for label, line in (("simulator", "-"), ("porous-electrode", "--")):
                    difference = off_mv(found, label)
                    off.plot(found["PyBaMM"][: len(difference), 0], difference, line, color=colour)
            voltage.set_title(name)
            off.set_xlabel("mean DOL")
        axes[0, 0].set_ylabel("voltage / V")
        axes[1, 0].set_ylabel("off PyBaMM / mV\n(dashed: porous-electrode)")
        axes[0, 0].legend()
    return figure


@click.command()
@click.option("--set", "sets", multiple=True, help="This set alone; repeatable.")
def main(sets):
    """Discharge, print how far from PyBaMM each model is (largest, mV), and draw."""
    all_curves = {}
    click.echo(f"{'set':<10}C-rate  frames  " + "  ".join(("simulator", *MODELS)))
    for name in sets or names():
        all_curves[name] = {}
        for c_rate in C_RATES:
            found = all_curves[name][c_rate] = curves(name, c_rate)
            frames = min(map(len, found.values()))
            row = (
                f"{np.abs(off_mv(found, label)).max():>{len(label)}.2f}" for label in ("simulator", *MODELS)
            )
            click.echo(f"{name:<10}{c_rate:>6g}{frames:>8}  " + "  ".join(row))
    if not sets:
        with replacing(PICTURE) as partial:
            partial.write_bytes(png(draw(all_curves)))
        click.echo(PICTURE.name)


if __name__ == "__main__":
    main()
