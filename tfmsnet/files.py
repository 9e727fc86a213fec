"""Files that are either whole or absent: written under a temporary name, then renamed."""

import errno
import fcntl
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfmsnet.errors import UserError
from tfmsnet.foreign_files import LATIN_1, open_text

# Characters of a JSON file: at most, and of one that gzip packed, which may hold a thousand times its size.
_LARGEST_JSON, _PACKED_JSON = 1 << 28, 1 << 24
_DIGITS = 20  # of integers: those of 64 bits have no more


def _machine() -> str:
    """Tells machines, and containers on them, apart: a process's number is only known there."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _partial(path: Path) -> Path:
    # Same folder (rename must not cross file systems), hidden, and never two writers on one name.
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}{_machine()}.partial")


# As `_partial` names them; libraries that insist on an ending put it behind.
_LEFTOVER = re.compile(r"\..*\.(?P<pid>\d+)-[0-9a-f]{8}(?P<machine>[0-9a-f]{8})?\.partial(\.[a-z0-9.]+)?")
# The writer may live on another machine: but then it writes.
_QUIET_S = 60.0


def remove_leftovers(directory: str | os.PathLike, name: str = "*") -> None:
    """Remove what writers that are dead have left half-written in a directory.

    Args:
        directory: to look into, not below.
        name: of the file that they wrote.
    """
    pattern = "*" if name == "*" else glob.escape(name)
    for path in Path(directory).glob(f".{pattern}.*.partial*"):
        match = _LEFTOVER.fullmatch(path.name)
        if not match or _alive(int(match["pid"])):
            continue
        if match["machine"] == _machine() or _quiet_s(path) > _QUIET_S:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _quiet_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # renamed by its writer meanwhile
        return 0.0


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary file path; on success it replaces `path`, on any error it is removed.

    Also where the power fails: the file is on the disk before it takes the name.

    Raises:
        OSError: with the name of the file, where it couldn't be written; of TensorFlow's errors, too.
    """
    path = Path(path)
    with _failures_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, path.name)
        partial = _partial(path)
        try:
            yield partial
            _sync(partial)
            os.replace(partial, path)
            _sync(path.parent)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def replacing_directory(path: str | os.PathLike, over: bool = False) -> Iterator[Path]:
    """Yield a temporary directory; on success it becomes `path`.

    Args:
        path: of the directory.
        over: whether it may exist; until then what is there stays.

    Raises:
        UserError: it exists, and may not.
        OSError: as `replacing`.
    """
    path = Path(path)
    if path.exists() and not over:
        raise UserError(f"{path}: exists already; choose another name or remove it")
    with _failures_named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, path.name)
        partial, earlier = _partial(path), _partial(path)
        partial.mkdir()
        try:
            yield partial
            for inside in (*partial.rglob("*"), partial):
                _sync(inside)
            if over and path.exists():
                os.rename(path, earlier)
            os.rename(partial, path)
            _sync(path.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(earlier, ignore_errors=True)


def _sync(path: Path) -> None:
    """Have what was written of a file, or the names in a directory, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
    try:
        with full_disk_named(path):
            yield
    except OSError as error:
        if error.filename is None:  # of libraries, which may not say why, either
            raise _not_written(path, error.strerror or str(error)) from error
        raise
    except Exception as error:
        if not _is_tensorflows(error):
            raise
        raise _not_written(path, next(iter(error.message.splitlines()), type(error).__name__)) from error


class DiskFull(OSError):
    """There is no room for a file."""


@contextmanager
def full_disk_named(path: str | os.PathLike) -> Iterator[None]:
    """Say of a full disk what was to be written there; of TensorFlow's errors, which have no number, too.

    Raises:
        DiskFull: names the path, or the file within it.
    """
    try:
        yield
    except DiskFull as error:
        if Path(path) not in Path(error.filename).parents:  # but somewhere where it is made
            error.filename = str(path)
        raise
    except Exception as error:
        number = getattr(error, "errno", None)
        if _is_tensorflows(error):
            number = next((number for number in _NO_ROOM if os.strerror(number) in error.message), None)
        if number not in _NO_ROOM:
            raise
        raise DiskFull(number, f"{os.strerror(number)}; make room, then go on", str(path)) from error


def _is_tensorflows(error: Exception) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # which isn't imported for this
    return tensorflow is not None and isinstance(error, tensorflow.errors.OpError)


def _not_written(path: Path, reason: str) -> OSError:
    return OSError(errno.EIO, f"couldn't be written ({reason}); is there room on the disk?", str(path))


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def require_room(path: Path, size: int) -> None:
    """Make sure that there is room for a file, for libraries that crash where there is none.

    Args:
        path: of a file that isn't there, in the same directory.
        size: in bytes.

    Raises:
        OSError: there isn't.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)
        path.unlink()


@contextmanager
def locked(path: str | os.PathLike, message: str) -> Iterator[None]:
    """Hold a lock file; no other process holds it meanwhile, and it is free again when this one dies.

    Raises:
        UserError: the message; another process holds it.
    """
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(message) from None
        yield


# What TensorFlow takes for patterns: it would write checkpoints and never find them again.
_PATTERNS = "[*?\\"


def check_name(directory: str | os.PathLike) -> None:
    """Refuse a directory in whose name TensorFlow sees a pattern.

    Raises:
        UserError: it has one of [ * ? and backslash.
    """
    found = [letter for letter in _PATTERNS if letter in str(directory)]
    if found:
        raise UserError(
            f"{directory}: {found[0]} in the name of a directory: TensorFlow takes [ * ? and backslash for "
            "patterns and wouldn't find its files again; choose another name"
        )


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, content: dict) -> None:
    """Write a JSON file atomically."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def parse_json(text: str | bytes) -> Any:
    """JSON, none of whose numbers or nesting Python chokes on.

    Raises:
        ValueError: it isn't JSON.
    """
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError("expected JSON, found brackets nested too deeply") from None


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"expected integers of at most {_DIGITS} digits, found {len(digits)}")
    return int(digits)


def read_json(path: str | os.PathLike, what: str) -> dict:
    """Read a JSON object; a UserError names the file when it is missing or isn't one."""
    try:
        with open_text(path) as file:
            if file.encoding == LATIN_1:
                raise UserError(f"{path}: not readable as {what}: expected UTF-8 text, as JSON is")
            limit = min(max(_PACKED_JSON, os.stat(path).st_size), _LARGEST_JSON)
            text = file.read(limit + 1)
        if len(text) > limit:
            raise UserError(f"{path}: not readable as {what}: more than {limit} characters")
        content = parse_json(text)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected {what}") from None
    except UserError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"{path}: not readable as {what}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected {what} (a JSON object), got {type(content).__name__}")
    return content
