"""Results on meshes: files of VTK and XDMF, one, one per time, or collections."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from tfmsnet.electrode import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.records.ingest.meshes import Mesh, frames
from tfmsnet.records.ingest.solution import NodeField, Reading, Solution, VoxelGrid
from tfmsnet.records.ingest.voxelisation import (
    MIXED,
    UNKNOWN,
    grid_over,
    is_lattice,
    phases_of_cells,
    split_cells,
)
from tfmsnet.units import LENGTH_M, factor


def read_vtu(
    paths: Sequence[str | PathLike], reading: Reading, *, times: Sequence[float] | None = None
) -> Solution:
    """Read a discharge from files of VTK or XDMF over one mesh.

    Either a file per time, in the order of time (.vtu, .pvtu, .vtm, .vtk, regular grids .vti, .vtr, .vts); or
    one file whose arrays are called as in `cs @ t=100`, which is what COMSOL writes; or what names files and
    times: a .pvd, a .vtu.series, XDMF.  A mesh may be in several parts.  Fields are arrays of points or of
    cells, and count on nodes of their own phase alone.  Phases come from the array of domains; without one,
    every cell is AM.  Domains may be an array of points, too: a cell then has the phase that all of its
    nodes with a whole number have (others are averages at interfaces).  Where they differ, the voxels of the
    cell follow their nearest node if the nodes are a lattice, and the mesh is refused if not.  A voxel has
    the phase of the cell that holds its centre, and is electrolyte outside of all cells, unless the
    electrolyte is meshed.

    Args:
        paths: the files.
        reading: names, units, domains, voxels and box.
        times: of the frames, in the reading's unit; None takes them from the collection, the arrays' names,
            or the files' TimeValue.

    Raises:
        UserError: a file that isn't there or can't be read whole, an array missing, another mesh than the
            first file's, NaN in a field, times missing, a mesh that doesn't cover the box, cells in no domain
            or of a kind that has no corners, vtk isn't installed.
    """
    moments = frames([Path(path) for path in paths])
    first = moments[0].read()
    try:
        phases = _Phases(first, reading)
    except UserError as error:
        raise UserError(f"{moments[0].path}: {error}") from None
    columns, found = ([], []), []
    for number, moment in enumerate(moments):
        mesh = first if number == 0 else moment.read()
        try:
            if not mesh.same_mesh(first):
                raise UserError(f"another mesh than in {moments[0].path}; expected one for all times")
            own = phases.take(mesh, columns, whole_series=len(moments) == 1)
            found += own if moment.time is None else [moment.time]
        except UserError as error:
            raise UserError(f"{moment.path}: {error}") from None
    # Times that are given, or the files' own, have the reading's unit; those of names may have another.
    of_names = times is None and moments[0].time is None
    unit = first.time_unit(reading.concentration.name) if of_names else None
    seconds = _times(times, found, [moment.path for moment in moments]) * reading.seconds_per_time(unit)
    fields = (
        NodeField(nodes.places_m, np.stack(values, 1))
        for nodes, values in zip(phases.nodes, columns, strict=True)
    )
    return Solution(phases.image, phases.grid, seconds, *fields, remark=phases.remark)


def _times(given: Sequence[float] | None, found: list[float | None], paths: list[Path]) -> np.ndarray:
    times = found if given is None else list(given)
    if len(times) != len(found):
        raise UserError(f"times: expected {len(found)}, one for each frame, got {len(times)}")
    if any(time is None for time in times):
        raise UserError(
            f"{paths[times.index(None)]}: has no time (TimeValue, or arrays called '... @ t=100'); give the "
            "times, or a .pvd"
        )
    return np.array(times, np.float64)


class _Nodes:
    """Where a field is defined: which entries of its arrays count, and their places.

    Parts of a mesh repeat the nodes that they share: at each place the mean of them is taken, as if it were
    one.
    """

    places_m: np.ndarray

    def __init__(self, points_m: np.ndarray, index: np.ndarray) -> None:
        self._index = index
        places = points_m[index]
        order = np.lexsort(places.T)
        begins = np.concatenate([[True], (np.diff(places[order], axis=0) != 0).any(axis=1)])
        if begins.all():
            self._place, self.places_m = None, places
        else:
            self._place = np.empty(len(index), np.int64)
            self._place[order] = np.cumsum(begins) - 1
            self.places_m = places[order[begins]]

    def values(self, array: np.ndarray) -> np.ndarray:
        """Of an array of all nodes (or cells) of the mesh, those at the places (place,)."""
        values = np.asarray(array, np.float64)[self._index]
        if self._place is None:
            return values
        return np.bincount(self._place, values) / np.bincount(self._place)


class _Phases:
    """The phases of a mesh, on its voxels, and what to take of its arrays for each field."""

    image: PhaseImage
    grid: VoxelGrid
    nodes: list[_Nodes]
    remark: str | None = None

    def __init__(self, mesh: Mesh, reading: Reading) -> None:
        self._reading = reading
        scale = factor(LENGTH_M, reading.length_unit or "m", "lengths")
        points = mesh.points * scale
        corners, owner = split_cells(mesh.cells)
        labels = np.full(len(mesh.cells.kinds), ELECTROLYTE, np.uint8)
        solid = np.unique(owner)
        labels[solid], of_nodes = _labels(mesh, reading, solid)
        has_volume = np.isin(np.arange(len(labels)), solid)
        of_cell = mesh.cells.owner
        nodes = np.unique(mesh.cells.nodes[has_volume[of_cell]])
        self.grid = grid_over(points[nodes], reading.box_m, reading.voxel_size_m)
        mixed = labels == MIXED
        shared = np.unique(mesh.cells.nodes[mixed[of_cell]])
        if len(shared):
            if not is_lattice(points[nodes], reading.voxel_size_m):
                raise UserError(
                    f"array {reading.domain}: the nodes of {mixed.sum()} of {len(solid)} cells lie in "
                    "several domains or in none, so there's no telling where these cells are; export "
                    "domains as an array of cells, or without smoothing, with the nodes of interfaces "
                    "once for each domain"
                )
            self.remark = (
                f"array {reading.domain}: the nodes of {mixed.sum()} of {len(solid)} cells lie in several "
                "domains: voxels in these take that of the nearest node, so interfaces may be off by half a "
                "cell; an array of cells says where they are"
            )
        self.image = phases_of_cells(points, corners, labels[owner], self.grid, of_nodes)
        # A field counts in the cells of its phase: at their nodes, or at their centres.
        self.nodes = []
        self._of_points = [self._is_of_points(mesh, name) for name in self._names]
        for of_points, phases in zip(self._of_points, ((AM,), (AM, CBD)), strict=True):
            own = np.isin(labels, phases) & has_volume
            of_mixed = shared[np.isin(of_nodes[shared], phases)]
            self.nodes.append(
                _Nodes(points, np.union1d(mesh.cells.nodes[own[of_cell]], of_mixed))
                if of_points
                else _Nodes(mesh.cells.centres(points), np.flatnonzero(own))
            )

    @property
    def _names(self) -> tuple[str, str]:
        return self._reading.concentration.name, self._reading.potential.name

    def _is_of_points(self, mesh: Mesh, name: str) -> bool:
        if name not in mesh.point_names | mesh.cell_names:
            raise UserError(
                f"array {name} is missing; found {', '.join(sorted(mesh.point_names)) or 'none'} at points "
                f"and {', '.join(sorted(mesh.cell_names)) or 'none'} at cells"
            )
        return name in mesh.point_names

    def take(self, mesh: Mesh, columns: tuple[list, list], whole_series: bool) -> list[float | None]:
        """Add a mesh's frames to the columns of both fields; returns their times, None where it has none."""
        series = [mesh.series(name, of) for name, of in zip(self._names, self._of_points, strict=True)]
        if list(series[0]) != list(series[1]):
            raise UserError(f"arrays {' and '.join(self._names)}: expected the same times in the same order")
        if len(series[0]) > 1 and not whole_series:
            raise UserError("has arrays of several times; expected one time in each of several files")
        units = [mesh.unit(name) for name in self._names]
        for field, scale in enumerate(self._reading.factors(*units)):
            for array in series[field].values():
                name, nodes = self._names[field], self.nodes[field]
                if np.ndim(array) != 1:
                    raise UserError(f"array {name}: expected numbers, found vectors {np.shape(array)}")
                columns[field].append(_finite(nodes.values(array), name, nodes.places_m) * scale)
        return list(series[0])


