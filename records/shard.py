"""TFRecord shards: samples as `tf.train.Example`, and what is in a shard file without decoding it."""

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmsnet.electrode import morphology
from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.files import parse_json, replacing
from tfmsnet.halfcell import Parameters
from tfmsnet.load import Ended, Load
from tfmsnet.records.reference import ENTRIES, PLANES, REFERENCE, STATIC
from tfmsnet.records.sample import Sample
from tfmsnet.seals import sha256

SCHEMA_VERSION = 4
READABLE_VERSIONS = (3, 4)  # 3 holds neither load nor ends
ARRAYS = {
    "phase": np.dtype("u1"),
    **dict.fromkeys(FIELDS, np.dtype("<f4")),
    "times_s": np.dtype("<f8"),
    "dol": np.dtype("<f8"),
    "voltage_v": np.dtype("<f8"),
    "c_rate_profile": np.dtype("<f8"),
}
NUMBERS = ("voxel_size_m", "am_wt_percent", "calendering_percent")
TEXTS = ("geometry_id", "sample_id")
COMPRESSIONS = ("", "GZIP")
# A record is read into its own memory in one call: through a buffer it would be copied once more.
BUFFER_BYTES = 0

# Frames of a record -> (first frame, frames) that are wanted.
Window = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def encode(sample: Sample, reference: dict[str, np.ndarray] | None = None) -> bytes:
    """A sample as a serialised `tf.train.Example`; see FORMAT.md.

    Args:
        sample: all of it is kept.
        reference: what is to be kept of a reference, see `StoredReference.of`.
    """
    feature = {}
    for name, dtype in ARRAYS.items():
        content = np.ascontiguousarray(getattr(sample, name), dtype=dtype).tobytes()
        feature[name] = _floats(content) if name in FIELDS else _bytes(content)
    feature |= {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[getattr(sample, name)]))
        for name in NUMBERS
    }
    feature |= {name: _bytes(getattr(sample, name).encode()) for name in TEXTS}
    if sample.load is not None:
        feature["load"] = _bytes(sample.load.to_json().encode())
        feature["ends"] = _bytes(json.dumps(sample.ends).encode())
    for name, values in (reference or {}).items():
        feature[f"{REFERENCE}{name}"] = _floats(np.ascontiguousarray(values, dtype="<f4").tobytes())
    feature |= {"shape": _integers(sample.concentration.shape), "schema_version": _integers([SCHEMA_VERSION])}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _floats(content: bytes) -> tf.train.Feature:
    """A FloatList of little-endian float32 bytes: packed floats are these on the wire, as a BytesList is."""
    packed = tf.train.BytesList(value=[content]).SerializeToString()
    return tf.train.Feature(float_list=tf.train.FloatList.FromString(packed))


def _content(feature: tf.train.Feature, name: str) -> bytes:
    """The little-endian bytes of an array: the inverse of `_floats` and `_bytes`."""
    if name in FIELDS:
        return b"".join(tf.train.BytesList.FromString(feature.float_list.SerializeToString()).value)
    return b"".join(feature.bytes_list.value)


