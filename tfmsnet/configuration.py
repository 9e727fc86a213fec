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
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


class Maybe(str):
    """A key that content may lack."""


def check_form(content: Any, form: Any, where: str) -> None:
    """Refuse content, as JSON has it, that isn't of a form.

    Args:
        content: to check.
        form: `str`, `bool`, `int` or `float` (any finite number), None, or `object` (anything); a tuple of
            forms, one of which it must have; [form], a list of any length; {str: form}, any keys;
            {key: form}, these keys and no others, but that a `Maybe` key may be absent.
        where: what to call it in the message.

    Raises:
        UserError: names the part, what was expected and what came.
    """
    if isinstance(form, list):
        _require_form(isinstance(content, list), where, "a list", content)
        for index, item in enumerate(content):
            check_form(item, form[0], f"{where}[{index}]")
    elif isinstance(form, dict):
        _require_form(isinstance(content, dict), where, "an object", content)
        if str in form:
            form = dict.fromkeys(content, form[str])
        check_keys(content, list(form), where)
        for key, part in form.items():
            if key in content:
                check_form(content[key], part, f"{where}: {key}")
            else:
                _require_form(isinstance(key, Maybe), f"{where}: {key}", _called(part), None)
    elif not _is_of(content, form):
        _require_form(False, where, _called(form), content)


def _is_of(content: Any, form: Any) -> bool:
    if isinstance(form, tuple):
        return any(_is_of(content, part) for part in form)
    if isinstance(form, list | dict):
        try:
            check_form(content, form, "")
        except UserError:
            return False
        return True
    if form is float:
        return is_number(content)
    if form is None:
        return content is None
    return isinstance(content, form) and (form is not int or not isinstance(content, bool))


def _called(form: Any) -> str:
    if isinstance(form, tuple):
        return " or ".join(map(_called, form))
    if isinstance(form, list | dict):
        return "a list" if isinstance(form, list) else "an object"
    return {
        None: "null",
        str: "a text",
        bool: "true or false",
        int: "a whole number",
        float: "a finite number",
        object: "something",
    }[form]


def _require_form(condition: bool, where: str, expected: str, found: Any) -> None:
    if not condition:
        text = repr(found)
        raise UserError(f"{where}: expected {expected}, found {text[:60]}{'...' if len(text) > 60 else ''}")