def _labels(mesh: Mesh, reading: Reading, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (cell,) of cells (cell,) by their domains, and (node,) of nodes, UNKNOWN where they don't count.

    Cells whose nodes are in several domains are MIXED.
    """
    name = reading.domain
    of_nodes = np.full(len(mesh.points), UNKNOWN, np.uint8)
    if name is None:
        return np.full(len(cells), AM, np.uint8), of_nodes
    if name not in mesh.cell_names | mesh.point_names:
        raise UserError(
            f"array {name} of the domains is missing; found {', '.join(sorted(mesh.cell_names)) or 'none'} "
            f"at cells and {', '.join(sorted(mesh.point_names)) or 'none'} at points"
        )
    of_cells = name in mesh.cell_names
    numbers = np.asarray(next(iter(mesh.series(name, not of_cells).values())), np.float64)
    if numbers.ndim != 1:
        raise UserError(f"array {name}: expected numbers, found vectors {numbers.shape}")
    if of_cells:
        return reading.domains.labels(numbers[cells], f"array {name}"), of_nodes
    # Numbers that aren't whole are averages at interfaces.
    whole = np.isfinite(numbers) & (numbers == np.round(numbers))
    of_nodes[whole] = reading.domains.labels(numbers[whole], f"array {name}")
    nodes, owner = mesh.cells.nodes, mesh.cells.owner
    counted = whole[nodes]
    lowest = np.full(len(mesh.cells.kinds), MIXED, np.uint8)
    highest = np.zeros(len(mesh.cells.kinds), np.uint8)
    np.minimum.at(lowest, owner[counted], of_nodes[nodes[counted]])
    np.maximum.at(highest, owner[counted], of_nodes[nodes[counted]])
    return np.where(lowest == highest, lowest, MIXED)[cells], of_nodes


def _finite(values: np.ndarray, name: str, nodes_m: np.ndarray) -> np.ndarray:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        where = ", ".join(f"{1e6 * x:.4g}" for x in nodes_m[bad[0]])
        raise UserError(
            f"array {name}: {values[bad[0]]} at {len(bad)} nodes of its phase, the first at ({where}) um"
        )
    return values
