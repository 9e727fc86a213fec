"""From a recipe to a phase image."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import ndimage

from tfmsnet.electrode.binder import grow, place_binder, scatter_binder
from tfmsnet.electrode.checks import reachable
from tfmsnet.electrode.image import AM, CBD, PhaseImage
from tfmsnet.electrode.packing import pack
from tfmsnet.electrode.recipe import Recipe
from tfmsnet.electrode.voxels import surface_distances
from tfmsnet.errors import UserError
from tfmsnet.memory import require_memory

_REACH_M = 2e-6  # distances to surfaces are told apart up to here
_ROUGHNESS_M = 0.1e-6  # particles aren't quite spheres
_BINDER_NOISE_M = 0.3e-6
_NOISE_LENGTH_M = 0.75e-6
_PATCH_LENGTH_M = 1.5e-6  # of scattered CBD
_SMALLEST_ISLAND_VOXELS = 4
_ATTEMPTS = 10
_BYTES_PER_VOXEL = 250


def generate(recipe: Recipe) -> PhaseImage:
    """An electrode made after the recipe; the same recipe gives the same image.

    Particles are packed and calendered (`packing`), cut into voxels, and joined by CBD (`binder`).  Volume
    fractions are exact to a voxel; all solid is wired to the foil through solid, CBD in necks through CBD
    alone, and all pores are open to the separator through pore or CBD (faces only, x and y walls closed).

    Raises:
        UserError: ten packings in a row couldn't be given these guarantees (a box of a few particles), or
            an electrode too large for the memory that is free here.
    """
    check_memory(recipe)
    for attempt in range(_ATTEMPTS):
        try:
            phase = _make_phase(recipe, random_stream(recipe, attempt))
        except ValueError:
            continue
        return PhaseImage(
            phase,
            recipe.voxel_size_m,
            am_wt_percent=float(recipe.am_wt_percent),
            calendering_percent=float(recipe.calendering_percent),
        )
    raise UserError(
        f"{recipe}: none of {_ATTEMPTS} packings can be wired to the foil; use a larger size or another seed"
    )


def check_memory(recipe: Recipe) -> None:
    """Raise a UserError for an electrode whose making can't fit into the memory that is free here."""
    voxels = math.prod(recipe.size)
    require_memory(
        _BYTES_PER_VOXEL * voxels, f"size: an electrode of {voxels:.3g} voxels", "ask for fewer (--size)"
    )


def make(recipe: Recipe, folder: Path, progress: Callable[[float, str], None]) -> PhaseImage:
    """The engine `packing`: see `generate`; nothing is kept in the folder."""
    image = generate(recipe)
    progress(1.0, "")
    return image


def random_stream(recipe: Recipe, attempt: int) -> np.random.Generator:
    """Random numbers of a recipe's n-th attempt."""
    # The recipe is part of the seed: electrodes of one seed and two recipes have nothing in common.
    composition = round(recipe.am_wt_percent * 1e6), round(recipe.calendering_percent * 1e6)
    return np.random.default_rng([recipe.seed, attempt, *composition, *recipe.size])


def _make_phase(recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    """Labels (x, y, z); a ValueError when no pore leads through or the CBD can't wire all AM."""
    nearest, second = surface_distances(pack(recipe, rng), recipe.size, recipe.voxel_size_m, _REACH_M)
    am_count, cbd_count = (round(recipe.volume_fractions[name] * nearest.size) for name in ("AM", "CBD"))
    roughness = _ROUGHNESS_M * _smooth_noise(recipe, rng, _NOISE_LENGTH_M)
    am = _select_am(_met(nearest, second, recipe.contact_m) + roughness, am_count)
    if recipe.binder == "scattered":
        cbd = scatter_binder(am, _smooth_noise(recipe, rng, _PATCH_LENGTH_M), cbd_count)
    else:
        height = (np.arange(recipe.size[2]) + 0.5) * recipe.voxel_size_m
        noise = _BINDER_NOISE_M * _smooth_noise(recipe, rng, _NOISE_LENGTH_M)
        cbd = place_binder(am, _openness(nearest, second, height) + noise, cbd_count)
    return (AM * am + CBD * cbd).astype(np.uint8)


def _met(nearest: np.ndarray, second: np.ndarray, contact_m: float) -> np.ndarray:
    """Signed distances, m, to the surface of particles that are fused, or kept apart, where they meet."""
    if contact_m > 0:  # a smooth union
        return nearest - contact_m * np.log1p(np.exp((nearest - second) / contact_m))
    return np.maximum(nearest, nearest - second - contact_m) if contact_m else nearest


def _smooth_noise(recipe: Recipe, rng: np.random.Generator, length_m: float) -> np.ndarray:
    """Gaussian noise (x, y, z) of unit variance and a set correlation length."""
    noise = ndimage.gaussian_filter(
        rng.standard_normal(recipe.size),
        length_m / recipe.voxel_size_m,
        mode=("wrap", "wrap", "reflect"),
    )
    return noise / noise.std()


def _openness(nearest: np.ndarray, second: np.ndarray, height_m: np.ndarray) -> np.ndarray:
    """Distances to the two nearest surfaces added up, m, the foil being one: small in necks."""
    return nearest + np.minimum(second, np.maximum(nearest, height_m))


def _select_am(distance: np.ndarray, count: int) -> np.ndarray:
    """Mask of the `count` voxels deepest in particles, without splinters of AM and closed pores.

    Raises:
        ValueError: no pore leads from foil to separator.
    """
    order = np.argsort(distance, axis=None, kind="stable")
    start = count
    while True:
        am = np.zeros(distance.size, dtype=bool)
        am[order[:start]] = True
        space = ~_without_splinters(am.reshape(distance.shape))
        pores = reachable(space, 0) & reachable(space, -1)
        surplus = pores.size - int(pores.sum()) - count
        if surplus >= 0:
            return ~grow(pores, -distance, ~pores, surplus)
        start -= surplus


def _without_splinters(mask: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(mask)
    large = np.bincount(labels.ravel()) >= _SMALLEST_ISLAND_VOXELS
    large[0] = False
    return large[labels]
