"""Results on voxels: HDF5 and NPZ arrays, named and laid out by a mapping."""

import hashlib
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Table
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tfmsnet.electrode import AM, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.labels import map_labels
from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.halfcell import Parameters
from tfmsnet.records.hdf5 import made_from, write_sample
from tfmsnet.records.ingest.assembly import assemble
from tfmsnet.records.sample import Sample
from tfmsnet.units import CONCENTRATION_MOL_M3, LENGTH_M, POTENTIAL_V, TIME_S, factor

_HDF5 = (".h5", ".hdf5", ".hdf", ".mat")


@contextmanager
def open_arrays(path: Path) -> Iterator[Callable[[str], np.ndarray]]:
    """Yield a function name -> array; a name of HDF5 may have groups, as in "results/c".

    Raises:
        UserError: no such file, another kind, damaged, or no array of a name.
    """
    suffix = path.suffix.lower()
    if suffix not in (*_HDF5, ".npz"):
        raise UserError(f"{path}: expected a file of the kind {', '.join(_HDF5)} or .npz")
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected one with arrays")
    try:
        with h5py.File(path, "r") if suffix in _HDF5 else np.load(path, allow_pickle=False) as file:
            names = _dataset_names(file) if suffix in _HDF5 else file.files

            def read(name: str) -> np.ndarray:
                if name not in names:
                    raise UserError(f"dataset {name} is missing; found {', '.join(names) or 'none'}")
                return np.asarray(file[name][()] if suffix in _HDF5 else file[name])

            yield read
    except UserError:
        raise
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        kind = "HDF5" if suffix in _HDF5 else "NPZ"
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not readable as {kind}, it may be truncated or of another kind: {reason}"
        ) from None


