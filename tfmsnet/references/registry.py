"""The references that `reference` may name: the one place that lists them, without TensorFlow."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfmsnet.errors import UserError
from tfmsnet.plugins import import_plugins

if TYPE_CHECKING:
    from tfmsnet.halfcell import Parameters
    from tfmsnet.references.reference import Reference

# Makes a reference of a cell's parameters.
Make = Callable[["Parameters"], "Reference"]


@dataclass(frozen=True)
class RegisteredReference:
    """A reference that can be chosen.

    Attributes:
        make: makes it, or "module:Class".
        plane_numbers: how many numbers it tells of each plane in time, see `Conditions.planes`.
        voxel_numbers: how many of each voxel, see `Conditions.static`.
    """

    make: Make | str
    plane_numbers: int = 0
    voxel_numbers: int = 0


_REFERENCES = {
    "uniform": RegisteredReference("tfmsnet.references.uniform:Uniform"),
    "porous-electrode": RegisteredReference("tfmsnet.references.reduced:PorousElectrode", 5, 2),
    "resolved-particles": RegisteredReference("tfmsnet.references.reduced:ResolvedParticles", 5, 2),
}
# Those that answer by themselves, with fields and curve.
REDUCED = ("porous-electrode", "resolved-particles")
# What answers unless another model is named: no network has done better on images of all kinds.
DEFAULT = "resolved-particles"


def is_reduced(source: object) -> bool:
    """Whether a string names a model that answers by itself; a directory so called is ./NAME, or a Path."""
    return isinstance(source, str) and source in REDUCED


def register_reference(
    name: str, make: Make | str, *, plane_numbers: int = 0, voxel_numbers: int = 0
) -> None:
    """Make a reference of one's own known by a name: networks start from it with `--set reference=NAME`.

    Args:
        name: another reference of this name is replaced.
        make: a class, or "module:Class" that is imported on first use; called with the cell's parameters it
            gives a `tfmsnet.references.Reference`.
        plane_numbers, voxel_numbers: how many numbers it tells of planes and voxels beside the fields, see
            `tfmsnet.references.Conditions`; networks take them as inputs.
    """
    _REFERENCES[name] = RegisteredReference(make, plane_numbers, voxel_numbers)


def names() -> tuple[str, ...]:
    """Of all references."""
    import_plugins()
    return tuple(_REFERENCES)


def registered(name: str) -> RegisteredReference:
    """The reference of a name.

    Raises:
        UserError: there is none.
    """
    if name not in names():
        raise UserError(f"reference: expected one of {', '.join(_REFERENCES)}, found {name!r}")
    return _REFERENCES[name]


def reference_class(name: str) -> Make:
    """What makes the reference of a name; raises as `registered`."""
    make = registered(name).make
    if isinstance(make, str):
        module, _, attribute = make.partition(":")
        make = getattr(importlib.import_module(module), attribute)
    return make


def make_reference(name: str, parameters: "Parameters") -> "Reference":
    """The reference of a name, for a cell; raises as `registered`."""
    return reference_class(name)(parameters)
