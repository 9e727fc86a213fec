"""Samples as HDF5 files: the declared schema, and its check wherever a file is opened.

`FORMAT.md` beside this file writes the schema down for people.
"""

import hashlib
import io
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tfmsnet.configuration import check_form
from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.files import parse_json, replacing
from tfmsnet.foreign_files import check_declared
from tfmsnet.halfcell import Parameters
from tfmsnet.load import Ended, Load
from tfmsnet.records.sample import Sample

FORMAT_VERSION = 3
READABLE_VERSIONS = (1, 2, 3)  # 1 holds neither load nor ends; up to 2 crevices reacted less, see FORMAT.md


@dataclass(frozen=True)
class Dataset:
    """A dataset of the file: its name, its type and its named axes."""

    name: str
    dtype: str
    axes: tuple[str, ...]


SCHEMA = (
    Dataset("phase", "uint8", ("x", "y", "z")),
    *(Dataset(name, "float32", ("time", "x", "y", "z")) for name in FIELDS),
    Dataset("times_s", "float64", ("time",)),
    Dataset("dol", "float64", ("time",)),
    Dataset("voltage_v", "float64", ("time",)),
    Dataset("c_rate_profile", "float64", ("time",)),
)
NUMBERS = ("voxel_size_m", "am_wt_percent", "calendering_percent")
TEXTS = ("geometry_id", "parameters")
MADE_FROM, CHECKSUMS, COMPLETE = "made_from", "checksums", "complete"
_ATTRIBUTES = ("format_version", "c_rate", *NUMBERS, *TEXTS, "c_max_mol_m3", MADE_FROM, COMPLETE)
# Datasets of JSON in UTF-8 bytes: an attribute holds 64 kB, a load of a thousand segments doesn't fit.
LOAD, ENDS = "load", "ends"
_MARK = b"tfmsnet\n"  # ends a file that has a trailer


def write_sample(sample: Sample, path: str | Path, made_from: str = "") -> None:
    """Write a sample, with checksums; the file is whole or absent.

    Args:
        sample: to write.
        path: the file.
        made_from: what tells this sample from others of its name, kept as an attribute.
    """
    check_sample(sample, str(path))
    # In memory: HDF5 crashes the process where it can't write a file to its end.
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for field in SCHEMA:
            array = np.asarray(getattr(sample, field.name), dtype=field.dtype)
            # One frame a chunk, so that a window of frames reads only itself.
            chunks = (1, *array.shape[1:]) if len(field.axes) == 4 else None
            file.create_dataset(field.name, data=array, chunks=chunks)
        texts = {LOAD: sample.load.to_json(), ENDS: json.dumps(sample.ends)} if sample.load else {}
        for name, text in texts.items():
            file.create_dataset(name, data=np.frombuffer(text.encode(), np.uint8))
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["c_rate"] = sample.c_rate
        for name in NUMBERS:
            file.attrs[name] = getattr(sample, name)
        file.attrs["geometry_id"] = sample.geometry_id
        file.attrs["parameters"] = sample.parameters.to_json()
        file.attrs["c_max_mol_m3"] = sample.parameters.c_max_mol_m3
        if made_from:
            file.attrs[MADE_FROM] = made_from
        file.attrs[COMPLETE] = sample.complete
        digests = {field.name: _digest(getattr(sample, field.name), field) for field in SCHEMA}
        digests |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
        file.attrs[CHECKSUMS] = json.dumps({**digests, "attributes": _attributes_digest(file.attrs)})
        data = _data_spans(file)
    with replacing(path) as partial, open(partial, "wb") as stream:
        stream.write(content.getbuffer())
        stream.write(_trailer(content.getbuffer(), data))


def _data_spans(file: h5py.File) -> list[tuple[int, int]]:
    """Where the fields' chunks lie: (first byte, byte behind) of each, in the order of the file."""
    fields = (file[field.name].id for field in SCHEMA if len(field.axes) == 4)
    chunks = (field.get_chunk_info(i) for field in fields for i in range(field.get_num_chunks()))
    return sorted((chunk.byte_offset, chunk.byte_offset + chunk.size) for chunk in chunks)


