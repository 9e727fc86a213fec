"""VTU and PVD files, read with meshio."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.records.ingest.quantity import Label, at_times, parse_label


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
