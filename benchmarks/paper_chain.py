"""Pictures for docs/paper-chain.md.

python benchmarks/paper_chain.py particles electrode electrode.tif --out particles.png
python benchmarks/paper_chain.py fields fem/*.vtu --sample data/fem.h5 --out fields.png
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from tfmsnet.electrode import AM, read_image
from tfmsnet.electrode.particle_files import read_particles
from tfmsnet.electrode.particles import ParticleList
from tfmsnet.files import replacing
from tfmsnet.records import read_sample

# Of electrolyte, AM and binder.
COLOURS = np.array([[0xA6, 0xCE, 0xE3], [0x8C, 0x8C, 0x8C], [0x1A, 0x1A, 0x1A]], np.uint8)


def rendered(particles: ParticleList, height_um: float, pixel_um: float = 0.05) -> np.ndarray:
    """A picture (z, x, 3) of spheres lit from the upper left, seen along y; x and y are periodic."""
    width_um = 1e6 * particles.box.high_m[0]
    counts = int(height_um / pixel_um), int(width_um / pixel_um)
    colour = np.ones((*counts, 3))
    depth = np.full(counts, np.inf)
    z, x = ((np.arange(count) + 0.5) * pixel_um for count in counts)
    order = zip(1e6 * particles.centre_m, 1e6 * particles.radius_m, particles.label, strict=True)
    for (middle, y, height), radius, label in order:
        for place in (middle - width_um, middle, middle + width_um):
            rows, columns = (
                slice(*np.searchsorted(axis, (m - radius, m + radius)))
                for axis, m in ((z, height), (x, place))
            )
            right, up = (x[columns] - place)[None] / radius, (z[rows] - height)[:, None] / radius
            towards = np.sqrt(np.maximum(1 - right**2 - up**2, 0))
            front = (right**2 + up**2 < 1) & (y - radius * towards < depth[rows, columns])
            depth[rows, columns][front] = (y - radius * towards)[front]
            light = 0.45 + 0.55 * np.clip(-0.5 * right + 0.5 * up + 0.7 * towards, 0, 1)
            shade = light[..., None] * ((0.70, 0.72, 0.78) if label == AM else (0.25, 0.25, 0.27))
            colour[rows, columns][front] = shade[front]
    return colour


def draw_particles(folder: Path, image: Path, out: Path) -> None:
    """Slurry, dried and calendered particles as they look from the side, and the voxels in the middle."""
    stages = ("slurry", "dried", "calendered")
    particles = [read_particles(folder / f"{stage}.dump", "um") for stage in stages]
    tops = [1e6 * one.box.high_m[2] for one in particles]
    electrode = read_image(image)
    labels = electrode.phase[:, electrode.shape[1] // 2]
    width, high = 1e6 * electrode.size_m[0], 1e6 * electrode.size_m[2]
    figure = Figure(figsize=(2.6 * 4, 2.4 * max(tops) / width + 0.6), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    for axes, stage, one, top in zip(panels[:3], stages, particles, tops, strict=True):
        axes.imshow(rendered(one, top), origin="lower", extent=(0, width, 0, top))
        axes.set_title(stage)
    panels[3].imshow(COLOURS[labels.T], origin="lower", extent=(0, width, 0, high))
    panels[3].set_title("voxels, y in the middle")
    for axes in panels:
        axes.set(xlabel="x / µm", ylim=(0, max(tops)))
    panels[0].set_ylabel("z / µm")
    save(figure, out)


def draw_fields(series: list[Path], sample_path: Path, out: Path) -> None:
    """Where a plane cuts the mesh: its phases and the concentration; and the sample's voxels there."""
    sample = read_sample(sample_path)
    y_um = 1e6 * sample.voxel_size_m * (sample.grid[1] // 2 + 0.5)
    points, tetrahedra, phase, concentration = read_vtu_arrays(series[-1])
    polygons, owner = cut(points, tetrahedra, y_um)
    c = concentration[tetrahedra].mean(axis=1)
    edges = [1e6 * sample.voxel_size_m * n for n in (sample.grid[0], sample.grid[2])]
    voxels = sample.concentration[-1][:, sample.grid[1] // 2]
    labels = sample.phase[:, sample.grid[1] // 2]
    span = np.percentile(c[phase == AM], (1, 99)) / 1000
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    mesh, fem, image, gridded = figure.subplots(1, 4, sharex=True, sharey=True)
    mesh.add_collection(
        PolyCollection(polygons, facecolors=COLOURS[phase[owner]] / 255, edgecolors="0.35", lw=0.2)
    )
    is_am = phase[owner] == AM
    for axes, title in ((mesh, "mesh"), (fem, "on elements"), (image, "voxels"), (gridded, "on voxels")):
        axes.set(title=title, xlim=(0, edges[0]), ylim=(0, edges[1]), aspect="equal", xlabel="x / µm")
    mesh.set_ylabel("z / µm")
    fields = PolyCollection(
        [polygons[k] for k in np.flatnonzero(is_am)], array=c[owner][is_am] / 1000, edgecolors="face", lw=0.2
    )
    fields.set_clim(*span)
    fem.add_collection(fields)
    extent = (0, edges[0], 0, edges[1])
    image.imshow(COLOURS[labels.T], origin="lower", extent=extent)
    shown = np.where(labels == AM, voxels / 1000, np.nan)
    gridded.imshow(shown.T, origin="lower", extent=extent, vmin=span[0], vmax=span[1])
    figure.colorbar(fields, ax=gridded, label="concentration / mol/l")
    save(figure, out)


def read_vtu_arrays(path: Path):
    """Points (node, 3), tetrahedra (cell, 4), their phases, concentration (node,)."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader

    reader = vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    grid = reader.GetOutput()
    cells = vtk_to_numpy(grid.GetCells().GetConnectivityArray()).reshape(-1, 4)
    phase = vtk_to_numpy(grid.GetCellData().GetArray("phase"))
    return (
        vtk_to_numpy(grid.GetPoints().GetData()),
        cells,
        phase,
        vtk_to_numpy(grid.GetPointData().GetArray("c")),
    )


def cut(points: np.ndarray, tetrahedra: np.ndarray, y: float) -> tuple[list[np.ndarray], np.ndarray]:
    """Polygons (corner, 2) in x and z where a plane across y cuts tetrahedra, and whose each is."""
    side = points[tetrahedra, 1] - y
    polygons, owner = [], np.flatnonzero((side.min(axis=1) < 0) & (side.max(axis=1) > 0))
    for cell in owner:
        corners, distance = points[tetrahedra[cell]], side[cell]
        below, above = np.flatnonzero(distance < 0), np.flatnonzero(distance >= 0)
        places = np.array(
            [
                corners[i] + (corners[j] - corners[i]) * distance[i] / (distance[i] - distance[j])
                for i in below
                for j in above
            ]
        )[:, [0, 2]]
        angle = np.arctan2(*(places - places.mean(axis=0)).T)
        polygons.append(places[np.argsort(angle)])
    return polygons, owner


def save(figure: Figure, out: Path) -> None:
    with replacing(out) as partial:
        figure.savefig(partial, format="png", dpi=90)
    print(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("particles")
    one.add_argument("folder", type=Path, help="of the dumps")
    one.add_argument("image", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one = commands.add_parser("fields")
    one.add_argument("series", type=Path, nargs="+", help="VTU files")
    one.add_argument("--sample", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.command == "particles":
        draw_particles(arguments.folder, arguments.image, arguments.out)
    else:
        draw_fields(arguments.series, arguments.sample, arguments.out)


if __name__ == "__main__":
    main()
