"""Samples as HDF5 files: the declared schema, and its check wherever a file is opened.

`FORMAT.md` beside this file writes the schema down for people.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.files import replacing
from tfmsnet.halfcell import Parameters
from tfmsnet.records.sample import Sample

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Field:
    """A dataset of the file: its name, its type and its named axes."""

    name: str
    dtype: str
    axes: tuple[str, ...]


SCHEMA = (
    Field("phase", "uint8", ("x", "y", "z")),
    Field("concentration", "float32", ("time", "x", "y", "z")),
    Field("potential", "float32", ("time", "x", "y", "z")),
    Field("times_s", "float64", ("time",)),
    Field("dol", "float64", ("time",)),
    Field("voltage_v", "float64", ("time",)),
    Field("c_rate_profile", "float64", ("time",)),
)
NUMBERS = ("voxel_size_m", "am_wt_percent", "calendering_percent")
TEXTS = ("geometry_id", "parameters")


def write_sample(sample: Sample, path: str | Path) -> None:
    """Write a sample; the file is whole or absent."""
    check_sample(sample, str(path))
    with replacing(path) as partial, h5py.File(partial, "w") as file:
        for field in SCHEMA:
            array = np.asarray(getattr(sample, field.name), dtype=field.dtype)
            # One frame a chunk, so that a window of frames reads only itself.
            chunks = (1, *array.shape[1:]) if len(field.axes) == 4 else None
            file.create_dataset(field.name, data=array, chunks=chunks)
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["c_rate"] = sample.c_rate
        for name in NUMBERS:
            file.attrs[name] = getattr(sample, name)
        file.attrs["geometry_id"] = sample.geometry_id
        file.attrs["parameters"] = sample.parameters.to_json()
        file.attrs["c_max_mol_m3"] = sample.parameters.c_max_mol_m3


def read_sample(path: str | Path) -> Sample:
    """Read a sample and check all of it.

    Raises:
        UserError: no such file, not HDF5, another format version, or a dataset or attribute that is
            missing or isn't as the schema has it; the message names file, dataset, expected, found.
    """
    sample = _read(Path(path), fields=True)
    check_sample(sample, str(path))
    return sample


def read_header(path: str | Path) -> Sample:
    """Read all of a sample but its fields (`concentration` and `potential` are None), checking the layout.

    Raises:
        UserError: as `read_sample`.
    """
    return _read(Path(path), fields=False)


def _read(path: Path, fields: bool) -> Sample:
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a sample (HDF5)")
    try:
        with h5py.File(path, "r") as file:
            _check_layout(file, path)
            arrays = {
                field.name: file[field.name][...] if fields or len(field.axes) < 4 else None
                for field in SCHEMA
            }
            numbers = {name: float(file.attrs[name]) for name in NUMBERS}
            texts = {name: str(file.attrs[name]) for name in TEXTS}
    except OSError as error:
        raise UserError(f"{path}: not readable as HDF5 ({error}); write the sample again") from None
    parameters = Parameters.from_json(texts.pop("parameters"))
    return Sample(**arrays, **numbers, **texts, parameters=parameters)


def sample_files(directory: str | Path) -> list[Path]:
    """The sample files of a data directory, sorted by name.

    Raises:
        UserError: no such directory, or none in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(f"{directory}: no such directory; expected one with samples (*.h5)")
    files = sorted(path for path in directory.glob("*.h5") if not path.name.startswith("."))
    if not files:
        raise UserError(f"{directory}: holds no samples (*.h5); make some with `tfmsnet simulate`")
    return files


def _check_layout(file: h5py.File, path: Path) -> None:
    version = file.attrs.get("format_version")
    if version is None:
        raise UserError(f"{path}: attribute format_version is missing: not a tfmsnet sample")
    if int(version) != FORMAT_VERSION:
        raise UserError(
            f"{path}: format_version: expected {FORMAT_VERSION}, found {version}; convert or simulate again"
        )
    for name in (*NUMBERS, *TEXTS):
        if name not in file.attrs:
            raise UserError(f"{path}: attribute {name}: expected, but missing")
    for field in SCHEMA:
        dataset = file.get(field.name)
        if not isinstance(dataset, h5py.Dataset):
            raise UserError(f"{path}: dataset {field.name}: expected {_expected(field)}, but missing")
        if dataset.dtype != np.dtype(field.dtype) or dataset.ndim != len(field.axes):
            raise UserError(
                f"{path}: dataset {field.name}: expected {_expected(field)}, "
                f"found {dataset.dtype} {dataset.shape}"
            )


def _expected(field: Field) -> str:
    return f"{field.dtype} ({', '.join(field.axes)})"


def check_sample(sample: Sample, name: str) -> None:
    """Check what a sample must be, whatever it was read from.

    Args:
        name: what to call it in the error: a file, or shard and record.

    Raises:
        UserError: sizes that don't agree, a value that isn't finite, labels other than 0, 1, 2, frames
            out of order, a field that isn't zero outside its phase.
    """
    sizes = dict(zip(("x", "y", "z"), sample.phase.shape, strict=False)) | {"time": len(sample.times_s)}
    for field in SCHEMA:
        array, expected = getattr(sample, field.name), tuple(sizes[axis] for axis in field.axes)
        if array.shape != expected:
            raise UserError(f"{name}: dataset {field.name}: expected shape {expected}, found {array.shape}")
        if not np.isfinite(array).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise UserError(f"{name}: dataset {field.name}: not finite at {field.axes} = {where}")
    if sample.phase.max(initial=0) > 2:
        raise UserError(f"{name}: dataset phase: expected labels 0, 1, 2, found {sample.phase.max()}")
    if not (np.diff(sample.times_s) > 0).all():
        raise UserError(f"{name}: dataset times_s: expected frames in order of time; they are not")
    for field, mask in (("concentration", sample.am_mask), ("potential", sample.solid_mask)):
        outside = np.count_nonzero(getattr(sample, field)[:, ~mask])
        if outside:
            raise UserError(
                f"{name}: dataset {field}: expected 0 outside its phase, found {outside} other values"
            )
