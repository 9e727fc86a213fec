"""Sets of parameters by name, and files of one's own: the one place that lists them."""

import importlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.materials.parameters import Parameters
from tfmsnet.plugins import import_plugins

ZERO_C_K = 273.15


@dataclass(frozen=True)
class ParameterSet:
    """A cell, the powder that it is usually made of, and where the values are from.

    Args:
        title: what it is.
        parameters: of the cell.
        am_density_g_cm3: of the active material without pores.
        particle_diameter_m: median of its particles' diameters, by volume.
        sources: name of a parameter (or of the two above) -> its source and validity; what isn't named is as
            in `nmc111`.
    """

    title: str = ""
    parameters: Parameters = field(default_factory=Parameters)
    am_density_g_cm3: float = 4.7
    particle_diameter_m: float = 5.5e-6
    sources: dict[str, str] = field(default_factory=dict, hash=False)

    def as_dict(self) -> dict:
        """JSON types; `read_parameters` reads a file of it."""
        return {**asdict(replace(self, parameters=Parameters())), "parameters": self.parameters.as_dict()}

    def at_temperature_c(self, temperature_c: float | None) -> "ParameterSet":
        """The same with a cell of another temperature, C; None leaves it.

        Raises:
            UserError: as `Parameters`, where the set doesn't say how it changes.
        """
        if temperature_c is None:
            return self
        # Written in degrees: 25 is 298.15 K, not its neighbour in binary.
        kelvin = round(temperature_c + ZERO_C_K, 9)
        return replace(self, parameters=replace(self.parameters, temperature_k=kelvin))


_SETS: dict[str, ParameterSet | str] = {
    name: f"tfmsnet.materials.sets.{name}"
    for name in ("nmc111", "nmc532", "nmc811", "lco", "lfp", "graphite")
}


def register_parameters(name: str, cell: ParameterSet) -> None:
    """Make a set of one's own known by a name; another of this name is replaced."""
    _SETS[name] = cell


def names() -> tuple[str, ...]:
    """Of all sets."""
    import_plugins()
    return tuple(_SETS)


def parameter_set(name: str) -> ParameterSet:
    """The set of a name.

    Raises:
        UserError: there is none.
    """
    if name not in names():
        raise UserError(f"parameters: expected one of {', '.join(_SETS)}, found {name!r}")
    known = _SETS[name]
    return importlib.import_module(known).SET if isinstance(known, str) else known


def read_parameters(source: str | Path) -> ParameterSet:
    """A set by its name, or from a JSON file: `ParameterSet.as_dict`, `Parameters.as_dict`, or BPX's cathode.

    Of `Parameters`, what the file leaves out has its default.

    Raises:
        UserError: neither a name nor such a file.
    """
    if str(source) in names():
        return parameter_set(str(source))
    path = Path(source)
    if not path.is_file():
        raise UserError(f"parameters: expected a file, or one of {', '.join(names())}, found {source}")
    content = read_json(path, "a cell's parameters")
    try:
        if {"Header", "Parameterisation"} & set(content):
            from tfmsnet.materials.bpx import from_bpx  # needs an extra

            return from_bpx(path).cell
        if "parameters" not in content:
            return ParameterSet(path.stem, Parameters.from_dict(content))
        known = {name: value for name, value in content.items() if name in ParameterSet.__dataclass_fields__}
        return ParameterSet(**{**known, "parameters": Parameters.from_dict(content["parameters"])})
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: {error}") from None
