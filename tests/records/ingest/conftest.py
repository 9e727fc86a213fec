"""A discharge known in closed form, on an unstructured mesh of a particle that stands on the foil."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial import Delaunay

from tfmsnet.electrode import AM
from tfmsnet.halfcell import Parameters
from tfmsnet.records.ingest.voxelisation import moments

BOX_UM = (10.0, 10.0, 8.0)
CENTRE_UM, RADIUS_UM = np.array([5.0, 5.0, 3.2]), 3.6
TIMES_S = np.array([0.0, 400.0, 1000.0, 1900.0])
C_MAX, START = Parameters().c_max_mol_m3, Parameters().initial_dol
WAVE = np.array([0.5, -0.4, 0.6])  # 1/um
SWING = 3000.0  # mol/m3, at the last time
C_RATE = 1.0


@dataclass(frozen=True)
class Truth:
    """Fields in closed form at places (point, 3) in um; slope, and bound of the second derivative."""

    def concentration(self, places_um):
        """(point, time), mol/m3: rises at 1C, and a wave grows on it."""
        mean = C_MAX * (START + (1 - START) * C_RATE * TIMES_S / 3600)
        return mean + SWING * TIMES_S / TIMES_S[-1] * np.sin(places_um @ WAVE)[:, None]

    def slope(self, places_um):
        """(point, time, 3), mol/m3 per um."""
        growth = SWING * TIMES_S / TIMES_S[-1]
        return (growth * np.cos(places_um @ WAVE)[:, None])[..., None] * WAVE

    @property
    def curvature(self):
        """(time,) largest second derivative in any direction, mol/m3 per um2."""
        return SWING * TIMES_S / TIMES_S[-1] * (WAVE @ WAVE)

    def potential(self, places_um):
        """(point, time), V: linear in space."""
        return 3.9 - 1e-4 * TIMES_S - 1e-3 * (TIMES_S > 0) * places_um[:, 2:]


@dataclass(frozen=True)
class FEMesh:
    points_um: np.ndarray
    tetrahedra: np.ndarray
    domain: np.ndarray  # (tetrahedron,): 7 in the particle, 1 around it


def particle_volume_um3():
    """Of the sphere above the foil."""
    cap = RADIUS_UM - CENTRE_UM[2]
    return 4 / 3 * np.pi * RADIUS_UM**3 - np.pi * cap**2 * (3 * RADIUS_UM - cap) / 3


@pytest.fixture(scope="session")
def truth():
    return Truth()


def make_mesh(box_um, centre_um, radius_um):
    """Elements of 0.5 um, whose faces follow the particle's surface."""
    rng, step = np.random.default_rng(0), 0.5
    axes = [np.arange(0, length + step / 2, step) for length in box_um]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    inner = ((grid > 1e-9) & (grid < np.array(box_um) - 1e-9)).all(axis=1)
    grid[inner] += rng.uniform(-0.12, 0.12, (inner.sum(), 3))
    grid = grid[np.abs(np.linalg.norm(grid - centre_um, axis=1) - radius_um) > 0.2]
    count = int(4 * np.pi * radius_um**2 / 0.2)
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    angle = np.pi * (1 + 5**0.5) * np.arange(count)
    around = np.sqrt(1 - height**2)
    shell = centre_um + radius_um * np.stack([around * np.cos(angle), around * np.sin(angle), height], 1)
    points = np.concatenate([grid, shell[shell[:, 2] > 0.1]])
    tetrahedra = Delaunay(points).simplices
    middle = points[tetrahedra].mean(axis=1)
    inside = np.linalg.norm(middle - centre_um, axis=1) < radius_um
    return FEMesh(points, tetrahedra, np.where(inside, 7, 1))


@pytest.fixture(scope="session")
def mesh():
    """Fine enough for 1 % of volume."""
    return make_mesh(BOX_UM, CENTRE_UM, RADIUS_UM)


@pytest.fixture(scope="session")
def small():
    """An eighth of it, for what is refused."""
    return make_mesh(np.array(BOX_UM) / 2, CENTRE_UM / 2, RADIUS_UM / 2)


def make_grid(points, cells, point_arrays, cell_arrays, kind=10, time=None):
    """VTK's grid of cells (cell, node) of one kind, or of a kind (cell,) each."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkUnstructuredGrid

    grid, places, array = vtkUnstructuredGrid(), vtkPoints(), vtkCellArray()
    places.SetData(numpy_to_vtk(np.ascontiguousarray(points, np.float64), deep=True))
    grid.SetPoints(places)
    offsets = np.cumsum([0, *map(len, cells)])
    array.SetData(
        *(
            numpy_to_vtk(np.asarray(part, np.int64), deep=True)
            for part in (offsets, np.concatenate([[], *cells]))
        )
    )
    kinds = np.broadcast_to(np.asarray(kind, np.uint8), len(cells))
    grid.SetCells(numpy_to_vtk(np.array(kinds), deep=True), array)
    times = {} if time is None else {"TimeValue": [float(time)]}
    for of, arrays in (
        (grid.GetPointData(), point_arrays),
        (grid.GetCellData(), cell_arrays),
        (grid.GetFieldData(), times),
    ):
        for name, values in arrays.items():
            made = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
            made.SetName(name)
            of.AddArray(made)
    return grid


def write_grid(path, grid, mode="appended", compressor="zlib"):
    """A VTU, or legacy VTK by the name's suffix, as VTK itself writes it."""
    if path.suffix == ".vtk":
        from vtkmodules.vtkIOLegacy import vtkUnstructuredGridWriter

        writer = vtkUnstructuredGridWriter()
        writer.SetFileTypeToASCII() if mode == "ascii" else writer.SetFileTypeToBinary()
    else:
        from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

        writer = vtkXMLUnstructuredGridWriter()
        getattr(
            writer, {"ascii": "SetDataModeToAscii", "binary": "SetDataModeToBinary"}.get(mode, "GetDataMode")
        )()
        writer.SetCompressorType({"none": 0, "zlib": 1, "lz4": 2, "lzma": 3}[compressor])
        writer.SetEncodeAppendedData(mode != "raw")
    writer.SetFileName(str(path))
    writer.SetInputData(grid)
    assert writer.Write()


