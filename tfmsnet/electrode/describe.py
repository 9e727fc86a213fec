"""An electrode in numbers: fractions, surface, sizes, tortuosity."""

import math
from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage

from tfmsnet.electrode.checks import (
    cbd_percolation,
    open_electrolyte_fraction,
    reachable,
    wired_am_fraction,
    wired_fraction,
)
from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.surface import am_faces, specific_area
from tfmsnet.electrode.transport import (
    CBD_POROSITY,
    CBD_TRANSPORT_FACTOR,
    effective_transport,
    liquid_fraction,
    phase_tortuosity_factor,
)

_MOST_LEVELS = 24
BYTES_PER_VOXEL = 520  # at the peak, of the tortuosity


def local_thickness(mask: np.ndarray) -> np.ndarray:
    """Diameter, in voxels, of the largest sphere within the mask that holds a voxel; 0 outside the mask.

    The local thickness of Hildebrand and Rüegsegger (1997, doi:10.1046/j.1365-2818.1997.1340694.x), by
    distance transforms at up to 24 radii.  Particles that touch keep their own sizes, as a sphere doesn't
    pass a neck.  Spheres read up to 1.6 voxels thin, slabs up to one voxel thick.  The mask is taken to go
    on beyond the image: a particle that the border cuts isn't counted as thinner for it.

    Args:
        mask: (x, y, z) bool.

    Returns:
        (x, y, z) float32.
    """
    # From centre to centre of voxels.  That is up to half a voxel too far at a flat wall; in a sphere the
    # nearest voxel misses the middle by as much, and the two errors cancel.
    depth = np.full(mask.shape, np.inf) if mask.all() else ndimage.distance_transform_edt(mask)
    largest = min(depth.max(initial=0.5), max(mask.shape) / 2)
    levels = np.linspace(0.5, largest, min(_MOST_LEVELS, max(int(2 * largest), 1)))
    thickness = np.zeros(mask.shape, dtype=np.float32)
    for below, radius in zip([*levels[1:], levels[-1]], levels, strict=True):
        covered = ndimage.distance_transform_edt(depth < radius) < radius + 0.5
        # Between two levels lies the truth: their middle.
        thickness[covered & mask] = below + radius
    return thickness


def morphology(phase: np.ndarray) -> dict[str, float]:
    """Volume fractions, surface and percolation of labels (x, y, z), cheap enough for every sample.

    Returns:
        electrolyte_fraction, am_fraction, cbd_fraction, and with CBD cbd_percolation (the share of it that
        is joined to the foil through CBD), each 0 to 1; with AM am_surface, its area towards other phases
        in voxel faces per AM voxel, which is smaller the larger the particles are.
    """
    cbd = phase == CBD
    found = {
        "electrolyte_fraction": float((phase == ELECTROLYTE).mean()),
        "am_fraction": float((phase == AM).mean()),
        "cbd_fraction": float(cbd.mean()),
    }
    if cbd.any():
        found["cbd_percolation"] = float(reachable(cbd, 0).sum() / cbd.sum())
    if found["am_fraction"]:
        found["am_surface"] = am_faces(phase, ELECTROLYTE, CBD) / int((phase == AM).sum())
    return found


@dataclass(frozen=True)
class Description:
    """Descriptors of a phase image; `str()` is a table, `as_dict()` goes into JSON.

    Fractions are 0 to 1 (of the volume; wired and open ones of their own phase), areas are per volume of
    the electrode in 1/m.  Diameters are percentiles by volume of the AM's `local_thickness`.
    `cbd_percolation` is NaN without CBD.

    `tortuosity_factor` is that of the electrolyte in pores and CBD, as the simulator has it:
    `liquid_fraction` (the pores and the CBD's porosity) over `effective_transport`.  The other three are of
    one phase alone, its volume fraction over its effective conductivity, as TauFactor defines them
    (doi:10.1016/j.softx.2016.09.002): pores with the CBD closed, AM, and AM and CBD alike.  Each is infinite
    where nothing leads from foil to separator.
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
    liquid_fraction: float
    effective_transport: float
    tortuosity_factor: float
    pore_tortuosity_factor: float
    am_tortuosity_factor: float
    solid_tortuosity_factor: float
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
            ("electrolyte, with the CBD's", _percent(self.liquid_fraction)),
            ("its effective transport", f"{self.effective_transport:.4f} of the bulk's"),
            ("its tortuosity factor", f"{self.tortuosity_factor:.2f}"),
            ("tortuosity factor of the pores", f"{self.pore_tortuosity_factor:.2f}, the CBD closed"),
            ("tortuosity factor of the AM", f"{self.am_tortuosity_factor:.2f}"),
            ("tortuosity factor of the solid", f"{self.solid_tortuosity_factor:.2f}"),
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
        liquid_fraction=liquid,
        effective_transport=effective,
        tortuosity_factor=liquid / effective if effective > 0 else math.inf,
        pore_tortuosity_factor=phase_tortuosity_factor(image, (ELECTROLYTE,)),
        am_tortuosity_factor=phase_tortuosity_factor(image, (AM,)),
        solid_tortuosity_factor=phase_tortuosity_factor(image, (AM, CBD)),
        open_electrolyte_fraction=open_electrolyte_fraction(image),
        wired_fraction=wired_fraction(image),
        wired_am_fraction=wired_am_fraction(image),
        cbd_percolation=cbd_percolation(image),
        particle_d10_m=float(diameters_m[0]),
        particle_d50_m=float(diameters_m[1]),
        particle_d90_m=float(diameters_m[2]),
    )
