"""Packing of the active-material particles: soft spheres that stick, calendered along z.

Stands for slurry, coating and drying (cohesive particles that settle into a connected skeleton) and for
calendering (the skeleton is compressed and rearranges).  Spheres overlap where constraints conflict; all
moves are projections of positions, so no step size has to be tuned and nothing can blow up.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree

from tfmsnet.electrode.recipe import Recipe

_CONTACT = 0.98  # centre distance of touching spheres over the sum of their radii: contacts are necks
_WALL_CONTACT = 0.88  # height of a centre that rests on the foil over its radius: particles press into it
_WALL_REACH = 1.3  # a centre this near to a wall, over its radius, sticks to it
_BONDS_PER_PARTICLE = 3
_RELAXATION = 0.6  # of a mean move, to keep neighbours' moves from overshooting
_SETTLING_SWEEPS = 60
_BONDING_SWEEPS = 60
_CALENDERING_STEPS = 12
_SWEEPS_PER_STEP = 6
_SWEEPS_PER_NEIGHBOUR_LIST = 4


@dataclass(frozen=True)
class Particles:
    """Spheres: centres (particle, 3) and radii (particle,), m; periodic in x and y."""

    centre_m: np.ndarray
    radius_m: np.ndarray


@dataclass(frozen=True)
class _Skeleton:
    """What sticks: pairs of particles (bond, 2), and which particles (particle,) stick to foil and top."""

    bonds: np.ndarray
    at_foil: np.ndarray
    at_top: np.ndarray


def pack(recipe: Recipe, rng: np.random.Generator) -> Particles:
    """Particles that fill the recipe's box from foil to separator to its AM fraction, overlaps apart."""
    box = np.array(recipe.size_m)
    radius = draw_radii(recipe, rng)
    thinning = 1 - recipe.calendering_percent / 100
    coating = box / [1, 1, thinning]
    centre = _relax(
        scatter(radius, coating, rng), radius, coating, _suspension(len(radius)), _SETTLING_SWEEPS
    )
    skeleton = _dry(centre, radius, coating)
    centre = _relax(centre, radius, coating, skeleton, _BONDING_SWEEPS)
    for _ in range(_CALENDERING_STEPS if thinning < 1 else 0):
        squeeze = np.array([1, 1, thinning ** (1 / _CALENDERING_STEPS)])
        centre, coating = centre * squeeze, coating * squeeze
        centre = _relax(centre, radius, coating, skeleton, _SWEEPS_PER_STEP)
    return Particles(centre, radius)