def _trailer(content: memoryview, data: list[tuple[int, int]]) -> bytes:
    """What stands behind the HDF5 file: the checksum of all of it but the fields' data.

    HDF5 has none of its own, and damaged structures may keep it busy for ever.
    """
    begins = [0, *(end for _, end in data)]
    ends = [*(begin for begin, _ in data), len(content)]
    spans = [[begin, end] for begin, end in zip(begins, ends, strict=True) if begin < end]
    digest = hashlib.sha256(json.dumps(spans).encode())
    for begin, end in spans:
        digest.update(content[begin:end])
    text = json.dumps({"spans": spans, "sha256": digest.hexdigest()}).encode()
    return text + struct.pack("<Q", len(text)) + _MARK


def _check_structure(path: Path) -> None:
    """Compare all of a file but the fields' data with its checksum; files of older versions have none."""
    tail = struct.calcsize("<Q") + len(_MARK)
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < tail:
            return
        file.seek(-tail, os.SEEK_END)
        length, mark = struct.unpack(f"<Q{len(_MARK)}s", file.read())
        if mark != _MARK:
            return
        try:
            begin = size - tail - length
            file.seek(begin)
            trailer = parse_json(file.read(length))
            check_form(trailer, {"spans": [[int]], "sha256": str}, "trailer")
            spans = trailer["spans"]
            digest = hashlib.sha256(json.dumps(spans).encode())
            for first, behind in spans:
                file.seek(first)
                digest.update(file.read(min(behind, begin) - first))
            intact = digest.hexdigest() == trailer["sha256"] and spans[-1][1] <= begin
        except (ValueError, OSError, IndexError, OverflowError):
            intact = False
    if not intact:
        raise UserError(
            f"{path}: changed since it was written (its checksum doesn't fit); write the sample again"
        )


def _digest(array: np.ndarray, field: Dataset) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype=field.dtype)).hexdigest()


def _attributes_digest(attributes: Mapping) -> str:
    known = {name: attributes[name] for name in _ATTRIBUTES if name in attributes}
    known = {name: value if isinstance(value, str) else float(value) for name, value in known.items()}
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def read_sample(path: str | Path) -> Sample:
    """Read a sample and check all of it.

    Raises:
        UserError: no such file, not HDF5, another format version, or a dataset or attribute that is
            missing or isn't as the schema has it; the message names file, dataset, expected, found.
    """
    sample, checksums = _read(Path(path), fields=True)
    check_sample(sample, str(path))
    check_arrays(sample, checksums, path)
    return sample


def read_header(path: str | Path) -> Sample:
    """Read all of a sample but its fields (`concentration` and `potential` are None), checking the layout.

    Raises:
        UserError: as `read_sample`.
    """
    return _read(Path(path), fields=False)[0]


def read_checksums(path: str | Path) -> dict[str, str]:
    """The checksums of a sample's datasets, for `check_arrays`; none where an older version wrote the file.

    Raises:
        UserError: as `read_sample`.
    """
    return _read(Path(path), fields=False)[1]


def made_from(path: str | Path) -> str:
    """What `write_sample` was told that the sample is made from; empty if nothing, or not a sample."""
    try:
        with h5py.File(path, "r") as file:
            return str(file.attrs.get(MADE_FROM, ""))
    except OSError:
        return ""


def simulated_with(path: str | Path) -> str:
    """Which reacting area the package's simulator took: "of format 2" (and 1) or "of format 3".

    Empty for results of other simulators, which hold no load.
    """
    with h5py.File(path, "r") as file:
        version = int(file.attrs["format_version"])
        if (version > 1 and LOAD not in file) or MADE_FROM in file.attrs:
            return ""
    return f"of format {max(version, 2)}"


def check_arrays(sample: Sample, checksums: dict[str, str], path: str | Path) -> None:
    """Compare a sample's arrays, those that it has, with their checksums.

    Raises:
        UserError: one has changed since it was written.
    """
    for field in SCHEMA:
        array, expected = getattr(sample, field.name), checksums.get(field.name)
        if array is not None and expected is not None and _digest(array, field) != expected:
            raise UserError(
                f"{path}: dataset {field.name}: changed since it was written (its checksum doesn't fit); "
                "write the sample again"
            )


