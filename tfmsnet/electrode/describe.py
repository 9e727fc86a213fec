"""What an electrode is like, in numbers."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from tfmsnet.electrode.connectivity import (
    cbd_percolation,
    open_electrolyte_fraction,
    wired_am_fraction,
    wired_fraction,
)
from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.surface import specific_area
from tfmsnet.electrode.thickness import local_thickness
from tfmsnet.electrode.transport import (
    CBD_POROSITY,
    CBD_TRANSPORT_FACTOR,
    effective_transport,
    liquid_fraction,
)


@dataclass(frozen=True)
class Description:
    """Descriptors of a phase image; `str()` is a table, `as_dict()` goes into JSON.

    Fractions are 0 to 1 (of the volume; wired and open ones of their own phase), areas are per volume of
    the electrode in 1/m.  Diameters are percentiles by volume of the AM's `local_thickness`.
    `cbd_percolation` is NaN without CBD, `tortuosity_factor` infinite where no electrolyte leads from foil
    to separator.
    """

    geometry_id: str
    shape: tuple[int, int, int]
    voxel_size_m: float
    am_wt_percent: float
    calendering_percent: float
    electrolyte_fraction: float
    am_fraction: float
    cbd_fraction: float
    am_electrolyte_area_per_m: float
    am_cbd_area_per_m: float
    effective_transport: float
    tortuosity_factor: float
    open_electrolyte_fraction: float
    wired_fraction: float
    wired_am_fraction: float
    cbd_percolation: float
    particle_d10_m: float
    particle_d50_m: float
    particle_d90_m: float

    def as_dict(self) -> dict:
        """The fields by name, in plain types, None for what isn't known or finite: JSON has no NaN."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    def __str__(self) -> str:
        size = " x ".join(f"{n * self.voxel_size_m * 1e6:g}" for n in self.shape)
        rows = [
            ("geometry", self.geometry_id),
            ("voxels (x, y, z)", " x ".join(map(str, self.shape))),
            ("voxel size", f"{self.voxel_size_m * 1e6:g} um"),
            ("box", f"{size} um"),
            ("AM in the dry mass", _percent(self.am_wt_percent / 100)),
            ("calendering", _percent(self.calendering_percent / 100)),
            ("electrolyte (pores)", _percent(self.electrolyte_fraction)),
            ("AM", _percent(self.am_fraction)),
            ("CBD", _percent(self.cbd_fraction)),
            ("AM-electrolyte area", f"{self.am_electrolyte_area_per_m * 1e-6:.4f} um2/um3"),
            ("AM-CBD area", f"{self.am_cbd_area_per_m * 1e-6:.4f} um2/um3"),
            ("effective over bulk transport", f"{self.effective_transport:.4f}"),
            ("tortuosity factor", f"{self.tortuosity_factor:.2f}"),
            ("electrolyte open to separator", _percent(self.open_electrolyte_fraction)),
            ("solid wired to foil", _percent(self.wired_fraction)),
            ("AM wired to foil", _percent(self.wired_am_fraction)),
            ("CBD wired to foil through CBD", _percent(self.cbd_percolation)),
            ("particle diameter d10", f"{self.particle_d10_m * 1e6:.2f} um"),
            ("particle diameter d50", f"{self.particle_d50_m * 1e6:.2f} um"),
            ("particle diameter d90", f"{self.particle_d90_m * 1e6:.2f} um"),
        ]
        return "\n".join(f"{label:<31}{value}" for label, value in rows)


def _percent(share: float) -> str:
    return "not known" if math.isnan(share) else f"{100 * share:.2f} %"


def describe(
    image: PhaseImage,
    cbd_transport_factor: float = CBD_TRANSPORT_FACTOR,
    cbd_porosity: float = CBD_POROSITY,
) -> Description:
    """Compute all descriptors of an image.

    Args:
        image: the electrode.
        cbd_transport_factor: diffusivity of the electrolyte in the CBD over that in the pores, 0 to 1.
        cbd_porosity: volume fraction of electrolyte in the CBD, 0 to 1.
    """
    fractions = image.volume_fractions
    liquid = liquid_fraction(image, cbd_transport_factor, cbd_porosity)
    effective = effective_transport(image, cbd_transport_factor)
    am = image.phase == AM
    diameters_m = np.percentile(local_thickness(am)[am], (10, 50, 90)) * image.voxel_size_m
    return Description(
        geometry_id=image.geometry_id,
        shape=image.shape,
        voxel_size_m=image.voxel_size_m,
        am_wt_percent=image.am_wt_percent,
        calendering_percent=image.calendering_percent,
        electrolyte_fraction=fractions["electrolyte"],
        am_fraction=fractions["AM"],
        cbd_fraction=fractions["CBD"],
        am_electrolyte_area_per_m=specific_area(image, ELECTROLYTE),
        am_cbd_area_per_m=specific_area(image, CBD),
        effective_transport=effective,
        tortuosity_factor=liquid / effective if effective > 0 else math.inf,
        open_electrolyte_fraction=open_electrolyte_fraction(image),
        wired_fraction=wired_fraction(image),
        wired_am_fraction=wired_am_fraction(image),
        cbd_percolation=cbd_percolation(image),
        particle_d10_m=float(diameters_m[0]),
        particle_d50_m=float(diameters_m[1]),
        particle_d90_m=float(diameters_m[2]),
    )
