"""Particle lists from files: LAMMPS dumps, LAMMPS data files and tables."""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TextIO

import numpy as np

from tfmsnet.electrode.image import AM, CBD
from tfmsnet.electrode.particles import Box, ParticleList
from tfmsnet.errors import UserError, naming
from tfmsnet.foreign_files import open_text
from tfmsnet.tables import name_and_unit, numbers, separator_of, split
from tfmsnet.units import LENGTH_M, factor

_HEADER_LINES = 40  # of a LAMMPS data file, at most, until its box
# Columns of a data file.
_SPHERE = ("id", "type", "diameter", "density", "x", "y", "z")
# How the files call a column, in the order of preference.
_RADIUS = {"radius": 1.0, "r": 1.0, "diameter": 0.5, "d": 0.5}


@dataclass(frozen=True)
class _Frame:
    """A timestep of a dump: where its particles begin, and how they are laid out."""

    timestep: int
    count: int
    columns: tuple[str, ...]
    bounds: np.ndarray
    periodic: tuple[bool, bool, bool]
    offset: int


def read_particles(
    path: str | PathLike,
    unit: str | None = None,
    *,
    am_types: Sequence[int] = (1,),
    cbd_types: Sequence[int] = (2,),
    timestep: int | None = None,
    box: Sequence[float] | None = None,
    periodic: str | None = None,
) -> ParticleList:
    """Read spheres from a LAMMPS dump (text, `dump custom`), a LAMMPS data file or a table with a header.

    Columns are x, y, z, radius (or diameter) and type, in any order and among others; a dump may have scaled
    (xs) or unwrapped (xu) coordinates instead.  A data file is what `write_data` writes of atom style sphere
    (`Atoms # sphere`); it has a box, but doesn't say which axes are periodic.  A table is separated by
    commas, semicolons, tabs or blanks, with decimal commas where no commas separate; its names may hold units
    ("x (um)"), and may be ParaView's ("Points:0").  Text may be UTF-8, UTF-16 or Latin-1, and packed by gzip.

    Args:
        path: the file.
        unit: of all lengths in it: m, cm, mm, um, nm or angstrom; None takes the table's own, or um.
        am_types, cbd_types: the types that are active material and carbon-binder.
        timestep: the dump's frame of this number; None takes the last one.
        box: (x0, x1, y0, y1, z0, z1) in `unit`; None takes the file's bounds along periodic axes and the
            extent of the particles along open ones.
        periodic: the periodic axes, such as "xy" or ""; None takes the dump's, and none for a data file or a
            table.

    Raises:
        UserError: no such file, truncated, a column missing, a value that is no number, a radius that isn't
            above 0, a type that is neither phase's, a timestep that isn't there.  The message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a LAMMPS dump or data file, or a table of particles")
    with naming(path):
        with open_text(path) as file:
            columns, own, stated = _reader(file)(file, timestep)
        if unit and stated and factor(LENGTH_M, unit, "unit") != factor(LENGTH_M, stated, "unit"):
            raise UserError(f"unit: the table says {stated}, the call {unit}; leave it out")
        unit = unit or stated or "um"
        scale = factor(LENGTH_M, unit, "unit")
        centre, radius = columns[:, :3] * scale, columns[:, 3] * scale
        label = _labels(columns[:, 4], am_types, cbd_types)
        chosen = _box(own, scale, box, periodic, centre, radius)
        return ParticleList(centre, radius, label, chosen)


def _reader(file: TextIO) -> Callable[[TextIO, int | None], tuple[np.ndarray, Box | None, str | None]]:
    """What reads a file, by its first lines: columns, box, unit of lengths."""
    if file.readline().startswith("ITEM:"):
        reader = _read_dump
    else:
        beginning = [line.split("#")[0].split() for line in itertools.islice(file, _HEADER_LINES)]
        is_data = any(words[2:] == ["xlo", "xhi"] or words[1:] == ["atoms"] for words in beginning)
        reader = _read_data if is_data else _read_table
    file.seek(0)
    return reader


def _box(
    own: Box | None, scale: float, box, periodic: str | None, centre: np.ndarray, radius: np.ndarray
) -> Box:
    repeats = own.periodic if own else (False, False, False)
    if periodic is not None:
        if not set(periodic) <= set("xyz"):
            raise UserError(f"periodic: expected some of the letters x, y, z, got {periodic!r}")
        repeats = tuple(axis in periodic for axis in "xyz")
    if box is not None:
        edges = np.array(box, np.float64).reshape(3, 2) * scale
        return Box(tuple(edges[:, 0]), tuple(edges[:, 1]), repeats)
    low, high = (centre - radius[:, None]).min(axis=0), (centre + radius[:, None]).max(axis=0)
    if any(repeats) and own is None:
        raise UserError("periodic: a table holds no box, whose edges are the periods; give a box")
    if own is not None:
        low = np.where(repeats, np.array(own.low_m) * scale, low)
        high = np.where(repeats, np.array(own.high_m) * scale, high)
    return Box(tuple(low.tolist()), tuple(high.tolist()), repeats)


def _labels(types: np.ndarray, am_types: Sequence[int], cbd_types: Sequence[int]) -> np.ndarray:
    both = set(am_types) & set(cbd_types)
    if both:
        raise UserError(f"types: {sorted(both)} can't be AM and CBD at once")
    label = np.select([np.isin(types, list(am_types)), np.isin(types, list(cbd_types))], [AM, CBD], 0)
    if not label.all():
        unknown, counts = np.unique(types[label == 0], return_counts=True)
        found = ", ".join(
            f"{value:g} ({count} particles)" for value, count in zip(unknown[:8], counts[:8], strict=True)
        )
        raise UserError(
            f"types: {found} is neither AM {sorted(am_types)} nor CBD {sorted(cbd_types)}; say which types "
            "are which"
        )
    return label.astype(np.uint8)


def _read_dump(file: TextIO, timestep: int | None) -> tuple[np.ndarray, Box, None]:
    """Columns x, y, z, radius, type (particle, 5) of a frame, and the box, in the file's unit."""
    frames, is_whole = _frames(file)
    known = {frame.timestep: frame for frame in frames}
    if timestep is None and not is_whole:
        raise UserError(
            f"the dump is cut off after timestep {frames[-1].timestep}; choose one: it has "
            f"{_some(list(known))}"
        )
    if timestep is not None and timestep not in known:
        raise UserError(f"timestep: {timestep} isn't in the dump; it has {_some(list(known))}")
    frame = frames[-1] if timestep is None else known[timestep]
    file.seek(frame.offset)
    where = f"timestep {frame.timestep}"
    # A last line without its end may have lost digits, too.
    lines = [line for line in itertools.islice(file, frame.count) if line.endswith("\n")]
    if len(lines) < frame.count:
        raise UserError(
            f"{where}: expected {frame.count} particles, found {len(lines)}: the dump is cut off; choose an "
            "earlier timestep"
        )
    columns, scaled, _ = _numbers(lines, frame.columns, where, None)
    low, high = frame.bounds.T
    if scaled:
        columns[:, :3] = low + columns[:, :3] * (high - low)
    return columns, Box(tuple(low.tolist()), tuple(high.tolist()), frame.periodic), None


