"""Samples from HDF5 and NPZ files of other layouts, by a mapping."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path

import numpy as np

from tfmsnet.electrode import AM, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.reading import map_labels
from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.records.hdf5 import made_from, write_sample
from tfmsnet.records.ingest.array_file import open_arrays
from tfmsnet.records.ingest.assembly import assemble
from tfmsnet.records.ingest.mapping import Entry, Mapping
from tfmsnet.records.sample import Sample
from tfmsnet.units import CONCENTRATION_MOL_M3, LENGTH_M, POTENTIAL_V, TIME_S


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
