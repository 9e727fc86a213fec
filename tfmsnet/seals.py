"""JSON that holds a checksum of itself, and checksums of files: what changed since it was written is noticed.

A seal guards against damage and mix-ups, not against forgers: whoever can write the file can seal it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmsnet.configuration import check_form
from tfmsnet.errors import UserError
from tfmsnet.files import read_json, write_text

SEAL = "checksum"


def sha256(path: str | os.PathLike) -> str:
    """Checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed_text(content: dict) -> str:
    """The text of a JSON file, the checksum of the rest of it at its end."""
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps({**content, SEAL: digest}, indent=1) + "\n"


def write_sealed(path: str | os.PathLike, content: dict) -> None:
    """Write a JSON file with a checksum of itself; it is whole or absent."""
    write_text(path, sealed_text(content))


def read_sealed(path: str | os.PathLike, what: str, remedy: str = "make it again", older: Any = None) -> dict:
    """The content of such a file, without its seal.

    Args:
        path: of the file.
        what: it should be, for the messages.
        remedy: what to do where it has no seal.
        older: form (see `tfmsnet.configuration.check_form`) of the files of older versions, which are taken
            without a seal; None takes none.

    Raises:
        UserError: no such file, no JSON object, without a seal, or changed since it was sealed.
    """
    content = read_json(path, what)
    if SEAL not in content and older is not None:
        check_form(content, older, str(path))
        return content
    if SEAL not in content:
        raise UserError(f"{path}: holds no checksum of itself; {remedy}")
    content.pop(SEAL)
    if sealed_text(content).encode("utf-8", "replace") != Path(path).read_bytes():
        raise UserError(f"{path}: changed since it was written; restore it or make it again")
    return content


def check_files(directory: Path, digests: Mapping[str, str]) -> None:
    """Compare the files of a directory with their checksums.

    Args:
        directory: that the names are relative to.
        digests: name -> SHA-256.

    Raises:
        UserError: one is missing or another.
    """
    for name, digest in digests.items():
        path = directory / name
        if not path.is_file():
            raise UserError(f"{path}: missing; restore it or make {directory} again")
        if sha256(path) != digest:
            raise UserError(
                f"{path}: changed since it was written (its checksum doesn't fit); restore it or make "
                f"{directory} again"
            )
