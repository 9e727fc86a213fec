"""A mesh with arrays, as files of any format give it."""

from dataclasses import dataclass

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.records.ingest.solution import Label, at_times, parse_label, time_unit_of
from tfmsnet.records.ingest.voxelisation import Cells


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh with arrays.

    Attributes:
        points: (node, 3), in the file's unit.
        cells: of all parts.
        point_arrays, cell_arrays: by the name in the file, (node, ...) and (cell, ...).
        time: the file's, if it has one.
    """

    points: np.ndarray
    cells: Cells
    point_arrays: dict[str, np.ndarray]
    cell_arrays: dict[str, np.ndarray]
    time: float | None = None

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

    def time_unit(self, name: str) -> str | None:
        """The unit of the times in an array's names, None where they don't say it."""
        return time_unit_of([parse_label(text) for text in (*self.point_arrays, *self.cell_arrays)], name)

    def series(self, name: str, of_points: bool) -> dict[float | None, np.ndarray]:
        """Time -> array; arrays whose name holds no time have the file's."""
        arrays = self.point_arrays if of_points else self.cell_arrays
        labels: list[Label] = [parse_label(text) for text in arrays]
        values = list(arrays.values())
        plain = [index for index, label in enumerate(labels) if label.name == name and label.time is None]
        if len(plain) > 1:
            found = ", ".join(list(arrays)[index] for index in plain)
            raise UserError(f"array {name}: expected one, found {found}; export one of them")
        if plain:
            return {self.time: values[plain[0]]}
        return {time: values[index] for time, index in at_times(labels, name).items()}

    def same_mesh(self, other: "Mesh") -> bool:
        """Whether nodes and cells are the same."""
        return np.array_equal(self.points, other.points) and self.cells.same(other.cells)