def _dataset_names(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


_AXES = {"phase": "xyz", "concentration": "txyz", "potential": "txyz"}
_UNITS = {
    "concentration": "mol/m3",
    "potential": "V",
    "voltage": "V",
    "times": "s",
    "voxel_size": "um",
    "c_rate": "1/h",
}
_KEYS = {
    "phase": {"name", "axes", "labels"},
    "concentration": {"name", "axes", "unit", "scale"},
    "potential": {"name", "axes", "unit", "scale"},
    "times": {"name", "unit", "scale"},
    "voltage": {"name", "unit", "scale"},
    "voxel_size": {"name", "value", "unit", "scale"},
    "c_rate": {"name", "scale"},
}


@dataclass(frozen=True)
class Entry:
    """Where one thing is.

    Attributes:
        role: what it is in a sample.
        name: of the dataset; None where `value` is given.
        axes: letters of its axes in the file's order, such as "tzyx"; "" where it has no axes of space.
        unit: of its numbers.
        scale: multiplies its numbers, to give them that unit.
        labels: of pore, AM and CBD, of a phase; None takes 0, 1, 2 or 0, 85, 170 where there are just these.
        value: a number in place of a dataset.
    """

    role: str
    name: str | None = None
    axes: str = ""
    unit: str = ""
    scale: float = 1.0
    labels: tuple[int, int, int] | None = None
    value: float | None = None

    def factor(self, units: Table[str, float]) -> float:
        """What makes SI units of its numbers."""
        return self.scale * factor(units, self.unit, self.role)


@dataclass(frozen=True)
class Mapping:
    """Entries for all that a sample needs; those that may be None are computed."""

    phase: Entry
    concentration: Entry
    potential: Entry
    times: Entry
    voxel_size: Entry = field(default_factory=lambda: Entry("voxel_size", unit="um", value=0.5))
    voltage: Entry | None = None
    c_rate: Entry | float | None = None
    foil_last: bool = False
    geometry_id: str = ""
    am_wt_percent: float = math.nan
    calendering_percent: float = math.nan
    parameters: dict[str, Any] = field(default_factory=dict)


def read_mapping(path: str | PathLike) -> Mapping:
    """Read a mapping from a JSON file.

    Raises:
        UserError: not JSON, a key missing or unknown, a value of another type.  The message names the file.
    """
    content = read_json(path, "a mapping")
    try:
        return mapping_from(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def mapping_from(content: dict) -> Mapping:
    """The mapping that a dict of JSON types describes.

    Raises:
        UserError: as `read_mapping`.
    """
    known = {spec.name: spec for spec in fields(Mapping)}
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise UserError(f"{', '.join(unknown)}: isn't known; expected some of {', '.join(known)}")
    missing = [
        name
        for name, spec in known.items()
        if name not in content and spec.default is MISSING and spec.default_factory is MISSING
    ]
    if missing:
        raise UserError(f"{', '.join(missing)}: expected, but missing")
    return Mapping(**{name: _checked(name, value) for name, value in content.items()})


def _checked(role: str, value: Any) -> Any:
    if role in _KEYS:
        if role == "c_rate" and _is_number(value):
            return float(value)
        return _entry(role, value)
    kinds = {"foil_last": bool, "geometry_id": str, "parameters": dict}
    if role in kinds:
        if not isinstance(value, kinds[role]):
            raise UserError(f"{role}: expected {kinds[role].__name__}, got {value!r}")
        return value
    if not _is_number(value):
        raise UserError(f"{role}: expected a number, got {value!r}")
    return float(value)


def _entry(role: str, value: Any) -> Entry:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        raise UserError(f"{role}: expected a dataset's name or an object with one, got {value!r}")
    unknown = sorted(set(value) - _KEYS[role])
    if unknown:
        raise UserError(
            f"{role}: {', '.join(unknown)} isn't known; expected some of {', '.join(sorted(_KEYS[role]))}"
        )
    if ("name" in value) == ("value" in value):
        raise UserError(
            f"{role}: expected the name of a dataset" + (", or a value" if "value" in _KEYS[role] else "")
        )
    entry = {"axes": _AXES.get(role, ""), "unit": _UNITS.get(role, ""), **value}
    for key, right in (("name", str), ("axes", str), ("unit", str)):
        if key in entry and not isinstance(entry[key], right):
            raise UserError(f"{role}.{key}: expected text, got {entry[key]!r}")
    for key in ("scale", "value"):
        if key in entry and not (_is_number(entry[key]) and math.isfinite(entry[key])):
            raise UserError(f"{role}.{key}: expected a number, got {entry[key]!r}")
    if sorted(entry["axes"]) != sorted(_AXES.get(role, "")):
        raise UserError(
            f"{role}.axes: expected the letters {', '.join(_AXES[role])} in the file's order, got "
            f"{entry['axes']!r}"
        )
    if "labels" in entry:
        entry["labels"] = _labels(entry["labels"])
    return Entry(role, **entry)


def _labels(value: Any) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(label, int) for label in value):
        raise UserError(
            f"phase.labels: expected the numbers of pore, AM and CBD, such as [0, 85, 170], got {value!r}"
        )
    return tuple(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def import_arrays(
    sources: Sequence[Path],
    mapping: Mapping,
    out: Path,
    progress: Callable[[float, str], None] | None = None,
) -> int:
    """Write a sample of each source into a directory, under the source's name.

    A sample that an earlier call made of the same source, as size and time of the file tell, by the same
    mapping is kept: the same call continues one that was interrupted.

    Args:
        sources: files for `read_arrays`.
        mapping: what is called how in all of them.
        out: directory of the samples.
        progress: called with the fraction done and a sample's name after each.

    Returns:
        How many were kept.

    Raises:
        UserError: two sources of one name, a sample of that name that is another's, or as `read_arrays`.
    """
    paths = [out / f"{source.stem}.h5" for source in sources]
    if len(set(paths)) < len(paths):
        raise UserError(f"{out}: two sources would write one sample; give them names that differ")
    origins = [_origin(source, mapping) for source in sources]
    kept = {path for path, origin in zip(paths, origins, strict=True) if _is_there(path, origin)}
    for number, (source, path, origin) in enumerate(zip(sources, paths, origins, strict=True), 1):
        if path not in kept:
            write_sample(read_arrays(source, mapping), path, origin)
        if progress:
            progress(number / len(sources), path.name)
    return len(kept)


def _origin(source: Path, mapping: Mapping) -> str:
    """Tells a source and its mapping from others; empty for a file that isn't there."""
    if not source.is_file():
        return ""
    state = source.stat()
    content = json.dumps([source.name, state.st_size, state.st_mtime_ns, asdict(mapping)])
    return hashlib.sha256(content.encode()).hexdigest()


def _is_there(path: Path, origin: str) -> bool:
    """Whether a source's sample is there already; a UserError where another's is."""
    if path.exists() and made_from(path) != origin:
        raise UserError(
            f"{path}: exists already, and isn't made of this source by this mapping; remove it, or choose "
            "another --out or name"
        )
    return path.exists()


def read_arrays(path: str | PathLike, mapping: Mapping) -> Sample:
    """Read a sample from an HDF5 (.h5, .hdf5, .mat of version 7.3) or NPZ file.

    Numbers in mol/m3 and V as float32 come through bit for bit.  What a field has outside its phase is
    dropped.

    Args:
        path: the file.
        mapping: what is called how.

    Raises:
        UserError: a dataset missing or of another rank, labels that aren't the mapping's, a value that isn't
            finite in its phase, or as `assemble`.  The message names the file.
    """
    path = Path(path)
    try:
        with open_arrays(path) as read:
            return _sample(read, mapping)
    except UserError as error:
        message = str(error)
        raise UserError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def _sample(read, mapping: Mapping) -> Sample:
    parameters = Parameters.from_dict(mapping.parameters)
    voxel_size = mapping.voxel_size
    voxel_size_m = float(np.ravel(_values(read, voxel_size, LENGTH_M))[0])
    phase = map_labels(_oriented(read(mapping.phase.name), mapping.phase, mapping), mapping.phase.labels)
    image = PhaseImage(
        phase,
        voxel_size_m,
        geometry_id=mapping.geometry_id,
        am_wt_percent=mapping.am_wt_percent,
        calendering_percent=mapping.calendering_percent,
    )
    units = CONCENTRATION_MOL_M3 | {"1": parameters.c_max_mol_m3}
    times_s = np.ravel(_values(read, mapping.times, TIME_S)).astype(np.float64)
    fields = {
        "concentration": _field(read, mapping.concentration, units, mapping, image.phase == AM, len(times_s)),
        "potential": _field(
            read, mapping.potential, POTENTIAL_V, mapping, image.phase != ELECTROLYTE, len(times_s)
        ),
    }
    voltage = None if mapping.voltage is None else _over_time(read, mapping.voltage, POTENTIAL_V, times_s)
    c_rate = mapping.c_rate
    if isinstance(c_rate, Entry):
        c_rate = _over_time(read, c_rate, {"1/h": 1.0}, times_s)
    return assemble(image, times_s, **fields, parameters=parameters, c_rate=c_rate, voltage_v=voltage)


def _values(read, entry: Entry, units) -> np.ndarray:
    """A dataset, or the mapping's own number, in SI units; untouched where these are the file's."""
    values = read(entry.name) if entry.name is not None else np.array(entry.value, np.float64)
    if values.dtype.kind not in "iuf":
        raise UserError(f"dataset {entry.name}: expected numbers, found {values.dtype}")
    scale = entry.factor(units)
    return values if scale == 1 else values.astype(np.float64) * scale


def _over_time(read, entry: Entry, units, times_s: np.ndarray) -> np.ndarray:
    values = np.ravel(_values(read, entry, units)).astype(np.float64)
    if len(values) != len(times_s):
        raise UserError(
            f"dataset {entry.name}: expected one value for each of {len(times_s)} times, found {len(values)}"
        )
    return values


def _oriented(values: np.ndarray, entry: Entry, mapping: Mapping) -> np.ndarray:
    """Axes in the order (time,) x, y, z, and z from the foil."""
    if values.ndim != len(entry.axes):
        raise UserError(
            f"dataset {entry.name}: expected {len(entry.axes)} axes ({entry.axes}), found shape "
            f"{values.shape}"
        )
    order = [entry.axes.index(axis) for axis in sorted(entry.axes, key="txyz".index)]
    oriented = values.transpose(order)
    return oriented[..., ::-1] if mapping.foil_last else oriented


def _field(read, entry: Entry, units, mapping: Mapping, mask: np.ndarray, frames: int) -> np.ndarray:
    values = _oriented(_values(read, entry, units), entry, mapping)
    if values.shape != (frames, *mask.shape):
        raise UserError(
            f"dataset {entry.name}: expected (time, x, y, z) = {(frames, *mask.shape)} as times and phase "
            f"have it, found {values.shape}; check its axes"
        )
    bad = np.argwhere(~np.isfinite(values) & mask)
    if len(bad):
        raise UserError(
            f"dataset {entry.name}: {len(bad)} values in its phase aren't finite, the first at (time, x, y, "
            f"z) = {tuple(int(i) for i in bad[0])}"
        )
    result = np.zeros(values.shape, np.float32)
    result[:, mask] = values[:, mask]
    return result