def write_vtu(path, mesh, truth, frames, names=("c", "phi"), points_um=None, time=None, scale=1e-6, **arrays):
    """A VTU with frames of both fields; `arrays` replace or add arrays of points."""
    fields = {}
    for frame in frames:
        suffix = "" if len(frames) == 1 else f"_@_t={TIMES_S[frame]:g}"
        fields[names[0] + suffix] = truth.concentration(mesh.points_um)[:, frame]
        fields[names[1] + suffix] = truth.potential(mesh.points_um)[:, frame]
    points = mesh.points_um if points_um is None else points_um
    domains = {"material": mesh.domain.astype(np.int32)}
    write_grid(path, make_grid(points * scale, mesh.tetrahedra, fields | arrays, domains, time=time))
    return path


def write_series(directory, mesh, truth):
    return [
        write_vtu(directory / f"run_{frame}.vtu", mesh, truth, [frame], time=time)
        for frame, time in enumerate(TIMES_S)
    ]


@pytest.fixture(scope="session")
def series(mesh, truth, tmp_path_factory):
    """A VTU per time.  Not to be changed."""
    return write_series(tmp_path_factory.mktemp("series"), mesh, truth)


@pytest.fixture(scope="session")
def small_series(small, truth, tmp_path_factory):
    """The same of the small mesh."""
    return write_series(tmp_path_factory.mktemp("small"), small, truth)


def make_rows(mesh, truth):
    """Header's columns and rows: every domain's nodes with both fields, NaN where a field isn't defined."""
    rows = []
    for domain in (1, 7):
        nodes = mesh.points_um[np.unique(mesh.tetrahedra[mesh.domain == domain])]
        fields = [truth.concentration(nodes), truth.potential(nodes)]
        if domain == 1:
            fields = [np.full_like(field, np.nan) for field in fields]
        rows.append(np.column_stack([nodes, np.full(len(nodes), domain), *fields]))
    labels = [f"{name} @ t={time:g}" for name in ("cs (mol/m^3)", "phis (V)") for time in TIMES_S]
    return ["x", "y", "z", "dom (1)", *labels], np.concatenate(rows)


@pytest.fixture(scope="session")
def small_rows(small, truth):
    """Columns and rows of an export, of the small mesh."""
    return make_rows(small, truth)


def write_comsol(path, labels, rows, separator=" ", length_unit="µm"):
    """As COMSOL's Export > Data writes it."""
    header = [
        "% Model:              cathode.mph",
        "% Version:            COMSOL 6.1.0.252",
        "% Dimension:          3",
        f"% Nodes:              {len(rows)}",
        f"% Expressions:        {len(labels) - 3}",
        "% Description:        Concentration, Electric potential",
        f"% Length unit:        {length_unit}",
    ]
    if separator == " ":
        header.append("% " + " ".join(label.ljust(24) for label in labels))
    else:
        header.append("% " + separator.join(labels))
    lines = [separator.join(f"{value:.17g}" for value in row).replace("nan", "NaN") for row in rows]
    path.write_text("\n".join([*header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def export(mesh, truth, tmp_path_factory):
    """A spreadsheet export of COMSOL.  Not to be changed."""
    return write_comsol(tmp_path_factory.mktemp("comsol") / "export.txt", *make_rows(mesh, truth))


@pytest.fixture(scope="session")
def write():
    """The writers of files: `write.vtu(...)`, `write.comsol(...)`."""
    return SimpleNamespace(vtu=write_vtu, comsol=write_comsol, grid=write_grid, make_grid=make_grid)


@pytest.fixture(scope="session")
def known():
    """Numbers of the discharge."""
    return SimpleNamespace(
        times_s=TIMES_S, particle_volume_um3=particle_volume_um3(), box_um=BOX_UM, c_rate=C_RATE, c_max=C_MAX
    )


@pytest.fixture
def within_bound(truth, known):
    """Checks the particle's volume, and the concentration against the kernel's own error bound.

    (solution, sample, kernel) -> voxel centres of the AM (point, 3) in m, the kernel's first moments there
    (point, 3) in m, and the concentration's error (point, time) in mol/m3.
    """

    def check(solution, sample, kernel):
        volume = np.count_nonzero(sample.phase == AM) * 0.125
        assert volume == pytest.approx(known.particle_volume_um3, rel=0.01)
        targets = solution.grid.centres_m(sample.am_mask)
        first, second = moments(solution.concentration.nodes_m, targets, kernel)
        error = sample.concentration[:, sample.am_mask].T - truth.concentration(targets * 1e6)
        slope = (truth.slope(targets * 1e6) * first[:, None] * 1e6).sum(2)
        assert (np.abs(error) <= np.abs(slope) + truth.curvature * second[:, None] * 1e12 / 2 + 0.01).all()
        return targets, first, error

    return check
