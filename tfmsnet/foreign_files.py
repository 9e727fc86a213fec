"""Files of other programs: is it the file, what went wrong in reading it, and text whatever wrote it."""

import codecs
import gzip
import os
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