def _some(values: list) -> str:
    shown = ", ".join(f"{value}" for value in values[:6])
    return shown if len(values) <= 6 else f"{shown} ... {values[-1]} ({len(values)} of them)"


def _frames(file: TextIO) -> tuple[list[_Frame], bool]:
    """All frames, and whether the file ends with the last one's particles."""
    frames, header = [], {}
    while line := file.readline():
        if not line.strip():
            continue
        if not line.startswith("ITEM:"):
            raise UserError(
                f"expected a line ITEM: ..., found {line.strip()[:40]!r}: not a LAMMPS dump, or a damaged one"
            )
        item = line[5:].strip()
        if item.startswith("ATOMS"):
            frame = _frame(header, tuple(item.split()[1:]), file.tell())
            frames.append(frame)
            for _ in itertools.islice(iter(file.readline, ""), frame.count):
                pass
            header = {}
        else:
            lines = 3 if item.startswith("BOX BOUNDS") else 1
            header[item] = [file.readline() for _ in range(lines)]
    if not frames:
        raise UserError("no ITEM: ATOMS in it: the dump is cut off or empty")
    return frames, not header


def _frame(header: dict[str, list[str]], columns: tuple[str, ...], offset: int) -> _Frame:
    try:
        item = next(item for item in header if item.startswith("BOX BOUNDS"))
        words = item.split()[2:]
        bounds = np.array([[float(word) for word in line.split()] for line in header[item]])
        tilts = bounds[:, 2:]
        if "abc" in item or tilts.any() or ("xy" in words) != (tilts.shape[1] == 1):
            raise UserError("the box is triclinic; expected an orthogonal one")
        bounds = bounds[:, :2].reshape(3, 2)
        words = [word for word in words if word not in ("xy", "xz", "yz")]
        periodic = tuple(word == "pp" for word in words) if len(words) == 3 else (False, False, False)
        return _Frame(
            int(header["TIMESTEP"][0]), int(header["NUMBER OF ATOMS"][0]), columns, bounds, periodic, offset
        )
    except UserError:
        raise
    except (StopIteration, KeyError, ValueError):
        raise UserError(
            "expected TIMESTEP, NUMBER OF ATOMS and BOX BOUNDS before ATOMS: the dump is damaged"
        ) from None


