"""Tables of numbers in text, as programs and locales write them.

Cells stand between commas, semicolons, tabs or blanks, and may be quoted; where another mark than the comma
separates, numbers may have a decimal comma.
"""

import csv
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tfmsnet.errors import UserError

_QUOTED = re.compile(r'"[^"]*"')
# "x (um)", "x [um]": a name and its unit.
_WITH_UNIT = re.compile(r"^(.*\S)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]$")


def separator_of(row: str) -> str | None:
    """The mark between the cells of a row of numbers; None for blanks."""
    bare = _QUOTED.sub("0", row.strip())
    for mark in (";", "\t"):
        if mark in bare:
            return mark
    words = bare.split()
    # Blanks between numbers with decimal commas, unless commas follow the numbers.
    has_decimals = len(words) > 1 and not any(word.startswith(",") or word.endswith(",") for word in words)
    return "," if "," in bare and not has_decimals else None


def split(line: str, separator: str | None) -> list[str]:
    """Cells of a line without their quotes; separators within quotes or brackets are a cell's own."""
    line = line.strip(" \r\n") if separator == "\t" else line.strip()
    if separator is None:
        return next(csv.reader([" ".join(line.split())], delimiter=" ", skipinitialspace=True), [])
    cells, depth, quoted, begin = [], 0, False, 0
    for place, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif not quoted:
            depth = max(0, depth + (letter in "([") - (letter in ")]"))
            if letter == separator and not depth:
                cells.append(line[begin:place])
                begin = place + 1
    return [_unquoted(cell) for cell in (*cells, line[begin:])]


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].replace('""', '"').strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def name_and_unit(cell: str) -> tuple[str, str | None]:
    """ "x (um)" -> ("x", "um"); the unit is None where there is none."""
    match = _WITH_UNIT.match(cell)
    return (match.group(1), match.group(2)) if match else (cell, None)


def numbers(
    lines: Iterable[str], separator: str | None, columns: int, chosen: Sequence[int] | None = None
) -> np.ndarray:
    """Numbers (row, column) of lines; blank ones are skipped.

    Args:
        lines: the rows.
        separator: as `separator_of` finds it.
        columns: how many cells a row has.
        chosen: those that are wanted; others may hold anything.  None: all.

    Raises:
        UserError: a row with more or less cells, one that is no number, decimal points and commas.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty table is for the caller to refuse
            return np.loadtxt(
                _rows(lines, separator, columns, range(columns) if chosen is None else chosen),
                delimiter=separator,
                usecols=chosen,
                ndmin=2,
                comments=None,
                quotechar='"',
            )
    except UserError:
        raise
    except (ValueError, IndexError) as error:
        raise UserError(f"{error}") from None


def _rows(lines: Iterable[str], separator: str | None, columns: int, chosen: Sequence[int]) -> Iterator[str]:
    """Lines with as many cells as columns, and with decimal points."""
    points = commas = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        plain = '"' not in line
        if plain and separator is not None and ("," not in line or separator == ","):
            found, points = line.count(separator) + 1, points or "." in line
        elif plain and separator is None and "," not in line:
            found, points = len(line.split()), points or "." in line
        else:
            cells = split(line, separator)
            if len(cells) == columns + 1 and not cells[-1]:
                cells.pop()
            found = len(cells)
            wanted = [cells[k] for k in chosen if k < found]
            points = points or any("." in cell for cell in wanted)
            if separator != ",":
                commas = commas or any("," in cell for cell in wanted)
            elif any("," in cell for cell in wanted):
                raise UserError(
                    f"row {number}: commas stand between numbers and within them; expected points"
                )
            mark = separator or " "
            line = mark.join(
                cell.replace(",", ".") if k in chosen else f'"{cell}"' for k, cell in enumerate(cells)
            )
        if found == columns + 1 and line.rstrip(" \r\n").endswith(separator or "\n"):  # as some programs do
            line, found = line.rstrip(" \r\n")[:-1], columns
        if found != columns:
            raise UserError(f"the header names {columns} columns, row {number} has {found}")
        if points and commas:
            raise UserError(
                f"row {number}: numbers with points and with commas; export one decimal mark alone"
            )
        yield line
