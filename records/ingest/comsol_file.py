"""COMSOL's spreadsheet export: % lines with what is in it, x, y, z, and a column per quantity and time."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.records.ingest.quantity import Label, parse_label

# A name without blanks, a unit in brackets (which may hold brackets), and what it was evaluated at.
_COLUMN = re.compile(
    r"[^\s,;@]+(?:\s+\((?:[^()]|\([^()]*\))*\))?(?:\s*@\s*(?:\d+:\s*)?\w+\s*=\s*[^\s,;]+(?:,\s*\w+\s*=\s*[^\s,;]+)*)?"
)
_LENGTH_UNIT = re.compile(r"^%\s*Length unit:\s*(\S+)")


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
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if not line.startswith("%"):
                    break
                header = line
                unit = _LENGTH_UNIT.match(line)
                length_unit = unit.group(1) if unit else length_unit
            else:
                line = ""
    except UnicodeDecodeError:
        raise UserError(f"{path}: expected text (UTF-8), found something else") from None
    try:
        labels = [parse_label(text) for text in _COLUMN.findall(header[1:])]
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    names = [label.name.lower() for label in labels[:3]]
    if names != ["x", "y", "z"]:
        raise UserError(
            f"{path}: expected a header of % lines that ends with the columns x, y, z, ..., found "
            f"{header.strip()[:60]!r}; export in the spreadsheet format with its header"
        )
    return Export(labels, _table(path, "," if "," in line else None, len(labels)), length_unit)


def _table(path: Path, separator: str | None, columns: int) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty table is said below
            table = np.loadtxt(path, comments="%", delimiter=separator, ndmin=2, encoding="utf-8")
    except ValueError as error:
        raise UserError(f"{path}: expected rows of numbers, as many as columns: {error}") from None
    if not len(table):
        raise UserError(f"{path}: holds no rows of numbers")
    if table.shape[1] != columns:
        raise UserError(f"{path}: the header names {columns} columns, the rows have {table.shape[1]}")
    return table