def _read_data(file: TextIO, timestep: int | None) -> tuple[np.ndarray, Box, None]:
    """Columns x, y, z, radius, type (particle, 5) of a data file, and its box, in the file's unit."""
    if timestep is not None:
        raise UserError("timestep: a LAMMPS data file has one; leave it out")
    header = {}
    for line in itertools.islice(file, 1, None):
        text, _, style = (part.strip() for part in line.partition("#"))
        if text == "Atoms":
            break
        words = text.split()
        if len(words) > 1:
            number = next((k for k, word in enumerate(words) if word[0].isalpha()), len(words))
            header[" ".join(words[number:])] = words[:number]
    else:
        raise UserError("no section Atoms in it: the data file is cut off")
    if style != "sphere":
        raise UserError(
            f"Atoms # {style or '(no style)'}: expected the atom style sphere, which has diameters; write "
            "the particles with `write_data` or as a dump"
        )
    if any(tilt.strip("0.") for tilt in header.get("xy xz yz", ())) or "avec" in header:
        raise UserError("the box is triclinic; expected an orthogonal one")
    try:
        count = int(header["atoms"][0])
        low, high = np.array([header[f"{axis}lo {axis}hi"] for axis in "xyz"], np.float64).T
    except (KeyError, IndexError, ValueError):
        raise UserError(
            "expected atoms, xlo xhi, ylo yhi and zlo zhi before Atoms: the data file is damaged"
        ) from None
    lines = [line for line in itertools.islice(file, 1, count + 1) if line.endswith("\n") and line.strip()]
    if len(lines) < count:
        raise UserError(f"Atoms: expected {count} particles, found {len(lines)}: the data file is cut off")
    # What follows counts how often a particle has crossed the box.
    rows = [" ".join(line.split()[: len(_SPHERE)]) for line in lines]
    columns, _, _ = _numbers(rows, _SPHERE, "Atoms", None)
    return columns, Box(tuple(low.tolist()), tuple(high.tolist())), None


def _read_table(file: TextIO, timestep: int | None) -> tuple[np.ndarray, None, str | None]:
    if timestep is not None:
        raise UserError("timestep: a table has no timesteps; leave it out")
    lines = (line for line in file if line.strip())
    header = first = next(lines, "")
    while first.startswith(_REMARKS):  # the last of several may be the header
        header, first = first, next(lines, "")
    if header == first or not _NUMBER.match(first):
        header, first = first, next(lines, "")
    header = header.lstrip("".join(_REMARKS) + " ").strip()
    separator = separator_of(first or header)
    if separator is None:  # a blank may part a name from its unit, too
        header = re.sub(r"\s+(?=[(\[])", "", header)
    cells = split(header, separator)
    named = [_SUFFIXED.sub(r"\1 (\2)", cell.lower()) for cell in cells]
    named = [name_and_unit(cell) for cell in named]
    names = tuple(_PARAVIEW.get(name, name) for name, _ in named)
    columns, _, chosen = _numbers(itertools.chain([first], file), names, "the table", separator)
    units = {named[k][1] for k in chosen[:4]} - {None, ""}
    if len(units) > 1:
        raise UserError(f"the table: lengths in {' and '.join(sorted(units))}; expected one unit")
    return columns, None, next(iter(units), None)


_REMARKS = ("#", "%")
_NUMBER = re.compile(r"[\s\"']*[-+]?[.,]?\d")
_SUFFIXED = re.compile(r"^(x|y|z|radius|diameter)_(m|cm|mm|um|nm)$")
# How ParaView's spreadsheet calls coordinates.
_PARAVIEW = {f"points{mark}{k}": axis for mark in ":_" for k, axis in enumerate("xyz")}


def _numbers(
    lines, names: tuple[str, ...], where: str, separator: str | None
) -> tuple[np.ndarray, bool, list[int]]:
    """Columns x, y, z, radius, type (particle, 5); whether the coordinates are scaled; where they stand."""
    chosen, scale, scaled = _columns(names, where)
    try:
        columns = numbers(lines, separator, len(names), chosen)
    except UserError as error:
        raise UserError(f"{where}: expected numbers under {' '.join(names)}: {error}") from None
    if not len(columns):
        raise UserError(f"{where}: holds no particles")
    columns[:, 3] *= scale
    bad = ~np.isfinite(columns).all(axis=1) | ~(columns[:, 3] > 0)
    if bad.any():
        row = int(np.argmax(bad))
        values = ", ".join(f"{value:g}" for value in columns[row])
        raise UserError(
            f"{where}: particle {row + 1} has x, y, z, radius, type = {values}; expected finite numbers and "
            "a radius above 0"
        )
    return columns, scaled, chosen


def _columns(names: tuple[str, ...], where: str) -> tuple[list[int], float, bool]:
    """The columns of x, y, z, radius, type; the factor of the radius; whether coordinates are scaled."""
    sets = {"": False, "u": False, "s": True, "su": True}
    suffix = next((mark for mark in sets if all(axis + mark in names for axis in "xyz")), None)
    radius = next((name for name in _RADIUS if name in names), None)
    missing = [
        name
        for name, found in (("x, y, z", suffix is not None), ("radius", radius), ("type", "type" in names))
        if not found
    ]
    if missing:
        raise UserError(f"{where}: column {' and '.join(missing)} is missing; found {', '.join(names)}")
    chosen = [names.index(name) for name in (*(axis + suffix for axis in "xyz"), radius, "type")]
    return chosen, _RADIUS[radius], sets[suffix]
