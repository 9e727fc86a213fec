"""Code of users that registers networks, references, engines or loads, imported when it is needed."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tfmsnet.errors import UserError

# Modules or .py files, comma-separated.
PLUGINS = "TFMSNET_PLUGINS"
_imported: set[str] = set()


def import_plugins() -> None:
    """Import what `PLUGINS` names, once.

    Raises:
        UserError: a module that can't be imported.
    """
    for name in set(_named()) - _imported:
        try:
            _import(name)
        except (ImportError, OSError, SyntaxError) as error:
            raise UserError(f"{PLUGINS}: can't import {name!r} ({error})") from None
        _imported.add(name)


def _named() -> Iterator[str]:
    return filter(None, (name.strip() for name in os.environ.get(PLUGINS, "").split(",")))


def _import(name: str) -> None:
    if not name.endswith(".py"):
        importlib.import_module(name)
        return
    path = Path(name)
    if not path.is_file():
        raise FileNotFoundError("no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
