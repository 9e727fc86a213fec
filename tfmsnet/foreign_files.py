"""Files of other programs: is it the file, what went wrong in reading it, and text whatever wrote it."""

import codecs
import gzip
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from tfmsnet.errors import UserError, naming

_GZIP = b"\x1f\x8b"
LATIN_1 = "latin-1"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CHUNK = 1 << 20
_UNPACKED_BYTES, _MOST_COMPRESSION = 1 << 28, 300


def open_text(path: str | os.PathLike) -> TextIO:
    """Open a text file for reading, whatever wrote it; gzip is unpacked on the way.

    UTF-8 and, where a byte order mark announces it, UTF-16; what isn't UTF-8 is Latin-1, in which every byte
    is a letter.  Numbers, names and units but for the micro sign are the same in all of them.

    Raises:
        UserError: it isn't text, cut off, or a pointer of Git LFS.
        OSError: as `open`.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(64)
    _refuse_pointers(path, head)
    is_compressed = head.startswith(_GZIP)

    def opened() -> BinaryIO:
        return gzip.open(path, "rb") if is_compressed else path.open("rb")

    try:
        with opened() as file:
            encoding = _encoding(file)
        if is_compressed:
            return gzip.open(path, "rt", encoding=encoding)
        return path.open(encoding=encoding)
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, zlib.error) as error:
        raise UserError(f"{path}: expected text, found something else or a part of it: {error}") from None


def _encoding(file: BinaryIO) -> str:
    chunk = file.read(_CHUNK)
    encoding = next((name for mark, name in _MARKS.items() if chunk.startswith(mark)), "utf-8")
    decoder = codecs.getincrementaldecoder(encoding)()
    while True:
        if encoding != "utf-16" and b"\0" in chunk:
            raise EOFError("zeros are no letters")
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            if encoding != "utf-8":
                raise
            encoding = LATIN_1
            decoder = codecs.getincrementaldecoder(encoding)()
        if not chunk:
            return encoding
        chunk = file.read(_CHUNK)


def checked_suffix(path: Path, suffixes: Sequence[str], what: str) -> str:
    """The suffix of a file that is there and of a known kind, in small letters.

    Raises:
        UserError: another suffix, no such file (`what` says what was expected), or as `refuse_stand_ins`.
    """
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise UserError(f"{path}: expected a file of the kind {', '.join(suffixes)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected {what}")
    refuse_stand_ins(path)
    return suffix


def refuse_stand_ins(path: Path) -> None:
    """Name what stands where a file should: nothing, a pointer of Git LFS, or the file compressed.

    Raises:
        UserError: it is one of these.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise UserError(f"{path}: the file is empty; copy it again")
    _refuse_pointers(path, head)
    if head.startswith(_GZIP):
        raise UserError(f"{path}: compressed by gzip; unpack it (gunzip) and give it its name without .gz")


def check_declared(path: str | os.PathLike, declared: int, what: str = "its content") -> None:
    """Refuse content that unpacks to much more than files hold: megabytes may declare all of the memory.

    Args:
        path: of the file.
        declared: bytes that the content would take in memory.
        what: it is called in the message.

    Raises:
        UserError: it is more than 256 MB, and 300 times the size of the file.
    """
    size = os.stat(path).st_size
    if declared > max(_UNPACKED_BYTES, _MOST_COMPRESSION * size):
        raise UserError(
            f"{path}: {what} would take {declared / 1e9:.3g} GB, but the file has {size / 1e6:.3g} MB: "
            f"expected at most {_MOST_COMPRESSION} times as much; where that is right, save it without "
            "compression"
        )


def npz_arrays(path: str | os.PathLike) -> dict[str, tuple[tuple[int, ...], int]]:
    """Shapes and sizes in bytes of the arrays of an archive, as they say of themselves, without reading them.

    Raises:
        ValueError, zipfile.BadZipFile: not such an archive.
    """
    from numpy.lib import format as npy

    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                is_old = npy.read_magic(file) == (1, 0)
                read = npy.read_array_header_1_0 if is_old else npy.read_array_header_2_0
                shape, _, dtype = read(file)
            found[name.removesuffix(".npy")] = shape, math.prod(shape) * dtype.itemsize
    return found


def _refuse_pointers(path: Path, head: bytes) -> None:
    if head.startswith(b"version https://git-lfs"):
        raise UserError(f"{path}: a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`")


@contextmanager
def named_faults(path: Path, kind: str) -> Iterator[None]:
    """What parsers raise, as one line that names file and cause."""
    try:
        with naming(path):
            yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(
            f"{path}: doesn't fit into memory ({_line(error)}); read a part of it (--crop)"
        ) from None
    except Exception as error:
        reason = _line(error)
        if "imagecodecs" in reason or "No module named 'compression'" in reason:
            raise UserError(
                f"{path}: compressed in a way that needs imagecodecs ({reason}); "
                "pip install 'tfmsnet[images]'"
            ) from None
        raise UserError(
            f"{path}: not readable as {kind}, it may be truncated or of another kind: {reason}"
        ) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
