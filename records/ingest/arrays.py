"""Results on voxels: HDF5 and NPZ arrays, named and laid out by a mapping."""

import hashlib
import json
import math
import re
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
from tfmsnet.electrode.image import SAME_EDGE
from tfmsnet.electrode.labels import map_labels
from tfmsnet.errors import UserError, naming
from tfmsnet.files import read_json
from tfmsnet.foreign_files import check_declared, checked_suffix, named_faults, npz_arrays
from tfmsnet.halfcell import Parameters
from tfmsnet.records.hdf5 import made_from, write_sample
from tfmsnet.records.ingest.assembly import assemble
from tfmsnet.records.ingest.hdf5_names import dataset, item
from tfmsnet.records.sample import Sample
from tfmsnet.units import CONCENTRATION_MOL_M3, LENGTH_M, POTENTIAL_V, TIME_S, factor

_HDF5 = (".h5", ".hdf5", ".hdf")
_SUFFIXES = (*_HDF5, ".mat", ".npz")


@dataclass(frozen=True)
class Arrays:
    """The arrays of an open file.

    Attributes:
        read: an array by its name, in HDF5 with its groups, as in "results/c".
        members: names of what a group holds, "" for the file itself; none for what is no group.
        attributes: of the file, or of an array; empty where the format has none.
    """

    read: Callable[[str], np.ndarray]
    members: Callable[[str], list[str]]
    attributes: Callable[[str], Table[str, Any]] = lambda name: {}


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Open HDF5, NPZ or MATLAB (version 7.3, which is HDF5, and those before).

    Raises:
        UserError: no such file, another kind, damaged; of `read`: no array of a name.
    """
    suffix = checked_suffix(path, _SUFFIXES, "one with arrays")
    if suffix == ".npz":
        with named_faults(path, "NPZ"), np.load(path, allow_pickle=False) as file:
            sizes = {name: size for name, (_, size) in npz_arrays(path).items()}

            def read(name: str) -> np.ndarray:
                check_declared(path, sizes.get(name, 0), f"array {name}")
                return file[name]

            yield _named(file.files, read)
    elif suffix in _HDF5 or h5py.is_hdf5(path):
        with named_faults(path, "HDF5"), h5py.File(path, "r") as file:
            yield _of_hdf5(file, path.parent)
    else:
        import scipy.io

        with named_faults(path, "MATLAB"):
            sizes = {name: 8 * math.prod(shape) for name, shape, _ in scipy.io.whosmat(path)}

            def load(name: str) -> np.ndarray:
                check_declared(path, sizes[name], f"array {name}")
                return scipy.io.loadmat(path, variable_names=[name])[name]

            yield _named(list(sizes), load)


def _named(names: list[str], get: Callable[[str], np.ndarray]) -> Arrays:
    """Of a format without groups; names may hold slashes all the same."""

    def read(name: str) -> np.ndarray:
        if name.strip("/") not in names:
            raise UserError(f"dataset {name} is missing; found {', '.join(names) or 'none'}")
        return np.asarray(get(name.strip("/")))

    def members(group: str) -> list[str]:
        begin = f"{group.strip('/')}/" if group.strip("/") else ""
        return [name.removeprefix(begin) for name in names if name.startswith(begin)]

    return Arrays(read, members)


def _of_hdf5(file: h5py.File, folder: Path) -> Arrays:
    def members(group: str) -> list[str]:
        found = item(file, group, folder)
        return list(found) if isinstance(found, h5py.Group) else []

    def read(name: str) -> np.ndarray:
        found = dataset(file, name, folder)
        check_declared(found.file.filename, 0 if found.external else found.nbytes, f"dataset {name}")
        return np.asarray(found[()])

    return Arrays(
        read,
        members,
        lambda name: item(file, name, folder).attrs,
    )


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
        name: of the dataset, or names of one for each time, in order; "{step}" in a name stands for the
            numbers of such datasets.  None where `value` is given.
        axes: letters of its axes in the file's order, such as "tzyx"; "" where it has no axes of space.  "c"
            is an axis of components, of which there is one.
        unit: of its numbers.
        scale: multiplies its numbers, to give them that unit.
        labels: of pore, AM and CBD, of a phase; None takes 0, 1, 2 or 0, 85, 170 where there are just these.
        value: a number in place of a dataset.
    """

    role: str
    name: str | tuple[str, ...] | None = None
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
    voxel_size: Entry | None = None
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
    names = entry.get("name")
    if isinstance(names, list) and "t" in _AXES.get(role, "") and all(isinstance(n, str) for n in names):
        entry["name"] = tuple(names)
    for key, right in (("name", str | tuple), ("axes", str), ("unit", str)):
        if key in entry and not isinstance(entry[key], right):
            raise UserError(f"{role}.{key}: expected text, got {entry[key]!r}")
    for key in ("scale", "value"):
        if key in entry and not (_is_number(entry[key]) and math.isfinite(entry[key])):
            raise UserError(f"{role}.{key}: expected a number, got {entry[key]!r}")
    if sorted(entry["axes"].replace("c", "", 1)) != sorted(_AXES.get(role, "")):
        raise UserError(
            f"{role}.axes: expected the letters {', '.join(_AXES[role])} in the file's order (and c, of "
            f"components, if it has one), got {entry['axes']!r}"
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
    """Read a sample from an HDF5 (.h5, .hdf5), NPZ or MATLAB (.mat) file.

    Numbers in mol/m3 and V as float32 come through bit for bit.  What a field has outside its phase is
    dropped.

    Args:
        path: the file.
        mapping: what is called how.

    Raises:
        UserError: neither mapping nor file says how large voxels are, or they contradict each other; a
            dataset missing or of another rank, labels that aren't the mapping's, a value that isn't finite
            in its phase, or as `assemble`.  The message names the file.
    """
    path = Path(path)
    with naming(path), open_arrays(path) as arrays:
        return _sample(arrays, mapping)


def _sample(arrays: Arrays, mapping: Mapping) -> Sample:
    parameters = Parameters.from_dict(mapping.parameters)
    voxel_size_m = _voxel_size_m(arrays, mapping)
    labels = _oriented(_array(arrays, mapping.phase), mapping.phase, mapping)
    image = PhaseImage(
        map_labels(labels, mapping.phase.labels),
        voxel_size_m,
        geometry_id=mapping.geometry_id,
        am_wt_percent=mapping.am_wt_percent,
        calendering_percent=mapping.calendering_percent,
    )
    units = CONCENTRATION_MOL_M3 | {"1": parameters.c_max_mol_m3}
    times_s = np.ravel(_values(arrays, mapping.times, TIME_S)).astype(np.float64)
    am, solid, frames = image.phase == AM, image.phase != ELECTROLYTE, len(times_s)
    fields = {
        "concentration": _field(arrays, mapping.concentration, units, mapping, am, frames),
        "potential": _field(arrays, mapping.potential, POTENTIAL_V, mapping, solid, frames),
    }
    voltage = None if mapping.voltage is None else _over_time(arrays, mapping.voltage, POTENTIAL_V, times_s)
    c_rate = mapping.c_rate
    if isinstance(c_rate, Entry):
        c_rate = _over_time(arrays, c_rate, {"1/h": 1.0}, times_s)
    return assemble(image, times_s, **fields, parameters=parameters, c_rate=c_rate, voltage_v=voltage)


# How files call the edge of their voxels, and its unit; None: it has to say.
_EDGES = {
    "voxel_size_m": "m",
    "voxel_size_um": "um",
    "voxel_size_nm": "nm",
    "element_size_um": "um",
    "voxel_size": None,
    "spacing": None,
}


def _voxel_size_m(arrays: Arrays, mapping: Mapping) -> float:
    """The edge of the voxels, m: the mapping's and the file's, which mustn't contradict each other."""
    told = mapping.voxel_size
    stated = _stated_edges(arrays, mapping.phase.name)
    if told is not None:
        what = f"dataset {told.name}" if told.name else f"the mapping's {told.value:g} {told.unit}"
        stated = {what: _values(arrays, told, LENGTH_M)} | {
            name: values for name, values in stated.items() if values is not None
        }
    unclear = [name for name, values in stated.items() if values is None]
    if unclear and len(unclear) == len(stated):
        raise UserError(
            f"voxel_size: the file's {unclear[0]} has no unit; give it in the mapping, as in "
            '{"voxel_size": {"name": "' + unclear[0] + '", "unit": "um"}}'
        )
    known = {name: np.ravel(values).astype(float) for name, values in stated.items() if values is not None}
    if not known:
        raise UserError(
            "voxel_size: neither the mapping nor the file says it; give it in the mapping, as in "
            '{"voxel_size": {"value": 0.5, "unit": "um"}}'
        )
    edges = np.concatenate(list(known.values()))
    if not (len(edges) and edges.max() - edges.min() <= SAME_EDGE * abs(edges.min())):
        found = "; ".join(
            f"{name}: {' x '.join(f'{edge * 1e6:.4g}' for edge in values)} um"
            for name, values in known.items()
        )
        raise UserError(f"voxel_size: expected one edge of cubic voxels, found {found}")
    return float(next(iter(known.values()))[0])


def _stated_edges(arrays: Arrays, phase: str) -> dict[str, np.ndarray | None]:
    """What attributes and datasets say of the edge, m; None where they don't say in which unit."""
    stated: dict[str, np.ndarray | None] = {}
    there = arrays.members("")
    for name, unit in _EDGES.items():
        found = [
            (attributes[name], attributes)
            for attributes in (arrays.attributes(""), arrays.attributes(phase))
            if name in attributes
        ]
        if name in there and not arrays.members(name):
            found.append((arrays.read(name), arrays.attributes(name)))
        for number, (value, attributes) in enumerate(found):
            said = unit or attributes.get("unit", attributes.get("units"))
            said = said.decode() if isinstance(said, bytes) else said
            scale = None if said is None else factor(LENGTH_M, str(said), name)
            values = None if scale is None else np.asarray(value, float) * scale
            stated[name if number == 0 else f"{name} ({number + 1})"] = values
    return stated


def _array(arrays: Arrays, entry: Entry) -> np.ndarray:
    """A dataset in its own axes, or one made of a dataset for each time."""
    names = entry.name
    if isinstance(names, str) and "t" in entry.axes:
        if "{step}" not in names and _is_group_of_steps(arrays, names):
            names = f"{names}/{{step}}"
        if "{step}" in names:
            names = _steps(arrays, names)
    if isinstance(names, str):
        return arrays.read(names)
    steps = [arrays.read(name) for name in names]
    shapes = {step.shape for step in steps}
    if len(shapes) != 1:
        raise UserError(f"datasets {names[0]}, ...: expected one shape, found {sorted(shapes)}")
    return np.stack(steps, min(entry.axes.index("t"), steps[0].ndim))


def _is_group_of_steps(arrays: Arrays, name: str) -> bool:
    try:
        found = arrays.members(name)
    except UserError:  # missing, which is said where it is read
        return False
    return bool(found) and all(member.isdigit() for member in found)


def _steps(arrays: Arrays, pattern: str) -> tuple[str, ...]:
    """Names of the datasets that a pattern with {step} means, in the order of their numbers."""
    before, _, after = pattern.partition("{step}")
    group, slash, start = before.rpartition("/")
    end, inner_slash, inner = after.partition("/")
    matching = re.compile(re.escape(start) + r"(\d+)" + re.escape(end) + ("(?:/.*)?" if inner else ""))
    numbers: dict[int, str] = {}
    for member in arrays.members(group):
        match = matching.fullmatch(member)
        if match is None:
            continue
        name = f"{group}{slash}{start}{match.group(1)}{end}{inner_slash}{inner}"
        if numbers.setdefault(int(match.group(1)), name) != name:
            raise UserError(f"dataset {pattern}: two of step {int(match.group(1))}")
    if not numbers:
        raise UserError(f"dataset {pattern}: none of the name; found {', '.join(arrays.members(group)[:12])}")
    return tuple(numbers[step] for step in sorted(numbers))


def _title(entry: Entry) -> str:
    return f"dataset {entry.name if isinstance(entry.name, str) else ', '.join(entry.name or ())}"


def _values(arrays: Arrays, entry: Entry, units) -> np.ndarray:
    """A dataset, or the mapping's own number, in SI units; untouched where these are the file's."""
    values = _array(arrays, entry) if entry.name is not None else np.array(entry.value, np.float64)
    if values.dtype.kind not in "iuf":
        raise UserError(f"{_title(entry)}: expected numbers, found {values.dtype}")
    scale = entry.factor(units)
    return values if scale == 1 else values.astype(np.float64) * scale


def _over_time(arrays: Arrays, entry: Entry, units, times_s: np.ndarray) -> np.ndarray:
    values = np.ravel(_values(arrays, entry, units)).astype(np.float64)
    if len(values) != len(times_s):
        raise UserError(
            f"{_title(entry)}: expected one value for each of {len(times_s)} times, found {len(values)}"
        )
    return values


def _oriented(values: np.ndarray, entry: Entry, mapping: Mapping) -> np.ndarray:
    """Axes in the order (time,) x, y, z, and z from the foil; an axis of one component is left out."""
    axes = entry.axes
    if "c" not in axes and values.ndim == len(axes) + 1 and values.shape[-1] == 1:
        axes += "c"  # as DREAM.3D and writers of XDMF have it
    if values.ndim != len(axes):
        raise UserError(f"{_title(entry)}: expected {len(axes)} axes ({axes}), found shape {values.shape}")
    if "c" in axes:
        if values.shape[axes.index("c")] != 1:
            raise UserError(
                f"{_title(entry)}: expected one component along c, found shape {values.shape} ({axes})"
            )
        values, axes = values.squeeze(axes.index("c")), axes.replace("c", "")
    oriented = values.transpose([axes.index(axis) for axis in sorted(axes, key="txyz".index)])
    return oriented[..., ::-1] if mapping.foil_last else oriented


def _field(
    arrays: Arrays, entry: Entry, units, mapping: Mapping, mask: np.ndarray, frames: int
) -> np.ndarray:
    values = _oriented(_values(arrays, entry, units), entry, mapping)
    if values.shape != (frames, *mask.shape):
        raise UserError(
            f"{_title(entry)}: expected (time, x, y, z) = {(frames, *mask.shape)} as times and phase "
            f"have it, found {values.shape}; check its axes"
        )
    bad = np.argwhere(~np.isfinite(values) & mask)
    if len(bad):
        raise UserError(
            f"{_title(entry)}: {len(bad)} values in its phase aren't finite, the first at (time, x, y, "
            f"z) = {tuple(int(i) for i in bad[0])}"
        )
    result = np.zeros(values.shape, np.float32)
    result[:, mask] = values[:, mask]
    return result
