"""Frozen configurations from JSON, and how their values are checked."""

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from tfmsnet.errors import UserError

Config = TypeVar("Config")


def from_dict(cls: type[Config], content: dict[str, Any], where: str) -> Config:
    """Make a frozen configuration from a dictionary (lists become tuples).

    Raises:
        UserError: a key that doesn't exist (the nearest one is named), or a value out of its range.
    """
    check_keys(content, [field.name for field in fields(cls)], where)
    values = {key: _frozen(value) for key, value in content.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise UserError(f"{where}: {error}") from None


def check_keys(content: Iterable[str], known: Sequence[str], where: str) -> None:
    """Refuse a key that isn't known; the nearest one is named."""
    for key in content:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else f"; expected some of {', '.join(known)}"
            raise UserError(f"{where}: unknown key {key!r}{hint}")


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def require(condition: bool, name: str, expected: str, found: Any) -> None:
    """Raise a UserError that names a configuration key unless the condition holds."""
    if not condition:
        raise UserError(f"configuration: {name}: expected {expected}, found {found!r}")


def is_count(value: Any) -> bool:
    """Whether a value is a positive integer."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_number(value: Any) -> bool:
    """Whether a value is a finite int or float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
