"""The references that `reference` may name: the one place that lists them, without TensorFlow."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.plugins import import_plugins

if TYPE_CHECKING:
    from tfmsnet.references.reference import Reference

# Makes a reference of a cell's parameters and the voxels' edge, m.
Make = Callable[[Parameters, float], "Reference"]

_REFERENCES: dict[str, Make | str] = {
    "uniform": "tfmsnet.references.uniform:Uniform",
    "porous-electrode": "tfmsnet.references.reduced:PorousElectrode",
    "resolved-particles": "tfmsnet.references.reduced:ResolvedParticles",
}
# Those that answer by themselves, with fields and curve.
REDUCED = ("porous-electrode", "resolved-particles")


def register_reference(name: str, make: Make | str) -> None:
    """Make a reference of one's own known by a name: networks start from it with `--set reference=NAME`.

    Args:
        name: another reference of this name is replaced.
        make: a class, or "module:Class" that is imported on first use; called with the cell's parameters and
            the voxels' edge, m, it gives a `tfmsnet.references.Reference`.
    """
    _REFERENCES[name] = make


def names() -> tuple[str, ...]:
    """Of all references."""
    import_plugins()
    return tuple(_REFERENCES)


def reference_class(name: str) -> Make:
    """What makes the reference of a name.

    Raises:
        UserError: there is none.
    """
    if name not in names():
        raise UserError(f"reference: expected one of {', '.join(_REFERENCES)}, found {name!r}")
    make = _REFERENCES[name]
    if isinstance(make, str):
        module, _, attribute = make.partition(":")
        make = getattr(importlib.import_module(module), attribute)
    return make


def make_reference(name: str, parameters: Parameters, voxel_size_m: float) -> "Reference":
    """The reference of a name, for a cell and its voxels; raises as `reference_class`."""
    return reference_class(name)(parameters, voxel_size_m)
