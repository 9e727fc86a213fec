"""Results of COMSOL: its spreadsheet text export, x y z then columns per time."""

import itertools
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from tfmsnet.electrode import AM, CBD, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.foreign_files import open_text
from tfmsnet.records.ingest.solution import (
    Label,
    NodeField,
    Reading,
    Solution,
    Variable,
    VoxelGrid,
    at_times,
    parse_label,
    time_unit_of,
)
from tfmsnet.records.ingest.voxelisation import grid_over, phases_of_nodes
from tfmsnet.tables import numbers, separator_of, split
from tfmsnet.units import LENGTH_M, factor

# A name, a unit in brackets, and what it was evaluated at; blanks within brackets are hidden before.
_COLUMN = re.compile(
    r"[^\s@]+(?:\s+\(\S*\))?(?:\s*@\s*(?:\d+:\s*)?\w+\s*=\s*[^\s,;]+(?:,\s*\w+\s*=\s*[^\s,;]+)*)?"
)
_HIDDEN = {" ": "\ue000", "\t": "\ue001", ",": "\ue002", ";": "\ue003", "@": "\ue004", "=": "\ue005"}
_LENGTH_UNIT = re.compile(r'^"?%\s*Length unit"?\s*[:,;\t]\s*"?([^\s",;]+)')


@dataclass(frozen=True)
class Export:
    """Labels of all columns, x, y, z first; the table (node, column); the unit of lengths in the header."""

    labels: list[Label]
    table: np.ndarray
    length_unit: str | None


