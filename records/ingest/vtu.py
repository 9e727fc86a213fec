"""Results on unstructured meshes: VTU files, one or one per time."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tfmsnet.electrode import AM, ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.records.ingest.solution import (
    Label,
    NodeField,
    Reading,
    Solution,
    VoxelGrid,
    at_times,
    parse_label,
)
from tfmsnet.records.ingest.voxelisation import grid_over, phases_of_cells, split_cells
from tfmsnet.units import LENGTH_M, TIME_S, factor


@dataclass(frozen=True, eq=False)
class Mesh:
    """An unstructured mesh with arrays.

    Attributes:
        points: (node, 3), in the file's unit.
        cells: blocks of kind and nodes (cell, corner).
        point_arrays, cell_arrays: by the name in the file; those of cells run through all blocks.
        time: the file's TimeValue, if it has one.
    """

    points: np.ndarray
    cells: list[tuple[str, np.ndarray]]
    point_arrays: dict[str, np.ndarray]
    cell_arrays: dict[str, np.ndarray]
    time: float | None

    @property
    def point_names(self) -> set[str]:
        """Names of arrays of points, without times and units."""
        return {parse_label(text).name for text in self.point_arrays}

    @property
    def cell_names(self) -> set[str]:
        """Names of arrays of cells, without times and units."""
        return {parse_label(text).name for text in self.cell_arrays}

    def unit(self, name: str) -> str | None:
        """The unit that an array's name holds, None without."""
        labels = [parse_label(text) for text in (*self.point_arrays, *self.cell_arrays)]
        return next((label.unit for label in labels if label.name == name), None)

    def series(self, name: str, of_points: bool) -> dict[float | None, np.ndarray]:
        """Time -> array; arrays whose name holds no time have the file's."""
        arrays = self.point_arrays if of_points else self.cell_arrays
        labels: list[Label] = [parse_label(text) for text in arrays]
        values = list(arrays.values())
        plain = [index for index, label in enumerate(labels) if label.name == name and label.time is None]
        if plain:
            return {self.time: values[plain[0]]}
        return {time: values[index] for time, index in at_times(labels, name).items()}

    def cell_centres(self) -> np.ndarray:
        """Mean of the corners (cell, 3) of all cells, in the file's unit."""
        return np.concatenate([self.points[nodes].mean(axis=1) for _, nodes in self.cells])

    def same_mesh(self, other: "Mesh") -> bool:
        """Whether nodes and cells are the same."""
        return np.array_equal(self.points, other.points) and (
            [kind for kind, _ in self.cells] == [kind for kind, _ in other.cells]
            and all(np.array_equal(a, b) for (_, a), (_, b) in zip(self.cells, other.cells, strict=True))
        )


def read_mesh(path: Path) -> Mesh:
    """Read a VTU file.

    Raises:
        UserError: meshio isn't installed, no such file, or not VTU.
    """
    try:
        import meshio
    except ImportError:
        raise UserError(
            f"{path}: reading VTU needs meshio; install it with pip install 'tfmsnet[mesh]'"
        ) from None
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a VTU file")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            mesh = meshio.vtu.read(path)
        points = np.asarray(mesh.points, np.float64)
        time = mesh.field_data.get("TimeValue")
        return Mesh(
            np.pad(points, ((0, 0), (0, 3 - points.shape[1]))),
            [(block.type, np.asarray(block.data)) for block in mesh.cells],
            dict(mesh.point_data),
            {name: np.concatenate(blocks) for name, blocks in mesh.cell_data.items()},
            None if time is None else float(np.ravel(time)[0]),
        )
    except (Exception, SystemExit) as error:  # whatever a foreign file brings up in the parser
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: not readable as VTU, it may be truncated or of another kind: {reason}"
        ) from None


def read_collection(path: Path) -> tuple[list[Path], list[float]]:
    """Files and times that a .pvd names.

    Raises:
        UserError: no such file, not a .pvd, or one with several parts for a time.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a .pvd")
    try:
        sets = ElementTree.parse(path).getroot().findall("./Collection/DataSet")
        times = [float(item.attrib["timestep"]) for item in sets]
        files = [path.parent / item.attrib["file"] for item in sets]
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: not readable as a .pvd of DataSets with timestep and file: {error}"
        ) from None
    if not files:
        raise UserError(f"{path}: names no files")
    if len(set(times)) < len(times):
        raise UserError(
            f"{path}: names several files for one time; merge their parts and export one per time"
        )
    return files, times


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
    grid: VoxelGrid
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