def _integers(values) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def parse(record: tf.Tensor, window: Window | None = None, reference: bool = False) -> dict[str, tf.Tensor]:
    """The tensors of a record: the inverse of `encode`, as a tf.data stage's function.

    Args:
        record: () string.
        window: frames of the record -> (first frame, frames) that are wanted of the fields; all by default.
        reference: whether to take what is stored of a reference, too.

    Returns:
        phase (x, y, z) uint8; concentration, potential (window, x, y, z) float32; times_s, dol, voltage_v,
        c_rate_profile (time,) float32; window (2,) int32, its first frame and its frames; voxel_size_m and
        the recipe () float32; the ids () string; of a reference, `reference_` before their names, the fields
        and planes (window, ...) and static (x, y, z, number), float32, see `StoredReference.of`.
    """
    stored = tuple(f"{REFERENCE}{name}" for name in ENTRIES) if reference else ()
    specification = {
        name: tf.io.FixedLenFeature([], tf.string) for name in (*ARRAYS, *TEXTS) if name not in FIELDS
    }
    specification |= {name: tf.io.FixedLenFeature([], tf.float32) for name in NUMBERS}
    specification |= {
        # Of any length: copied straight into the tensor, which the parser does for no other kind.
        name: tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True)
        for name in (*FIELDS, *stored)
    }
    specification["shape"] = tf.io.FixedLenFeature([4], tf.int64)
    example = tf.io.parse_single_example(record, specification)
    shape = tf.cast(example.pop("shape"), tf.int32)
    start, size = window(shape[0]) if window else (0, shape[0])
    shapes = {
        **{f"{REFERENCE}{name}": shape for name in FIELDS},
        f"{REFERENCE}{PLANES}": tf.stack([shape[0], shape[3], -1]),
        f"{REFERENCE}{STATIC}": tf.concat([shape[1:], [-1]], axis=0),
    }
    for name in stored:
        values = tf.reshape(example[name], shapes[name])
        example[name] = values if name == f"{REFERENCE}{STATIC}" else values[start : start + size]
    for name, dtype in ARRAYS.items():
        if name in FIELDS:
            field = tf.reshape(example[name], shape)
            example[name] = field[start : start + size] if window else field
            continue
        flat = tf.io.decode_raw(example[name], tf.as_dtype(dtype.newbyteorder("=")))
        example[name] = tf.reshape(flat, shape[1:]) if name == "phase" else tf.cast(flat, tf.float32)
    return {**example, "window": tf.stack([start, size])}


def read_record(file: tf.Tensor, place: tf.Tensor, compression: str) -> tf.Tensor:
    """One record of a shard, () string, its checksums compared; also within a tf.data stage.

    Args:
        file: () string.
        place: () int64, see `record_places`.
        compression: of the shard.

    Raises:
        tf.errors.OpError: a checksum that doesn't fit, or the shard ends before.
    """
    if compression:
        return tf.data.TFRecordDataset(file, compression).skip(place).take(1).get_single_element()
    variant = tf.raw_ops.TFRecordDatasetV2(
        filenames=tf.reshape(file, [1]),
        compression_type="",
        buffer_size=tf.constant(BUFFER_BYTES, tf.int64),
        byte_offsets=tf.reshape(tf.cast(place, tf.int64), [1]),
    )
    records = tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))
    return records.take(1).get_single_element()


def decode(record: bytes, parameters: Parameters, name: str) -> Sample:
    """A record as a Sample, without TensorFlow's graph; float64 arrays keep their precision.

    Raises:
        UserError: not an Example, another schema version, or an array whose bytes don't fit the shape.
    """
    try:
        feature = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's DecodeError has moved between its releases
        raise UserError(f"{name}: not a tf.train.Example: {error}") from None
    version = list(feature["schema_version"].int64_list.value)
    if len(version) != 1 or version[0] not in READABLE_VERSIONS:
        expected = " or ".join(map(str, READABLE_VERSIONS))
        raise UserError(f"{name}: schema_version: expected {expected}, found {version or 'none'}")
    shape = tuple(feature["shape"].int64_list.value)
    arrays = {}
    for key, dtype in ARRAYS.items():
        expected = {"phase": shape[1:], **dict.fromkeys(FIELDS, shape)}.get(key, shape[:1])
        content = _content(feature[key], key)
        if len(shape) != 4 or len(content) != int(np.prod(expected)) * dtype.itemsize:
            raise UserError(f"{name}: {key}: {len(content)} bytes don't fit shape {expected} of {dtype}")
        arrays[key] = np.frombuffer(content, dtype).reshape(expected)
    numbers = {key: float(next(iter(feature[key].float_list.value), np.nan)) for key in NUMBERS}
    geometry_id = b"".join(feature["geometry_id"].bytes_list.value).decode()
    known = {}
    if "load" in feature:
        load, ends = (b"".join(feature[key].bytes_list.value) for key in ("load", "ends"))
        try:
            known = {"load": Load.from_json(load), "ends": tuple(Ended(*end) for end in parse_json(ends))}
        except (ValueError, TypeError) as error:
            raise UserError(f"{name}: load: {error}") from None
    return Sample(**arrays, **numbers, geometry_id=geometry_id, parameters=parameters, **known)