def draw_radii(recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    """Radii (particle,), m, largest first, of spheres of the powder that together are the recipe's AM."""
    powder, box = recipe.powder, recipe.size_m
    volume = recipe.volume_fractions["AM"] * np.prod(box)
    # Half the box at most: a sphere then touches only one periodic image of another.
    largest = min(powder.largest_m, min(box) / 2)
    median = min(powder.particle_diameter_m, 0.8 * largest)
    # A lognormal by volume is a lognormal by number with the same width and a smaller median.
    log_median_by_number = np.log(median) - 3 * powder.particle_spread**2
    diameters, total = [], 0.0
    while total < volume:
        diameter = np.exp(rng.normal(log_median_by_number, powder.particle_spread))
        if powder.smallest_m <= diameter <= largest:
            diameters.append(diameter)
            total += np.pi / 6 * diameter**3
    radius = np.sort(diameters)[::-1] / 2
    return radius * np.cbrt(volume / total)


def scatter(radius: np.ndarray, box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random centres (particle, 3) with as much solid low as high: small boxes too are filled evenly."""
    centre = rng.random((len(radius), 3)) * box
    stack = rng.permutation(len(radius))
    volume = radius[stack] ** 3
    centre[stack, 2] = (np.cumsum(volume) - volume / 2) / volume.sum() * box[2]
    return centre


def _suspension(count: int) -> _Skeleton:
    return _Skeleton(
        np.zeros((0, 2), dtype=np.intp), np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    )


def _dry(centre: np.ndarray, radius: np.ndarray, box: np.ndarray) -> _Skeleton:
    """Bonds of every particle to its nearest ones, a tree of bonds that joins all, and bonds to the walls."""
    count = len(radius)
    i, j, gap = _nearest_gaps(centre, radius, box)
    order = np.lexsort((gap, i))
    first = np.searchsorted(i[order], np.arange(count))
    rank = np.arange(len(order)) - first[i[order]]
    closest = order[rank < _BONDS_PER_PARTICLE]
    pairs = np.concatenate([_spanning_tree(i, j, gap, count), np.column_stack([i[closest], j[closest]])])
    return _Skeleton(
        bonds=np.unique(np.sort(pairs, axis=1), axis=0),
        at_foil=centre[:, 2] < _WALL_REACH * radius,
        at_top=centre[:, 2] > box[2] - _WALL_REACH * radius,
    )


def _nearest_gaps(centre: np.ndarray, radius: np.ndarray, box: np.ndarray):
    """Directed pairs i, j (pair,) and the gap between their surfaces, m, of every particle's neighbours."""
    neighbours = min(24, len(radius) - 1)
    tree = _tree(centre, box)
    distance, index = tree.query(tree.data, k=neighbours + 1)
    i = np.repeat(np.arange(len(radius)), neighbours)
    j = index[:, 1:].ravel()
    return i, j, distance[:, 1:].ravel() - radius[i] - radius[j]


def _spanning_tree(i: np.ndarray, j: np.ndarray, gap: np.ndarray, count: int) -> np.ndarray:
    # The sparse tree takes zero for "no edge", so weights start above it.
    weight = gap - gap.min(initial=0) + 1e-9
    low, high = np.minimum(i, j), np.maximum(i, j)
    _, first = np.unique(low * count + high, return_index=True)
    graph = sparse.coo_matrix((weight[first], (low[first], high[first])), shape=(count, count))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    return np.column_stack([tree.row, tree.col])


def _relax(centre, radius, box, skeleton: _Skeleton, sweeps: int) -> np.ndarray:
    """Move particles apart where they overlap, and together where they stick but gape."""
    rest = _WALL_CONTACT * radius
    lowest = np.where(skeleton.at_top, box[2] - rest, rest)
    highest = np.where(skeleton.at_foil, rest, box[2] - rest)
    for sweep in range(sweeps):
        if sweep % _SWEEPS_PER_NEIGHBOUR_LIST == 0:
            close = _close_pairs(centre, radius, box)
        centre = centre + _RELAXATION * _moves(centre, radius, box, close, skeleton.bonds)
        centre[:, 2] = np.clip(centre[:, 2], lowest, highest)
    return _wrapped(centre, box)


def _moves(centre, radius, box, close: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    """For every particle the mean (particle, 3) of the moves that would mend its bonds and overlaps, m."""
    count = len(radius)
    i, j = np.concatenate([close, bonds]).T
    offset = _offsets(centre[i], centre[j], box)
    distance = np.maximum(np.linalg.norm(offset, axis=1), 1e-12)
    stretch = distance - _CONTACT * (radius[i] + radius[j])
    is_bond = np.arange(len(i)) >= len(close)
    active = np.where(is_bond, stretch > 0, stretch < 0)
    push = (np.where(active, stretch, 0) / distance)[:, None] * offset
    share = (radius[j] ** 3 / (radius[i] ** 3 + radius[j] ** 3))[:, None]  # the lighter one gives way
    push_i, push_j = share * push, (share - 1) * push
    total = np.stack(
        [np.bincount(i, push_i[:, k], count) + np.bincount(j, push_j[:, k], count) for k in range(3)], 1
    )
    constraints = np.bincount(i, active, count) + np.bincount(j, active, count)
    return 2 * total / np.maximum(constraints, 2)[:, None]


def _close_pairs(centre: np.ndarray, radius: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Pairs (pair, 2) of particles whose surfaces are nearer than half the mean radius."""
    tree = _tree(centre, box)
    margin = 0.5 * radius.mean()
    pairs = tree.query_pairs(2 * radius.max() + margin, output_type="ndarray")
    distance = np.linalg.norm(_offsets(centre[pairs[:, 0]], centre[pairs[:, 1]], box), axis=1)
    return pairs[distance < radius[pairs].sum(axis=1) + margin]


def _offsets(start: np.ndarray, end: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Vectors (pair, 3) from start to the nearest periodic image of end, m."""
    offset = end - start
    offset[:, :2] -= box[:2] * np.round(offset[:, :2] / box[:2])
    return offset


def _tree(centre: np.ndarray, box: np.ndarray) -> cKDTree:
    return cKDTree(_wrapped(centre, box), boxsize=[box[0], box[1], 0])


def _wrapped(centre: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Centres with x and y inside the box."""
    wrapped = centre.copy()
    wrapped[:, :2] %= box[:2]
    # A tiny negative coordinate rounds up to the box edge itself, which the tree refuses.
    wrapped[:, :2][wrapped[:, :2] >= box[:2]] = 0
    return wrapped
