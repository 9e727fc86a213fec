"""Files that are either whole or absent: written under a temporary name, then renamed.; any text."""

import codecs
import gzip
import json
import os
import shutil
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from tfmsnet.errors import UserError


def _partial(path: Path) -> Path:
    # Same folder (rename must not cross file systems), hidden, and never two writers on one name.
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial")


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary file path; on success it replaces `path`, on any error it is removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replacing_directory(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary directory; on success it becomes `path`, which must not exist yet."""
    path = Path(path)
    if path.exists():
        raise UserError(f"{path}: exists already; choose another name or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    partial.mkdir()
    try:
        yield partial
        os.rename(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, content: dict) -> None:
    """Write a JSON file atomically."""
    write_text(path, json.dumps(content, indent=1) + "\n")


_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


def open_text(path: str | os.PathLike) -> TextIO:
    """Open a text file for reading, whatever wrote it; gzip is unpacked on the way.

    UTF-8 and, where a byte order mark announces it, UTF-16; what isn't UTF-8 is Latin-1, in which every byte
    is a letter.  Numbers, names and units but for the micro sign are the same in all of them.

    Raises:
        UserError: it isn't text, or cut off.
        OSError: as `open`.
    """
    path = Path(path)
    with path.open("rb") as file:
        is_compressed = file.read(2) == _GZIP

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
            encoding = "latin-1"
            decoder = codecs.getincrementaldecoder(encoding)()
        if not chunk:
            return encoding
        chunk = file.read(_CHUNK)


def read_json(path: str | os.PathLike, what: str) -> dict:
    """Read a JSON object; a UserError names the file when it is missing or isn't one."""
    try:
        with open_text(path) as file:
            if file.encoding not in (*_MARKS.values(), "utf-8"):
                raise UserError(f"{path}: not readable as {what}: expected UTF-8 text, as JSON is")
            content = json.load(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected {what}") from None
    except UserError:
        raise
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not readable as {what}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected {what} (a JSON object), got {type(content).__name__}")
    return content
