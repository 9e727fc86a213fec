"""A discharge from VTU files: one per time, or one with an array per time."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from tfmsnet.electrode import AM, ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.records.ingest.cells import split_cells
from tfmsnet.records.ingest.grid import Grid
from tfmsnet.records.ingest.reading import Reading
from tfmsnet.records.ingest.solution import NodeField, Solution
from tfmsnet.records.ingest.voxelisation import grid_over, phases_of_cells
from tfmsnet.records.ingest.vtu_file import Mesh, read_collection, read_mesh
from tfmsnet.units import LENGTH_M, TIME_S, factor


def read_vtu(
    paths: Sequence[str | PathLike], reading: Reading, *, times: Sequence[float] | None = None
) -> Solution:
    """Read a discharge from VTU files over one mesh.

    Either a file per time, in the order of time; or one file whose arrays are called as in `cs @ t=100`,
    which is what COMSOL writes; or a .pvd, which names files and times.  Fields are arrays of points or of
    cells, and count on nodes of their own phase alone.  Phases come from the array of domains; without one,
    every cell is AM.  A voxel has the phase of the cell that holds its centre, and is electrolyte outside
    of all cells, unless the electrolyte is meshed.

    Args:
        paths: the files.
        reading: names, units, domains, voxels and box.
        times: of the files, in the reading's unit; None takes them from the .pvd, the arrays' names, or the
            files' TimeValue.

    Raises:
        UserError: a file that isn't there or isn't VTU, an array missing, another mesh than the first file's,
            NaN in a field, times missing, a mesh that doesn't cover the box, meshio isn't installed.
    """
    paths = [Path(path) for path in paths]
    if len(paths) == 1 and paths[0].suffix.lower() == ".pvd":
        paths, own = read_collection(paths[0])
        times = own if times is None else times
    first = read_mesh(paths[0])
    try:
        phases = _Phases(first, reading)
    except UserError as error:
        raise UserError(f"{paths[0]}: {error}") from None
    columns, found = ([], []), []
    for number, path in enumerate(paths):
        mesh = first if number == 0 else read_mesh(path)
        try:
            if not mesh.same_mesh(first):
                raise UserError(f"another mesh than in {paths[0]}; expected one for all times")
            found += phases.take(mesh, columns, whole_series=len(paths) == 1)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
    seconds = _times(times, found, paths) * factor(TIME_S, reading.time_unit, "times")
    fields = (
        NodeField(nodes, np.stack(values, 1)) for nodes, values in zip(phases.nodes, columns, strict=True)
    )
    return Solution(phases.image, phases.grid, seconds, *fields)


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


class _Phases:
    """The phases of a mesh, on its voxels, and what to take of its arrays for each field."""

    image: PhaseImage
    grid: Grid
    nodes: list[np.ndarray]

    def __init__(self, mesh: Mesh, reading: Reading) -> None:
        self._reading = reading
        scale = factor(LENGTH_M, reading.length_unit or "m", "lengths")
        points = mesh.points * scale
        corners, owner = split_cells(mesh.cells)
        labels = _labels(mesh, reading, owner)
        self.grid = grid_over(points[np.unique(corners)], reading.box_m, reading.voxel_size_m)
        self.image = phases_of_cells(points, corners, labels, self.grid)
        # Of a field, tetrahedra of its phase: their points for arrays of points, their cells for those of
        # cells.
        solid = (labels == AM, labels != ELECTROLYTE)
        self._points = [np.unique(corners[mask]) for mask in solid]
        self._cells = [np.unique(owner[mask]) for mask in solid]
        centres = mesh.cell_centres() * scale
        self._of_points = [self._is_of_points(mesh, name) for name in self._names]
        self.nodes = [
            points[self._points[field]] if self._of_points[field] else centres[self._cells[field]]
            for field in range(2)
        ]

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
                index = self._points[field] if self._of_points[field] else self._cells[field]
                values = np.asarray(array, np.float64)
                if values.ndim != 1:
                    raise UserError(
                        f"array {self._names[field]}: expected numbers, found vectors {values.shape}"
                    )
                columns[field].append(_finite(values[index], self._names[field], self.nodes[field]) * scale)
        return list(series[0])


def _labels(mesh: Mesh, reading: Reading, owner: np.ndarray) -> np.ndarray:
    """Labels (tetrahedron,) by the domain of its cell."""
    if reading.domain is None:
        return np.full(len(owner), AM, np.uint8)
    if reading.domain not in mesh.cell_names:
        names = ", ".join(sorted(mesh.cell_names)) or "none"
        raise UserError(f"array {reading.domain} of the cells' domains is missing; found {names} at cells")
    numbers = next(iter(mesh.series(reading.domain, False).values()))
    return reading.domains.labels(np.asarray(numbers, np.float64)[owner], f"array {reading.domain}")


def _finite(values: np.ndarray, name: str, nodes_m: np.ndarray) -> np.ndarray:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        where = ", ".join(f"{1e6 * x:.4g}" for x in nodes_m[bad[0]])
        raise UserError(
            f"array {name}: {values[bad[0]]} at {len(bad)} nodes of its phase, the first at ({where}) um"
        )
    return values