def write_shard(
    samples: Iterable[Sample],
    path: str | Path,
    compression: str,
    said: Callable[[Sample], dict[str, np.ndarray] | None] = lambda sample: None,
) -> dict:
    """Write samples to a shard; the file is whole or absent.

    Args:
        samples: in their order.
        path: of the shard.
        compression: "" or "GZIP".
        said: sample -> what is to be kept of a reference, see `encode`.

    Returns:
        What the manifest keeps of it: file, records, bytes, sha256, samples.
    """
    path, described = Path(path), []
    with replacing(path) as partial:
        with tf.io.TFRecordWriter(str(partial), options=compression) as writer:
            for sample in samples:
                writer.write(encode(sample, said(sample)))
                described.append(describe(sample))
        size, digest = partial.stat().st_size, sha256(partial)
    return {
        "file": path.name,
        "records": len(described),
        "bytes": size,
        "sha256": digest,
        "samples": described,
    }


def describe(sample: Sample) -> dict:
    """What the manifest keeps of a sample."""
    recipe = {
        name: None if np.isnan(value) else value
        for name, value in (
            ("am_wt_percent", sample.am_wt_percent),
            ("calendering_percent", sample.calendering_percent),
        )
    }
    load = {
        "constant_current": sample.is_constant_current,
        "charges": bool((sample.c_rate_profile < 0).any()),
    }
    if sample.load is not None:
        load |= {"load": sample.load.label, "load_digest": sample.load.digest, "complete": sample.complete}
    return {
        "sample_id": sample.sample_id,
        "geometry_id": sample.geometry_id,
        "c_rate": sample.c_rate,
        "frames": sample.frames,
        "grid": list(sample.grid),
        "voxel_size_m": sample.voxel_size_m,
        "morphology": morphology(sample.phase),
        **recipe,
        **load,
    }


def record_places(path: Path, compression: str, records: int) -> list[int]:
    """Where `read_record` finds the records of a shard: byte offsets, or numbers where it is compressed.

    Raises:
        UserError: the file ends within a record.
    """
    return list(range(records)) if compression else record_offsets(path)


def record_offsets(path: Path) -> list[int]:
    """Byte offsets of the records of an uncompressed shard, by walking their lengths alone.

    Raises:
        UserError: the file ends within a record.
    """
    offsets, position, size = [], 0, path.stat().st_size
    with open(path, "rb") as file:
        while position < size:
            header = file.read(12)
            if len(header) < 12:
                raise UserError(
                    f"{path}: ends within the header of record {len(offsets)}; write the records again"
                )
            length = 16 + struct.unpack("<Q", header[:8])[0]
            if position + length > size:
                raise UserError(f"{path}: ends within record {len(offsets)}; write the records again")
            offsets.append(position)
            position += length
            file.seek(position)
    return offsets


def read_shard(path: Path, compression: str, parameters: Parameters) -> Iterator[Sample]:
    """Read the samples of a shard one at a time.

    Raises:
        UserError: a record whose checksum fails or that isn't a sample; names file and record.
    """
    records = iter(tf.data.TFRecordDataset(str(path), compression_type=compression))
    index = 0
    while True:
        name = f"{path}: record {index}"
        try:
            record = next(records)
        except StopIteration:
            return
        except tf.errors.OpError as error:
            raise UserError(f"{name}: {error.message}; write the records again") from None
        yield decode(record.numpy(), parameters, name)
        index += 1