def read_export(path: Path) -> Export:
    """Read a file (.txt, .csv).

    Raises:
        UserError: no such file, no header, or rows that aren't numbers, as many as the header's columns.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a spreadsheet export of COMSOL")
    header, length_unit = "", None
    with open_text(path) as file:
        for line in file:
            if not line.lstrip('"').startswith("%") and line.strip():
                break
            header = line if line.strip() else header
            unit = _LENGTH_UNIT.match(line)
            length_unit = unit.group(1) if unit else length_unit
        else:
            line = ""
        separator = separator_of(line or header)
        try:
            cells = _columns(header, separator, len(split(line, separator)))
            labels = [parse_label(text) for text in cells]
            if [label.name.lower() for label in labels[:3]] != ["x", "y", "z"]:
                raise UserError(
                    "expected a header of % lines that ends with the columns x, y, z, ..., found "
                    f"{header.strip()[:60]!r}; export in the spreadsheet format with its header"
                )
            rows = (row for row in itertools.chain([line], file) if not row.startswith("%"))
            try:
                table = numbers(rows, separator, len(labels))
            except UserError as error:
                raise UserError(f"expected rows of numbers, as many as columns: {error}") from None
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
    if not len(table):
        raise UserError(f"{path}: holds no rows of numbers")
    return Export(labels, table, length_unit)


def _columns(header: str, separator: str | None, count: int) -> list[str]:
    """What a header calls its columns; between blanks they are told apart by how many a row has."""
    text = header.strip().lstrip('"').removeprefix("%").strip(" \r\n")
    if separator is not None:
        cells = split(text if text.count('"') % 2 == 0 else f'"{text}', separator)
        joined: list[str] = []
        for cell in cells:  # "cs @ t=1, C=2" holds the mark that parts columns
            if joined and "@" in joined[-1] and re.match(r"\w+\s*=", cell):
                joined[-1] += f", {cell}"
            else:
                joined.append(cell)
        return [cell.replace('"', "") for cell in joined]
    found = [_shown(cell) for cell in _COLUMN.findall(_hidden(text))]
    if len(found) != count:  # expressions with blanks outside of brackets, in columns that are padded
        padded = re.split(r"\s{2,}", text)
        found = padded if len(padded) == count else found
    return found


def _hidden(text: str) -> str:
    """Without the marks that stand within brackets."""
    shown, depth = [], 0
    for letter in text:
        depth = max(0, depth + (letter == "(") - (letter == ")"))
        shown.append(_HIDDEN.get(letter, letter) if depth else letter)
    return "".join(shown)


def _shown(text: str) -> str:
    for letter, mark in _HIDDEN.items():
        text = text.replace(mark, letter)
    return text


def read_comsol(
    path: str | PathLike,
    reading: Reading,
    *,
    image: PhaseImage | None = None,
    origin_m: tuple[float, float, float] | None = None,
    reach_m: float = 1e-6,
) -> Solution:
    """Read a discharge from "Export > Data" of COMSOL, format spreadsheet (.txt, .csv).

    The last line of % names the columns, as in `cs (mol/m^3) @ t=100`.  A quantity that isn't defined in a
    domain is NaN there: such nodes don't count for it.  With a column of domains a quantity counts in its own
    phase alone.

    Args:
        path: the file.
        reading: names, units and, without an image, domains, voxels and box.
        image: the phases; None takes them from the column of domains, see `phases_of_nodes`.
        origin_m: where the image's lower corner lies; None takes the nodes' lowest x, y, z.
        reach_m: how far a voxel's nearest node may be to get its phase from it.

    Raises:
        UserError: no such file, another format, a column missing, a value that is NaN at some times only or
            no number, a voxel out of reach.  The message names the file.
    """
    path = Path(path)
    if image is None and reading.domain is None:
        raise UserError(f"{path}: expected a phase image or a column of domains, to take the phases from")
    export = read_export(path)
    try:
        return _solution(export, reading, image, origin_m, reach_m)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _solution(export: Export, reading: Reading, image, origin_m, reach_m: float) -> Solution:
    nodes, labels = _nodes(export, reading), _labels(export, reading)
    if image is None:
        grid = grid_over(nodes, reading.box_m, reading.voxel_size_m)
        image = phases_of_nodes(nodes, labels, grid, reach_m)
    else:
        origin = nodes.min(axis=0) if origin_m is None else origin_m
        grid = VoxelGrid(tuple(float(x) for x in origin), image.shape, image.voxel_size_m)
    quantities = (reading.concentration, reading.potential)
    times, columns = _time_columns(export, *quantities)
    unit = time_unit_of(export.labels, reading.concentration.name)
    scales = reading.factors(*(export.labels[index[0]].unit for index in columns))
    fields = []
    for quantity, index, scale, phases in zip(quantities, columns, scales, ([AM], [AM, CBD]), strict=True):
        own = np.ones(len(nodes), bool) if labels is None else np.isin(labels, phases)
        fields.append(_defined(nodes[own], export.table[own][:, index] * scale, f"column {quantity.name}"))
    return Solution(image, grid, times * reading.seconds_per_time(unit), *fields)


def _nodes(export: Export, reading: Reading) -> np.ndarray:
    unit = reading.length_unit or export.length_unit
    if unit is None:
        raise UserError("the header has no line '% Length unit: ...'; give the unit of lengths")
    nodes = export.table[:, :3] * factor(LENGTH_M, unit, "lengths")
    bad = np.flatnonzero(~np.isfinite(nodes).all(axis=1))
    if len(bad):
        raise UserError(f"row {bad[0] + 1}: expected numbers as x, y, z, found {export.table[bad[0], :3]}")
    return nodes


def _labels(export: Export, reading: Reading) -> np.ndarray | None:
    """Labels (node,), -1 where the domain's number isn't whole, as COMSOL's averages at interfaces."""
    if reading.domain is None:
        return None
    found = [index for index, label in enumerate(export.labels) if label.name == reading.domain]
    if not found:
        names = ", ".join(sorted({label.name for label in export.labels}))
        raise UserError(f"column {reading.domain} is missing; found {names}")
    numbers = export.table[:, found[0]]
    whole = np.isfinite(numbers) & (numbers == np.round(numbers))
    labels = np.full(len(numbers), -1)
    labels[whole] = reading.domains.labels(numbers[whole], f"column {reading.domain}")
    return labels


def _time_columns(export: Export, *quantities: Variable) -> tuple[np.ndarray, list[list[int]]]:
    """Times (time,) in the file's unit, and for each quantity the columns of these."""
    found = [at_times(export.labels, quantity.name) for quantity in quantities]
    for quantity, columns in zip(quantities, found, strict=True):
        if list(columns) != list(found[0]):
            raise UserError(
                f"columns {quantities[0].name} and {quantity.name}: expected the same times in the same "
                f"order, found {len(found[0])} and {len(columns)}"
            )
    return np.array(list(found[0])), [list(columns.values()) for columns in found]


def _defined(nodes_m: np.ndarray, values: np.ndarray, what: str) -> NodeField:
    """The field on the nodes where it has values."""
    undefined = np.isnan(values).all(axis=1)
    nodes_m, values = nodes_m[~undefined], values[~undefined]
    if not len(values):
        raise UserError(
            f"{what}: no node of its phase has a value; check the domains and the export's selection"
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        where = ", ".join(f"{1e6 * x:.4g}" for x in nodes_m[bad[0]])
        found = values[bad[0]][~np.isfinite(values[bad[0]])][0]
        raise UserError(
            f"{what}: {found} at some times but not at all, at {len(bad)} nodes, the first at ({where}) um; "
            "solve or export again"
        )
    return NodeField(nodes_m, values)
