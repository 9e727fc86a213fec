"""Lists of spherical particles, as particle dynamics leaves them, rasterised to a phase image."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode.image import AM, CBD, PhaseImage, check_voxel_size
from tfmsnet.errors import UserError
from tfmsnet.memory import require_memory

OVERLAPS = ("am", "cbd", "deepest")
_LARGEST_IMAGE_VOXELS = 4e9
_SLAB_VOXELS = 5e7  # fine voxels that are in memory at once
# Of a voxel until its image is written, of a fine voxel with its depth.
_BYTES, _FINE_BYTES = 9, 6


@dataclass(frozen=True)
class Box:
    """What is rasterised: lower and upper corner (x, y, z), m, and which axes repeat themselves."""

    low_m: tuple[float, float, float]
    high_m: tuple[float, float, float]
    periodic: tuple[bool, bool, bool] = (False, False, False)

    def __post_init__(self) -> None:
        for axis, low, high in zip("xyz", self.low_m, self.high_m, strict=True):
            if not low < high:
                raise UserError(
                    f"box: expected a lower end below the upper one along {axis}, got {low:g} m to {high:g} m"
                )


@dataclass(frozen=True, eq=False)
class ParticleList:
    """Spheres of active material and of carbon-binder.

    Attributes:
        centre_m: (particle, 3), m.
        radius_m: (particle,), m, above 0.
        label: (particle,) uint8, 1 AM or 2 CBD.
        box: the simulation's; where an axis isn't periodic, particles may stick out of it.
    """

    centre_m: np.ndarray
    radius_m: np.ndarray
    label: np.ndarray
    box: Box


def rasterise(
    particles: ParticleList,
    voxel_size_m: float = 0.5e-6,
    *,
    overlap: str = "am",
    supersampling: int = 1,
    progress: Callable[[float], None] | None = None,
) -> PhaseImage:
    """The phase image of a list of particles: what no sphere covers is electrolyte.

    A voxel belongs to the sphere that holds its centre; with supersampling, to the phase that fills most of
    its sub-voxels by their centres.  Voxels start at the box's lower corner; a rest at its upper end that
    doesn't fill a voxel is left out.

    Args:
        particles: the spheres and their box.
        voxel_size_m: edge of the voxels, m.
        overlap: whose a point is that spheres of both phases cover: "am" (binder wraps hard particles),
            "cbd", or "deepest" (the sphere in which it lies deepest below the surface).
        supersampling: sub-voxels along an axis of a voxel, 1 to 8.
        progress: called with the fraction done, 0 to 1.

    Raises:
        UserError: an option out of range, a box smaller than a voxel or too large to be meant, no particle as
            large as a voxel, a periodic axis shorter than a particle, or no AM or no pore in the image.
    """
    check_voxel_size("voxel_size_m", voxel_size_m)
    if overlap not in OVERLAPS:
        raise UserError(f"overlap: expected one of {', '.join(OVERLAPS)}, got {overlap!r}")
    if isinstance(supersampling, bool) or supersampling not in range(1, 9):
        raise UserError(f"supersampling: expected a whole number from 1 to 8, got {supersampling!r}")
    shape = _shape(particles, voxel_size_m)
    _check_memory(shape, supersampling)
    centre, radius, label = with_periodic_images(particles)
    fine_m = voxel_size_m / supersampling
    spheres = (centre - particles.box.low_m) / fine_m, radius / fine_m, label
    phase = np.empty(shape, np.uint8)
    for begin, end in _slabs(shape, supersampling):
        fine = _slab(
            spheres,
            begin * supersampling,
            [(end - begin) * supersampling, *(n * supersampling for n in shape[1:])],
            overlap,
        )
        phase[begin:end] = _majority(fine, supersampling)
        if progress:
            progress(end / shape[0])
    return PhaseImage(phase, voxel_size_m)


def _shape(particles: ParticleList, voxel_size_m: float) -> tuple[int, int, int]:
    box = particles.box
    # A box of 30 voxels whose edges carry rounding errors has 30.
    shape = tuple(
        int((high - low) / voxel_size_m + 1e-6) for low, high in zip(box.low_m, box.high_m, strict=True)
    )
    edges = " x ".join(f"{1e6 * (high - low):.4g}" for low, high in zip(box.low_m, box.high_m, strict=True))
    if min(shape) < 1 or np.prod([float(n) for n in shape]) > _LARGEST_IMAGE_VOXELS:
        raise UserError(
            f"box: {edges} um make {shape} voxels of {1e6 * voxel_size_m:g} um, expected at least 1 along "
            f"each axis and at most {_LARGEST_IMAGE_VOXELS:g} in all; check the unit of the lengths"
        )
    largest = particles.radius_m.max(initial=0)
    if 2 * largest < voxel_size_m:
        raise UserError(
            f"particles: the largest has a diameter of {2e6 * largest:.3g} um, less than a voxel's "
            f"{1e6 * voxel_size_m:g} um; check the unit of the lengths"
        )
    return shape


def _check_memory(shape: tuple[int, int, int], supersampling: int) -> None:
    voxels, fine = math.prod(shape), math.prod(shape) * supersampling**3
    slab = min(fine, max(_SLAB_VOXELS, fine / shape[0]))
    require_memory(
        _BYTES * voxels + _FINE_BYTES * slab,
        f"box: an image of {'x'.join(map(str, shape))} voxels",
        "take larger voxels (--voxel-size-um), fewer sub-voxels (--supersample), or a part (--box)",
    )


def with_periodic_images(particles: ParticleList) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres, radii and labels of all spheres that reach into the box, copies across its faces too."""
    centre, radius, label = particles.centre_m.astype(np.float64), particles.radius_m, particles.label
    for axis, (low, high) in enumerate(zip(particles.box.low_m, particles.box.high_m, strict=True)):
        if particles.box.periodic[axis]:
            period = high - low
            if 2 * radius.max(initial=0) > period:
                raise UserError(
                    f"box: {'xyz'[axis]} is periodic over {1e6 * period:.4g} um, less than the diameter of a "
                    f"particle, {2e6 * radius.max():.4g} um; check the unit, or make the axis open"
                )
            centre[:, axis] = low + (centre[:, axis] - low) % period
            moved = []
            for shift in (-period, 0, period):
                copy = centre.copy()
                copy[:, axis] += shift
                moved.append(copy)
            centre, radius, label = np.concatenate(moved), np.tile(radius, 3), np.tile(label, 3)
        reaches = (centre[:, axis] > low - radius) & (centre[:, axis] < high + radius)
        centre, radius, label = centre[reaches], radius[reaches], label[reaches]
    return centre, radius, label


