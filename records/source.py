"""Sample files through h5py, or through tensorflow-io as a tf.data dataset: the same samples bit for bit."""

import functools
import importlib.metadata
import resource
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.records.hdf5 import (
    SCHEMA,
    check_arrays,
    check_sample,
    read_checksums,
    read_header,
    read_sample,
)
from tfmsnet.records.sample import Sample

READERS = ("auto", "h5py", "tfio")
# Open files that the rest of a process may need.
_OTHER_FILES = 256


def choose_reader(reader: str = "auto", files: int = 1) -> str:
    """ "tfio" or "h5py".

    Args:
        reader: one of them, or "auto": tensorflow-io where it is installed, works with this TensorFlow, and
            may keep so many files open.
        files: how many it is to read.

    Raises:
        UserError: a reader that doesn't exist, or tensorflow-io was asked for and doesn't work here.
    """
    if reader not in READERS:
        raise UserError(f"reader: expected one of {', '.join(READERS)}, found {reader!r}")
    if reader == "h5py":
        return reader
    obstacle = _obstacle(files)
    if obstacle and reader == "tfio":
        raise UserError(f"reader: tfio: {obstacle}; use h5py")
    return "h5py" if obstacle else "tfio"


def _obstacle(files: int) -> str:
    """Why tensorflow-io can't be used; empty if it can."""
    try:
        version = importlib.metadata.version("tensorflow-io")
    except importlib.metadata.PackageNotFoundError:
        return "tensorflow-io isn't installed (pip install 'tfmsnet[io]')"
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files + _OTHER_FILES > limit:
        return f"tensorflow-io keeps every file open, {files} of them, and {limit} are allowed (ulimit -n)"
    try:
        from tensorflow_io.python.ops import core_ops

        # Its library is loaded on first use, and fails there with a TensorFlow that it wasn't built for.
        getattr(core_ops, "io_hdf5_readable_info")  # noqa: B009
    except Exception as error:  # whatever the loader says
        reason = str(error).split("\n")[0]
        return f"tensorflow-io {version} doesn't load with TensorFlow {tf.__version__} ({reason})"
    return ""


def read_samples(files: Sequence[Path], reader: str = "auto") -> Iterator[Sample]:
    """Read samples one at a time and check all of each.

    Args:
        files: sample files.
        reader: see `choose_reader`.

    Raises:
        UserError: as `choose_reader` and `tfmsnet.records.hdf5.read_sample`.
    """
    if choose_reader(reader, len(files)) == "h5py":
        yield from (read_sample(file) for file in files)
        return
    # Attributes and layout are h5py's: tensorflow-io reads neither.
    headers = [read_header(file) for file in files]
    arrays = iter(hdf5_dataset(files))
    for file, header in zip(files, headers, strict=True):
        try:
            sample = replace(header, **{name: array.numpy() for name, array in next(arrays).items()})
        except tf.errors.OpError as error:
            raise UserError(f"{file}: not readable ({error.message}); write the sample again") from None
        check_sample(sample, str(file))
        check_arrays(sample, read_checksums(file), file)
        yield sample


def hdf5_dataset(files: Sequence[Path]) -> tf.data.Dataset:
    """The arrays of sample files through tensorflow-io, in the order of the files.

    Returns:
        Elements: dict of the schema's datasets, each with its own type.
    """
    specification = {field.name: tf.TensorSpec(None, field.dtype) for field in SCHEMA}
    names = tf.constant([_spelled(Path(file)) for file in files], tf.string)
    return tf.data.experimental.from_variant(_traced()(names), specification)


@functools.cache
def _traced() -> tf.types.experimental.PolymorphicFunction:
    """File names -> the dataset as a variant; traced once, which takes a second, for all calls."""
    from tensorflow_io import IODataset

    def arrays(file):
        # An IODataset streams along the first axis.
        return tf.data.Dataset.zip(
            {
                field.name: IODataset.from_hdf5(file, f"/{field.name}", spec=tf.as_dtype(field.dtype)).batch(
                    tf.int64.max
                )
                for field in SCHEMA
            }
        )

    def dataset(names):
        files = tf.data.Dataset.from_tensor_slices(names)
        return tf.data.experimental.to_variant(files.interleave(arrays, cycle_length=1))

    return tf.function(dataset, input_signature=[tf.TensorSpec([None], tf.string)])


def _spelled(path: Path) -> str:
    """A spelling of the path that no other state of the file has.

    tensorflow-io keeps every file open under its name and answers from it ever after, even where the file
    has been replaced.
    """
    state = path.stat()
    version = zlib.crc32(f"{state.st_ino} {state.st_size} {state.st_mtime_ns}".encode())
    detour = "".join("./" if version >> bit & 1 else "/" for bit in range(32))
    return f"{path.parent}/{detour}{path.name}"
