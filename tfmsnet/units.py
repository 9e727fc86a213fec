"""Units that other people's files are in, as factors to SI."""

from collections.abc import Mapping

from tfmsnet.errors import UserError

LENGTH_M = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "nm": 1e-9, "in": 0.0254, "angstrom": 1e-10}
TIME_S = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0}
CONCENTRATION_MOL_M3 = {
    "mol/m3": 1.0,
    "mmol/l": 1.0,
    "mol/l": 1e3,
    "mol/dm3": 1e3,
    "kmol/m3": 1e3,
    "mol/cm3": 1e6,
}
POTENTIAL_V = {"v": 1.0, "mv": 1e-3}


def factor(units: Mapping[str, float], unit: str, what: str) -> float:
    """How many SI units one `unit` is.

    Powers may be written m3 or m^3, micro as u or as either of its two letters; case doesn't matter.

    Args:
        units: one of this module's tables.
        unit: the unit's name.
        what: what has the unit, for the message.

    Raises:
        UserError: the unit isn't in the table.
    """
    plain = unit.strip().replace("^", "").replace("µ", "u").replace("μ", "u")
    for name in (plain, plain.lower()):
        if name in units:
            return units[name]
    raise UserError(f"{what}: unit {unit!r} isn't known; expected one of {', '.join(units)}")