def _read(path: Path, fields: bool) -> tuple[Sample, dict[str, str]]:
    """A sample and the checksums of its datasets."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a sample (HDF5)")
    _check_structure(path)
    try:
        with h5py.File(path, "r") as file:
            _check_layout(file, path)
            checksums = _checked_attributes(file.attrs, path)
            arrays = {
                field.name: _array(file, field, path) if fields or len(field.axes) < 4 else None
                for field in SCHEMA
            }
            numbers = {name: float(file.attrs[name]) for name in NUMBERS}
            texts = {name: str(file.attrs[name]) for name in TEXTS}
            load = _text(file, LOAD, checksums, path)
            ends = _text(file, ENDS, checksums, path)
    except UserError:
        raise
    except Exception as error:  # whatever HDF5 makes of a damaged file
        raise UserError(f"{path}: not readable as HDF5 ({error}); write the sample again") from None
    parameters = Parameters.from_json(texts.pop("parameters"))
    known = {}
    if load is not None:
        try:
            ends = tuple(Ended(*end) for end in parse_json(ends or "[]"))
            known = {"load": Load.from_json(load), "ends": ends}
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: load: {error}; write the sample again") from None
    return Sample(**arrays, **numbers, **texts, parameters=parameters, **known), checksums


def _text(file: h5py.File, name: str, checksums: dict[str, str], path: Path) -> str | None:
    """A dataset of JSON, compared with its checksum; None where it neither is nor was."""
    if name not in file and name not in checksums:
        return None
    content = file[name][...].tobytes() if name in file else b""
    if checksums.get(name, "") not in ("", hashlib.sha256(content).hexdigest()):
        raise UserError(
            f"{path}: dataset {name}: changed since it was written (its checksum doesn't fit); write the "
            "sample again"
        )
    return content.decode()


def _checked_attributes(attributes: Mapping, path: Path) -> dict[str, str]:
    """The checksums of the datasets, once that of the attributes is found to be right."""
    if CHECKSUMS not in attributes:
        if int(attributes["format_version"]) > 1:
            raise UserError(f"{path}: attribute {CHECKSUMS}: expected, but missing; write the sample again")
        return {}
    checksums = parse_json(attributes[CHECKSUMS])
    missing = [field.name for field in SCHEMA if field.name not in checksums]
    if missing or checksums.get("attributes") != _attributes_digest(attributes):
        raise UserError(
            f"{path}: attributes: changed since they were written (their checksum doesn't fit); write the "
            "sample again"
        )
    return checksums


def _array(file: h5py.File, field: Dataset, path: Path) -> np.ndarray:
    try:
        return file[field.name][...]
    except Exception as error:  # as above
        raise UserError(
            f"{path}: dataset {field.name}: not readable ({error}); write the sample again"
        ) from None


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
    if int(version) not in READABLE_VERSIONS:
        expected = " or ".join(map(str, READABLE_VERSIONS))
        raise UserError(
            f"{path}: format_version: expected {expected}, found {version}; convert or simulate again"
        )
    for name in (*NUMBERS, *TEXTS):
        if name not in file.attrs:
            raise UserError(f"{path}: attribute {name}: expected, but missing")
    for name in (*(field.name for field in SCHEMA), LOAD, ENDS):
        _check_stored_within(file, name, path)
    for field in SCHEMA:
        dataset = file.get(field.name)
        if not isinstance(dataset, h5py.Dataset):
            raise UserError(f"{path}: dataset {field.name}: expected {_expected(field)}, but missing")
        if dataset.dtype != np.dtype(field.dtype) or dataset.ndim != len(field.axes):
            raise UserError(
                f"{path}: dataset {field.name}: expected {_expected(field)}, found {dataset.dtype} "
                f"{dataset.shape}"
            )


def _check_stored_within(file: h5py.File, name: str, path: Path) -> None:
    """Refuse a dataset that is another file's content, or declares more than the file can hold."""
    link = file.get(name, getlink=True)
    if link is None:
        return
    if not isinstance(link, h5py.HardLink):
        raise UserError(f"{path}: dataset {name}: expected within the file, found a link to elsewhere")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        return
    if dataset.external or dataset.is_virtual:
        raise UserError(f"{path}: dataset {name}: expected within the file, found it in another one")
    check_declared(path, dataset.nbytes, f"dataset {name}")
    held = dataset.id.get_storage_size()
    if held < dataset.nbytes and not dataset.id.get_create_plist().get_nfilters():
        raise UserError(
            f"{path}: dataset {name}: declares {dataset.nbytes} bytes, holds {held}; write the sample again"
        )


def _expected(field: Dataset) -> str:
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
    for field in FIELDS.values():
        outside = np.count_nonzero(getattr(sample, field.name)[:, ~field.mask(sample.phase)])
        if outside:
            raise UserError(
                f"{name}: dataset {field.name}: expected 0 outside its phase, found {outside} other values"
            )
