"""Where a surrogate may be believed: the ranges of what it was trained on."""

from collections.abc import Iterable, Sequence

import numpy as np

from tfmsnet.electrode import PhaseImage, morphology
from tfmsnet.errors import UserError

# Name -> what it is called in messages.
RANGES = {
    "c_rate": "largest C-rate",
    "electrolyte_fraction": "volume fraction of electrolyte",
    "am_fraction": "volume fraction of AM",
    "cbd_fraction": "volume fraction of CBD",
    "cbd_percolation": "share of the CBD joined to the foil",
    "am_surface": "surface of the AM in voxel faces per AM voxel",
    "lateral_voxels": "voxels along x and y",
    "depth_voxels": "voxels from foil to separator",
    "voxel_size_um": "edge of the voxels, um",
}
# Ranges of a few electrodes are narrow: as far outside as this share of the upper end is still inside.
_MARGIN = 0.05


def smallest_edge(scales: int) -> int:
    """Edge of the coarsest scale's voxels: the smallest image's, whose multiples images are padded to."""
    return 2 ** (scales - 1)


def check_grid(grid: Sequence[int], scales: int, name: str) -> None:
    """Refuse an image with fewer voxels along an edge than one voxel of the coarsest scale has.

    Raises:
        UserError: names the grid and the smallest that would do.
    """
    smallest = smallest_edge(scales)
    if min(grid) < smallest:
        raise UserError(
            f"{name}: a grid of {'x'.join(map(str, grid))} voxels, expected at least {smallest} along each "
            f"edge for {scales} scales; use a larger image or fewer scales"
        )


def training_domain(samples: Iterable[dict], voxel_size_m: float | None) -> dict:
    """The domain block of a surrogate's description.

    Args:
        samples: descriptions of the training samples, as the manifest has them.
        voxel_size_m: edge of their voxels, m; None where they differ and the descriptions say it.

    Returns:
        samples and geometries (how many), varying_loads and charges (whether there are any),
        and ranges: name -> [smallest, largest], for the names of `RANGES` that are known of the samples.
    """
    samples = list(samples)
    values: dict[str, list[float]] = {name: [] for name in RANGES}
    for sample in samples:
        voxel = sample.get("voxel_size_m", voxel_size_m)
        shares = sample.get("morphology", {})
        for name, numbers in _numbers(abs(sample["c_rate"]), sample["grid"], voxel, shares):
            values[name] += numbers
    return {
        "samples": len(samples),
        "geometries": len({sample["geometry_id"] for sample in samples}),
        "varying_loads": any(not sample.get("constant_current", True) for sample in samples),
        "charges": any(sample.get("charges", sample["c_rate"] < 0) for sample in samples),
        "ranges": {name: [min(found), max(found)] for name, found in values.items() if found},
    }


def outside(domain: dict, image: PhaseImage, c_rate_profile: np.ndarray) -> list[str]:
    """What of an image and a load lies outside of what a predictor was trained on, a sentence each.

    Args:
        domain: from `training_domain`; empty when nothing is known.
        image: the electrode.
        c_rate_profile: (time,) 1/h, during the interval that ends at each frame; element 0 isn't looked at.
    """
    rates = np.asarray(c_rate_profile)[1:]
    ranges, found = domain.get("ranges", {}), []
    largest, shares = np.abs(rates).max(), morphology(image.phase)
    for name, numbers in _numbers(largest, image.shape, image.voxel_size_m, shares):
        if name not in ranges:
            continue
        low, high = ranges[name]
        margin = _MARGIN * abs(high)
        for number in dict.fromkeys(numbers):
            if not low - margin <= number <= high + margin:
                found.append(
                    f"{RANGES[name]}: {number:.3g}, trained on {low:.3g} to {high:.3g}; "
                    "the answer is extrapolated"
                )
    if "c_rate" not in ranges:
        return found
    if not domain.get("varying_loads") and not (rates == rates[0]).all():
        found.append("load: changes with time, trained on constant current; the answer is extrapolated")
    if not domain.get("charges") and (rates < 0).any():
        found.append("load: charges, trained on discharges; the answer is extrapolated")
    return found


def _numbers(c_rate: float, grid, voxel_size_m: float, shares: dict[str, float]):
    yield "c_rate", [float(c_rate)]
    yield "voxel_size_um", [1e6 * float(voxel_size_m)]
    yield "lateral_voxels", [int(grid[0]), int(grid[1])]
    yield "depth_voxels", [int(grid[2])]
    for name in RANGES:
        if name in shares:
            yield name, [float(shares[name])]
