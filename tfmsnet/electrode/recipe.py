"""The recipe of an electrode: composition, calendering, and the box to fill."""

import math
from dataclasses import dataclass, field
from numbers import Integral, Real

from tfmsnet.errors import UserError

UNCALENDERED_PORE_FRACTION = 0.45

# Of the median diameter.
_SMALLEST_PARTICLE, _LARGEST_PARTICLE = 1 / 5.5, 10 / 5.5
_LEAST_VOXELS_A_PARTICLE = 3
_AM_WT_PERCENT = (80.0, 97.0)
_CALENDERING_PERCENT = (0.0, 30.0)
_VOXEL_SIZE_M = (0.1e-6, 1.0e-6)
_SMALLEST_SIZE = 8
_LARGEST_AM_FRACTION = 0.62  # random close packing of spheres is at 0.64
_CONTACT_M = (-2e-6, 2e-6)
BINDERS = ("necks", "scattered")


@dataclass(frozen=True)
class Powder:
    """The solid that an electrode is made of; the defaults are typical of NMC111.

    Args:
        am_density_g_cm3: of the active material without pores, 1 to 10 g/cm3.
        cbd_density_g_cm3: of the carbon-binder domain with its nanopores, 0.2 to 4 g/cm3.
        particle_diameter_m: median, by volume, of the lognormal diameters, 0.1e-6 to 50e-6 m; those below
            0.18 or above 1.8 of it are left out.
        particle_spread: standard deviation of ln(diameter), 0 to 1.

    Raises:
        UserError: a value outside its range.
    """

    am_density_g_cm3: float = 4.7
    cbd_density_g_cm3: float = 1.8 * (1 - 0.27)  # carbon and binder with 27 % of nanopores
    particle_diameter_m: float = 5.5e-6
    particle_spread: float = 0.4

    def __post_init__(self) -> None:
        _check_range("am_density_g_cm3", self.am_density_g_cm3, (1.0, 10.0), "g/cm3")
        _check_range("cbd_density_g_cm3", self.cbd_density_g_cm3, (0.2, 4.0), "g/cm3")
        _check_range("particle_diameter_m", self.particle_diameter_m, (0.1e-6, 50e-6), "m")
        _check_range("particle_spread", self.particle_spread, (0.0, 1.0), "")

    @property
    def smallest_m(self) -> float:
        """Diameter of the smallest particles, m."""
        return _SMALLEST_PARTICLE * self.particle_diameter_m

    @property
    def largest_m(self) -> float:
        """Diameter of the largest particles, m."""
        return _LARGEST_PARTICLE * self.particle_diameter_m


@dataclass(frozen=True)
class Recipe:
    """What `generate` makes an electrode from.

    Args:
        am_wt_percent: active material in the dry mass, 80 to 97 %; the rest is CBD.
        calendering_percent: reduction of the coating's thickness, 0 to 30 %.
        size: voxels (x, y, z) of the finished electrode, at least 8 each.
        voxel_size_m: voxel edge, 0.1e-6 to 1e-6 m; the box is at least 3 of the smallest particles wide, a
            particle of the median diameter at least 3 voxels.
        seed: the same recipe and seed give the same image.
        powder: densities and sizes of the particles.
        contact_m: how particles meet, -2e-6 to 2e-6 m.  0: as they are packed.  Above: fused, by necks whose
            radius of curvature is about this.  Below: kept apart by about this.
        binder: "necks": CBD in the necks between particles, all of it wired to the foil through itself;
            "scattered": in patches on the particles, so that little of it percolates and electrons go through
            the particles.

    Raises:
        UserError: a value outside its range, or AM above 62 % of the volume (denser than spheres pack).
    """

    am_wt_percent: float = 90.0
    calendering_percent: float = 10.0
    size: tuple[int, int, int] = (24, 24, 64)
    voxel_size_m: float = 0.5e-6
    seed: int = 0
    powder: Powder = field(default_factory=Powder)
    contact_m: float = 0.0
    binder: str = "necks"

    def __post_init__(self) -> None:
        _check_range("am_wt_percent", self.am_wt_percent, _AM_WT_PERCENT, "%")
        _check_range("calendering_percent", self.calendering_percent, _CALENDERING_PERCENT, "%")
        _check_range("voxel_size_m", self.voxel_size_m, _VOXEL_SIZE_M, "m")
        _check_range("contact_m", self.contact_m, _CONTACT_M, "m")
        if self.binder not in BINDERS:
            raise UserError(f"binder: expected {' or '.join(BINDERS)}, got {self.binder!r}")
        object.__setattr__(self, "size", _checked_size(self.size, self.voxel_size_m, self.powder))
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
        am_volume = self.am_wt_percent / self.powder.am_density_g_cm3
        cbd_volume = (100 - self.am_wt_percent) / self.powder.cbd_density_g_cm3
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


def _checked_size(size: tuple[int, int, int], voxel_size_m: float, powder: Powder) -> tuple[int, int, int]:
    try:
        edges = tuple(size)
    except TypeError:
        edges = ()
    if len(edges) != 3 or not all(_is_whole(n) and n >= _SMALLEST_SIZE for n in edges):
        raise UserError(f"size: expected three whole numbers of at least {_SMALLEST_SIZE}, got {size!r}")
    if min(edges) * voxel_size_m < 3 * powder.smallest_m * (1 - 1e-9):
        raise UserError(
            f"size {edges} at voxel_size_m {voxel_size_m:g} is {min(edges) * voxel_size_m:g} m wide; "
            f"expected at least {3 * powder.smallest_m:g} m, three of the smallest particles; use more voxels"
        )
    if powder.particle_diameter_m < _LEAST_VOXELS_A_PARTICLE * voxel_size_m:
        raise UserError(
            f"particle_diameter_m: expected at least {_LEAST_VOXELS_A_PARTICLE} voxels of {voxel_size_m:g} m "
            f"(voxel_size_m), got {powder.particle_diameter_m:g} m; use smaller voxels or larger particles"
        )
    return tuple(int(n) for n in edges)
