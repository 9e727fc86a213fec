"""The engines that make electrodes after a recipe: the one place that lists them."""

import importlib
from collections.abc import Callable
from pathlib import Path

from tfmsnet.electrode.image import PhaseImage
from tfmsnet.electrode.recipe import Recipe
from tfmsnet.errors import UserError
from tfmsnet.plugins import import_plugins

# Makes an electrode after a recipe.  The folder is for what it keeps beside the image, and for going on where
# an interrupted call was; the function is told the fraction done, 0 to 1, and what is being done.
Engine = Callable[[Recipe, Path, Callable[[float, str], None]], PhaseImage]

_ENGINES: dict[str, Engine | str] = {
    "packing": "tfmsnet.electrode.generate:make",
    "lammps": "tfmsnet.electrode.particle_dynamics:make",
}


def register_engine(name: str, make: Engine | str) -> None:
    """Make an engine of one's own known by a name, for `--engine NAME`; another of this name is replaced.

    Args:
        name: of the engine.
        make: see `Engine`; or "module:function", imported on first use.
    """
    _ENGINES[name] = make


def engine(name: str) -> Engine:
    """The engine of a name.

    Raises:
        UserError: there is none.
    """
    import_plugins()
    if name not in _ENGINES:
        raise UserError(f"engine: expected one of {', '.join(_ENGINES)}, found {name!r}")
    make = _ENGINES[name]
    if isinstance(make, str):
        module, _, attribute = make.partition(":")
        make = getattr(importlib.import_module(module), attribute)
    return make
