"""The recipe of an electrode: composition, calendering, and the box to fill."""

import math
from dataclasses import dataclass
from numbers import Integral, Real

from tfmsnet.errors import UserError

AM_DENSITY_G_CM3 = 4.7  # NMC111
CBD_DENSITY_G_CM3 = 1.8 * (1 - 0.27)  # carbon and binder with 27 % of nanopores
UNCALENDERED_PORE_FRACTION = 0.45
SMALLEST_PARTICLE_M = 1e-6
LARGEST_PARTICLE_M = 10e-6

_AM_WT_PERCENT = (80.0, 97.0)
_CALENDERING_PERCENT = (0.0, 30.0)
_VOXEL_SIZE_M = (0.1e-6, 1.0e-6)
_SMALLEST_SIZE = 8
_SMALLEST_BOX_M = 3 * SMALLEST_PARTICLE_M
_LARGEST_AM_FRACTION = 0.62  # random close packing of spheres is at 0.64


@dataclass(frozen=True)
class Recipe:
    """What `generate` makes an electrode from.

    Args:
        am_wt_percent: active material in the dry mass, 80 to 97 %; the rest is CBD.
        calendering_percent: reduction of the coating's thickness, 0 to 30 %.
        size: voxels (x, y, z) of the finished electrode, at least 8 each.
        voxel_size_m: voxel edge, 0.1e-6 to 1e-6 m; the box is at least 3 um wide.
        seed: the same recipe and seed give the same image.

    Raises:
        UserError: a value outside its range, or AM above 62 % of the volume (denser than spheres pack).
    """

    am_wt_percent: float = 90.0
    calendering_percent: float = 10.0
    size: tuple[int, int, int] = (24, 24, 64)
    voxel_size_m: float = 0.5e-6
    seed: int = 0

    def __post_init__(self) -> None:
        _check_range("am_wt_percent", self.am_wt_percent, _AM_WT_PERCENT, "%")
        _check_range("calendering_percent", self.calendering_percent, _CALENDERING_PERCENT, "%")
        _check_range("voxel_size_m", self.voxel_size_m, _VOXEL_SIZE_M, "m")
        object.__setattr__(self, "size", _checked_size(self.size, self.voxel_size_m))
        if not _is_whole(self.seed) or self.seed < 0:
            raise UserError(f"seed: expected a whole number of at least 0, got {self.seed!r}")
        am_fraction = self.volume_fractions["AM"]
        if am_fraction > _LARGEST_AM_FRACTION:
            raise UserError(
                f"am_wt_percent {self.am_wt_percent:g} with calendering_percent {self.calendering_percent:g} "
                f"asks for {am_fraction:.3f} AM by volume, more than spheres pack "
                f"({_LARGEST_AM_FRACTION}); lower either"
            )

    @property
    def volume_fractions(self) -> dict[str, float]:
        """Volume fractions of "electrolyte", "AM" and "CBD" after calendering.

        The coating starts with 45 % of pores; calendering takes its thickness from them alone, so the
        solid volume stays.  AM and CBD share it by mass over density.
        """
        solid = (1 - UNCALENDERED_PORE_FRACTION) / (1 - self.calendering_percent / 100)
        am_volume = self.am_wt_percent / AM_DENSITY_G_CM3
        cbd_volume = (100 - self.am_wt_percent) / CBD_DENSITY_G_CM3
        am = solid * am_volume / (am_volume + cbd_volume)
        return {"electrolyte": 1 - solid, "AM": am, "CBD": solid - am}

    @property
    def size_m(self) -> tuple[float, float, float]:
        """Edges (x, y, z) of the finished electrode, m."""
        return tuple(n * self.voxel_size_m for n in self.size)


def _check_range(name: str, value: float, limits: tuple[float, float], unit: str) -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not limits[0] <= value <= limits[1]:
        raise UserError(f"{name}: expected {limits[0]:g} to {limits[1]:g} {unit}, got {value!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _checked_size(size: tuple[int, int, int], voxel_size_m: float) -> tuple[int, int, int]:
    try:
        edges = tuple(size)
    except TypeError:
        edges = ()
    if len(edges) != 3 or not all(_is_whole(n) and n >= _SMALLEST_SIZE for n in edges):
        raise UserError(f"size: expected three whole numbers of at least {_SMALLEST_SIZE}, got {size!r}")
    if min(edges) * voxel_size_m < _SMALLEST_BOX_M * (1 - 1e-9):
        raise UserError(
            f"size {edges} at voxel_size_m {voxel_size_m:g} is {min(edges) * voxel_size_m:g} m wide; "
            f"expected at least {_SMALLEST_BOX_M:g} m, three of the smallest particles; use more voxels"
        )
    return tuple(int(n) for n in edges)
