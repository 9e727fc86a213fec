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

from tfmsnet.electrode.recipe import LARGEST_PARTICLE_M, SMALLEST_PARTICLE_M, Recipe

# Volume-weighted lognormal diameters, typical of NMC111 powders.
_MEDIAN_DIAMETER_M = 5.5e-6
_LOG_WIDTH = 0.4
_CONTACT = 0.98  # centre distance of touching spheres over the sum of their radii: contacts are necks
_WALL_CONTACT = 0.88  # height of a centre that rests on the foil over its radius: particles press into it
_BONDS_PER_PARTICLE = 3
_RELAXATION = 0.6
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


def pack(recipe: Recipe, rng: np.random.Generator) -> Particles:
    """Particles that fill the recipe's box from foil to separator to its AM fraction, overlaps apart."""
    box = np.array(recipe.size_m)
    radius = _draw_radii(recipe.volume_fractions["AM"] * box.prod(), _largest_diameter(box), rng)
    compression = 1 - recipe.calendering_percent / 100
    loose = box / [1, 1, compression]
    centre = _scatter(radius, loose, rng)
    centre = _relax(centre, radius, loose, _SETTLING_SWEEPS)
    bonds = _bond(centre, radius, loose)
    at_foil, at_top = centre[:, 2] < 1.3 * radius, centre[:, 2] > loose[2] - 1.3 * radius
    centre = _relax(centre, radius, loose, _BONDING_SWEEPS, bonds, at_foil, at_top)
    if compression < 1:
        for thickness in np.geomspace(loose[2], box[2], _CALENDERING_STEPS + 1)[1:]:
            centre[:, 2] *= thickness / loose[2]
            loose[2] = thickness
            centre = _relax(centre, radius, loose, _SWEEPS_PER_STEP, bonds, at_foil, at_top)
    return Particles(centre, radius)


def _largest_diameter(box: np.ndarray) -> float:
    # Half the box at most: a sphere then touches only one periodic image of another.
    return float(min(LARGEST_PARTICLE_M, box.min() / 2))


def _draw_radii(volume: float, largest: float, rng: np.random.Generator) -> np.ndarray:
    """Radii (particle,), largest first, of spheres that together have the volume."""
    median = min(_MEDIAN_DIAMETER_M, 0.8 * largest)
    # A lognormal by volume is a lognormal by number with the same width and a smaller median.
    log_median_by_number = np.log(median) - 3 * _LOG_WIDTH**2
    diameters, total = [], 0.0
    while total < volume:
        diameter = np.exp(rng.normal(log_median_by_number, _LOG_WIDTH))
        if SMALLEST_PARTICLE_M <= diameter <= largest:
            diameters.append(diameter)
            total += np.pi / 6 * diameter**3
    radius = np.sort(diameters)[::-1] / 2
    return radius * np.cbrt(volume / total)


def _scatter(radius: np.ndarray, box: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random centres (particle, 3) with as much solid low as high: small boxes too are filled evenly."""
    centre = rng.random((len(radius), 3)) * box
    stack = rng.permutation(len(radius))
    volume = radius[stack] ** 3
    centre[stack, 2] = (np.cumsum(volume) - volume / 2) / volume.sum() * box[2]
    return centre


def _bond(centre: np.ndarray, radius: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Pairs (bond, 2) that stick: every particle's nearest ones, and a tree that joins all of them."""
    count = len(radius)
    i, j, gap = _nearest_gaps(centre, radius, box)
    tree = _spanning_tree(i, j, gap, count)
    order = np.lexsort((gap, i))
    first = np.searchsorted(i[order], np.arange(count))
    rank = np.arange(len(order)) - first[i[order]]
    closest = order[rank < _BONDS_PER_PARTICLE]
    pairs = np.concatenate([tree, np.column_stack([i[closest], j[closest]])])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _nearest_gaps(centre: np.ndarray, radius: np.ndarray, box: np.ndarray):
    """Directed pairs i, j (pair,) and the gap between their surfaces, m, of every particle's neighbours."""
    neighbours = min(24, len(radius) - 1)
    tree = cKDTree(_wrapped(centre, box), boxsize=[box[0], box[1], 0])
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


def _relax(centre, radius, box, sweeps, bonds=None, at_foil=False, at_top=False) -> np.ndarray:
    """Move particles apart where they overlap and bonded ones together where they gape; walls at z only."""
    bonds = np.zeros((0, 2), dtype=np.intp) if bonds is None else bonds
    count = len(radius)
    for sweep in range(sweeps):
        if sweep % _SWEEPS_PER_NEIGHBOUR_LIST == 0:
            pairs = _close_pairs(centre, radius, box)
            i = np.concatenate([pairs[:, 0], bonds[:, 0]])
            j = np.concatenate([pairs[:, 1], bonds[:, 1]])
            sticks = np.arange(len(i)) >= len(pairs)
            touching = _CONTACT * (radius[i] + radius[j])
            share = radius[j] ** 3 / (radius[i] ** 3 + radius[j] ** 3)  # the lighter one gives way
        offset = centre[j] - centre[i]
        offset[:, :2] -= box[:2] * np.round(offset[:, :2] / box[:2])
        distance = np.maximum(np.linalg.norm(offset, axis=1), 1e-12)
        stretch = distance - touching
        active = np.where(sticks, stretch > 0, stretch < 0)
        push = (np.where(active, stretch, 0) / distance)[:, None] * offset
        move = np.zeros_like(centre)
        for axis in range(3):
            move[:, axis] += np.bincount(i, share * push[:, axis], count)
            move[:, axis] -= np.bincount(j, (1 - share) * push[:, axis], count)
        contacts = np.bincount(i, active, count) + np.bincount(j, active, count)
        centre = centre + 2 * _RELAXATION * move / np.maximum(contacts, 2)[:, None]
        low, high = _WALL_CONTACT * radius, box[2] - _WALL_CONTACT * radius
        centre[:, 2] = np.clip(centre[:, 2], np.where(at_top, high, low), np.where(at_foil, low, high))
    return _wrapped(centre, box)


def _close_pairs(centre: np.ndarray, radius: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Pairs (pair, 2) of particles whose surfaces are nearer than half the mean radius."""
    tree = cKDTree(_wrapped(centre, box), boxsize=[box[0], box[1], 0])
    margin = 0.5 * radius.mean()
    pairs = tree.query_pairs(2 * radius.max() + margin, output_type="ndarray")
    offset = tree.data[pairs[:, 1]] - tree.data[pairs[:, 0]]
    offset[:, :2] -= box[:2] * np.round(offset[:, :2] / box[:2])
    near = np.linalg.norm(offset, axis=1) < radius[pairs].sum(axis=1) + margin
    return pairs[near]


def _wrapped(centre: np.ndarray, box: np.ndarray) -> np.ndarray:
    wrapped = centre.copy()
    wrapped[:, :2] %= box[:2]
    # A tiny negative coordinate rounds up to the box edge itself, which the tree refuses.
    wrapped[:, :2][wrapped[:, :2] >= box[:2]] = 0
    return wrapped
