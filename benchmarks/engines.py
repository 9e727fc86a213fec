"""The engines that make electrodes, side by side at equal recipes.

    python benchmarks/engines.py                   24 x 24 x 64 voxels, three recipes of three seeds each
    python benchmarks/engines.py --seeds 1         one of each

Printed are medians over the seeds; drawn are slices and discharge curves at 1C.  What is made is kept in
build/engines: the same command goes on where it was.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from tfmsnet.electrode import AM, CBD, PhaseImage, Recipe, describe, remove_islands
from tfmsnet.electrode.engines import engine
from tfmsnet.electrode.generate import random_stream
from tfmsnet.electrode.packing import pack
from tfmsnet.electrode.particle_files import read_particles
from tfmsnet.electrode.transport import effective_conductivity
from tfmsnet.files import read_json, replacing, write_json
from tfmsnet.halfcell import Parameters, simulate

ROOT = Path(__file__).parents[1]
KEPT, FIGURE = ROOT / "build" / "engines", ROOT / "docs" / "engines.png"
ENGINES = ("packing", "lammps")
RECIPES = ((85.0, 0.0), (90.0, 10.0), (95.0, 20.0))
SIZE = (24, 24, 64)
_TOUCHING_M = 0.1e-6  # a gap up to this is a contact
MEASURES = {
    "pore_fraction": ("pores, %", 100, 2),
    "cbd_fraction": ("CBD, %", 100, 2),
    "tortuosity": ("tortuosity factor", 1, 2),
    "area_pores": ("AM area to pores, um2/um3", 1e-6, 3),
    "area_cbd": ("AM area to CBD, um2/um3", 1e-6, 3),
    "contacts": ("AM contacts a particle", 1, 2),
    "cbd_percolation": ("CBD wired through CBD, %", 100, 1),
    "cbd_largest": ("largest piece of CBD, %", 100, 1),
    "am_wired": ("AM wired, %", 100, 2),
    "loose": ("solid not wired, %", 100, 2),
    "electronic": ("electrons, effective S/m", 1, 4),
    "lower_half": ("AM in lower half, %", 100, 1),
    "drop_mv": ("below equilibrium at DOL 0.64, mV", 1, 2),
}


def contacts(name: str, recipe: Recipe, folder: Path) -> float:
    """AM particles that a particle of AM touches, in the mean."""
    if name == "packing":
        particles = pack(recipe, random_stream(recipe, 0))
        centre, radius = particles.centre_m, particles.radius_m
    else:
        particles = read_particles(folder / "calendered.dump")
        is_am = particles.label == AM
        centre, radius = particles.centre_m[is_am], particles.radius_m[is_am]
    box = np.array([*recipe.size_m[:2], 0.0])
    centre = centre.copy()
    centre[:, :2] %= box[:2]
    pairs = cKDTree(centre, boxsize=box).query_pairs(2 * radius.max() + _TOUCHING_M, output_type="ndarray")
    offset = centre[pairs[:, 0]] - centre[pairs[:, 1]]
    offset[:, :2] -= box[:2] * np.round(offset[:, :2] / box[:2])
    gap = np.linalg.norm(offset, axis=1) - radius[pairs].sum(axis=1)
    return float(2 * np.count_nonzero(gap < _TOUCHING_M) / len(radius))


def measured(name: str, recipe: Recipe) -> tuple[dict, PhaseImage]:
    title = f"{name}_{recipe.am_wt_percent:g}_{recipe.calendering_percent:g}_{recipe.seed}"
    folder = KEPT / title
    image = engine(name)(recipe, folder, lambda fraction, stage: None)
    path = KEPT / f"{title}.json"
    if path.exists():
        return read_json(path, "an electrode's measures"), image
    whole, removed = remove_islands(image)
    found, parameters = describe(image), Parameters()
    pieces = np.bincount(ndimage.label(image.phase == CBD)[0].ravel())[1:]
    discharge = simulate(whole, 1.0, parameters)
    conductivity = np.array(
        [
            0,
            parameters.am_conductivity_s_m,
            parameters.calendered_cbd_conductivity_s_m(recipe.calendering_percent),
        ]
    )
    equilibrium = parameters.open_circuit_v(discharge.dol)
    am = image.phase == AM
    measures = {
        "pore_fraction": found.electrolyte_fraction,
        "cbd_fraction": found.cbd_fraction,
        "tortuosity": found.tortuosity_factor,
        "area_pores": found.am_electrolyte_area_per_m,
        "area_cbd": found.am_cbd_area_per_m,
        "contacts": contacts(name, recipe, folder),
        "cbd_percolation": found.cbd_percolation,
        "cbd_largest": float(pieces.max() / pieces.sum()),
        "am_wired": found.wired_am_fraction,
        "loose": removed / float((image.phase != 0).sum()),
        "electronic": effective_conductivity(conductivity[whole.phase]),
        "lower_half": float(am[:, :, : am.shape[2] // 2].sum() / am.sum()),
        "drop_mv": float(1e3 * np.interp(0.64, discharge.dol, equilibrium - discharge.voltage_v)),
        "dol": discharge.dol.tolist(),
        "voltage_v": discharge.voltage_v.tolist(),
    }
    write_json(path, measures)
    return measures, image


def table(found: dict) -> str:
    heads = [f"{am:g}/{calendering:g} {name}" for am, calendering in RECIPES for name in ENGINES]
    lines = ["wt% AM / calendering %".ljust(36) + "".join(head.rjust(15) for head in heads)]
    for measure, (label, scale, digits) in MEASURES.items():
        cells, spread = [], []
        for recipe in RECIPES:
            for name in ENGINES:
                values = scale * np.array([one[0][measure] for one in found[name, recipe]])
                cells.append(f"{np.median(values):.{digits}f}".rjust(15))
                spread.append(f"{np.ptp(values):.{digits}f}".rjust(15))
        lines.append(label.ljust(36) + "".join(cells))
    lines.append("  largest less smallest".ljust(36) + "".join(spread))
    return "\n".join(lines)


def draw(found: dict, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5.2), layout="constrained")
    slices, curves = figure.subfigures(1, 2, width_ratios=(8, 5))
    colours = np.array([[0xA6, 0xCE, 0xE3], [0x8C, 0x8C, 0x8C], [0x1A, 0x1A, 0x1A]], np.uint8)
    for axes, (name, recipe) in zip(
        slices.subplots(1, 6).ravel(), [(name, recipe) for recipe in RECIPES for name in ENGINES], strict=True
    ):
        image = found[name, recipe][0][1]
        labels = image.phase[:, image.shape[1] // 2]
        axes.imshow(
            colours[labels.T], origin="lower", extent=(0, labels.shape[0] / 2, 0, labels.shape[1] / 2)
        )
        axes.set_title(f"{recipe[0]:g} wt%, {recipe[1]:g} %\n{name}", fontsize=9)
        axes.set_xticks([0, labels.shape[0] / 2])
    upper, lower = curves.subplots(2, 1, sharex=True)
    for number, recipe in enumerate(RECIPES):
        for name, style in zip(ENGINES, ("-", "--"), strict=True):
            for k, (one, _) in enumerate(found[name, recipe]):
                label = f"{recipe[0]:g} wt%, {recipe[1]:g} %, {name}" if k == 0 else None
                drop = 1e3 * (Parameters().open_circuit_v(np.array(one["dol"])) - np.array(one["voltage_v"]))
                upper.plot(one["dol"], one["voltage_v"], style, color=f"C{number}", lw=1)
                lower.plot(one["dol"][1:], drop[1:], style, color=f"C{number}", lw=1, label=label)
    upper.set(ylabel="voltage at 1C / V")
    lower.set(xlabel="degree of lithiation", ylabel="below equilibrium / mV")
    curves.legend(
        fontsize=8, ncols=2, loc="outside lower center", handles=lower.get_legend_handles_labels()[0]
    )
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    found = {
        (name, recipe): [
            measured(name, Recipe(*recipe, SIZE, seed=seed)) for seed in range(1, arguments.seeds + 1)
        ]
        for recipe in RECIPES
        for name in ENGINES
    }
    print(table(found))
    draw(found, FIGURE)
    print(FIGURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
