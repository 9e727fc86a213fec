"""Every set of parameters on the fixtures' electrode beside PyBaMM's half-cell DFN: docs/materials.png.

    OPENBLAS_NUM_THREADS=1 python benchmarks/materials.py --out DIR

PyBaMM's curves are those of benchmarks/halfcell_pybamm.py --sets, with the same values; nothing is fitted.
The simulator and both reduced models discharge the electrode's voxels; `homogeneous` is the porous-electrode
model with PyBaMM's geometry, the same in all depths.  It continues where it was.
"""

from pathlib import Path

import click
import numpy as np
import tensorflow as tf

from halfcell_checks.dfn import C_RATES, dfn_curve, dfn_electrode
from halfcell_checks.homogeneous import homogeneous_curve
from tfmsnet.files import replacing
from tfmsnet.halfcell import DischargeFailed, Parameters, simulate
from tfmsnet.materials import names, parameter_set
from tfmsnet.plots.style import COLOURS, look, new_figure, png
from tfmsnet.serving import cell
from tfmsnet.serving.reduced_endpoints import ReducedEndpoints

PICTURE = Path(__file__).parents[1] / "docs" / "materials.png"
REDUCED = ("porous-electrode", "resolved-particles")
MODELS = ("simulator", *REDUCED, "homogeneous")

_asked = {}


def reduced_curve(model: str, name: str, c_rate: float) -> np.ndarray:
    """(frame,) V of a reduced model, compiled once for all cells."""
    if model not in _asked:
        function, specs = ReducedEndpoints(model, Parameters()).functions()["serving_default"]
        _asked[model] = tf.function(function, input_signature=specs, autograph=False)
    image = dfn_electrode(name)
    inputs = cell.values(parameter_set(name).parameters, image.calendering_percent, image.voxel_size_m)
    found = _asked[model](phase=image.phase[None], c_rate=np.array([c_rate], np.float32), **inputs)
    return found["voltage_v"].numpy()[0, 1 : int(found["valid_frames"][0])]


def simulated_curve(name: str, c_rate: float) -> np.ndarray:
    """(frame,) V of the simulator, up to where it fails."""
    try:
        run = simulate(dfn_electrode(name), c_rate, parameter_set(name).parameters)
    except DischargeFailed as error:
        if error.partial is None:
            raise
        run = error.partial
    return run.voltage_v[1:]


def curves(name: str, c_rate: float, directory: Path) -> dict[str, np.ndarray]:
    """Model -> (frame,) V without frame 0; "dol" and PyBaMM's beside them."""
    known = dfn_curve(c_rate if name == "nmc111" else f"{name}_{c_rate:g}C")
    path = directory / f"{name}_{c_rate:g}C.npz"
    if not path.exists():
        found = {model: reduced_curve(model, name, c_rate) for model in REDUCED}
        found |= {"simulator": simulated_curve(name, c_rate), "homogeneous": homogeneous_curve(name, c_rate)}
        with replacing(path) as partial, open(partial, "wb") as file:
            np.savez(file, **found)
    return {"dol": known["dol"], "PyBaMM": known["voltage_v"], **np.load(path)}


def off_mv(found: dict[str, np.ndarray], model: str) -> np.ndarray:
    """Voltage less PyBaMM's at their common frames, mV."""
    frames = min(len(found[model]), len(found["PyBaMM"]))
    return 1e3 * (found[model][:frames] - found["PyBaMM"][:frames])


def draw(all_curves: dict[str, dict[float, dict[str, np.ndarray]]]):
    """A column for each set: the curves, and what is between them and PyBaMM's."""
    with look():
        figure = new_figure(15, 5)
        axes = figure.subplots(2, len(all_curves), sharex="col", height_ratios=(2, 1))
        for (voltage, off), (name, rates) in zip(axes.T, all_curves.items(), strict=True):
            for colour, (c_rate, found) in zip(COLOURS, rates.items(), strict=False):
                dol, volts = found["dol"], found["simulator"]
                voltage.plot(dol[: len(volts)], volts, color=colour, label=f"simulator, {c_rate:g}C")
                label = "PyBaMM" if c_rate == C_RATES[-1] else None
                voltage.plot(dol, found["PyBaMM"], ":", color="black", label=label)
                for model, line in (("simulator", "-"), ("homogeneous", "--")):
                    difference = off_mv(found, model)
                    off.plot(dol[: len(difference)], difference, line, color=colour)
            voltage.set_title(name)
            off.set_xlabel("mean DOL")
        axes[0, 0].set_ylabel("voltage / V")
        axes[1, 0].set_ylabel("off PyBaMM / mV\n(dashed: homogeneous)")
        axes[0, 0].legend()
    return figure


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Keeps the models' curves.")
@click.option("--set", "sets", multiple=True, help="This set alone, without a picture; repeatable.")
def main(out, sets):
    """Discharge, print how far from PyBaMM each model is (root mean square and largest, mV), and draw."""
    out.mkdir(parents=True, exist_ok=True)
    all_curves = {}
    click.echo(f"{'set':<10}C-rate" + "".join(f"{model:>20}" for model in MODELS))
    for name in sets or names():
        all_curves[name] = {}
        for c_rate in C_RATES:
            found = all_curves[name][c_rate] = curves(name, c_rate, out)
            off = [off_mv(found, model) for model in MODELS]
            row = [f"{np.sqrt(np.mean(part**2)):.2f} / {np.abs(part).max():.2f}" for part in off]
            click.echo(f"{name:<10}{c_rate:>6g}" + "".join(f"{text:>20}" for text in row))
    if not sets:
        with replacing(PICTURE) as partial:
            partial.write_bytes(png(draw(all_curves)))
        click.echo(PICTURE.name)


if __name__ == "__main__":
    main()
