"""Files that are either whole or absent: written under a temporary name, then renamed."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.foreign_files import LATIN_1, open_text


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


def read_json(path: str | os.PathLike, what: str) -> dict:
    """Read a JSON object; a UserError names the file when it is missing or isn't one."""
    try:
        with open_text(path) as file:
            if file.encoding == LATIN_1:
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