def _slabs(shape: tuple[int, int, int], supersampling: int) -> Iterator[tuple[int, int]]:
    plane = float(shape[1] * shape[2]) * supersampling**3
    thickness = max(1, int(_SLAB_VOXELS / plane))
    for begin in range(0, shape[0], thickness):
        yield begin, min(begin + thickness, shape[0])


def _slab(spheres, first: int, shape: list[int], overlap: str) -> np.ndarray:
    """Labels (x, y, z) of the fine voxels of `shape`, the first of which has the x index `first`."""
    centre, radius, label = spheres
    phase = np.zeros(shape, np.uint8)
    depth = np.zeros(shape, np.float32) if overlap == "deepest" else None
    here = (centre[:, 0] > first - radius) & (centre[:, 0] < first + shape[0] + radius)
    under = {"am": CBD, "cbd": AM}.get(overlap)  # what is painted first is painted over
    order = np.argsort(label != under, kind="stable")
    for number in order[here[order]]:
        _paint(phase, depth, centre[number] - [first, 0, 0], radius[number], label[number])
    return phase


def _paint(
    phase: np.ndarray, depth: np.ndarray | None, centre: np.ndarray, radius: float, label: int
) -> None:
    window, squares = [], []
    for middle, count in zip(centre, phase.shape, strict=True):
        begin = max(0, int(np.ceil(middle - radius - 0.5)))
        end = min(count, int(np.floor(middle + radius - 0.5)) + 1)
        if begin >= end:
            return
        window.append(slice(begin, end))
        squares.append((np.arange(begin, end) + 0.5 - middle) ** 2)
    x, y, z = squares
    square = x[:, None, None] + y[None, :, None] + z
    inside, target = square < radius**2, phase[tuple(window)]
    if depth is not None:
        here, deepest = (radius - np.sqrt(square)).astype(np.float32), depth[tuple(window)]
        inside &= here > deepest
        deepest[inside] = here[inside]
    target[inside] = label


def _majority(fine: np.ndarray, supersampling: int) -> np.ndarray:
    if supersampling == 1:
        return fine
    x, y, z = (n // supersampling for n in fine.shape)
    blocks = fine.reshape(x, supersampling, y, supersampling, z, supersampling)
    votes = [np.count_nonzero(blocks == label, axis=(1, 3, 5)) for label in (0, AM, CBD)]
    return np.argmax(votes, axis=0).astype(np.uint8)
