"""Phases on voxels, from the cells or the nodes of a mesh."""

import numpy as np
from scipy.spatial import cKDTree

from tfmsnet.electrode import ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.records.ingest.cells import locate
from tfmsnet.records.ingest.grid import Grid

_COINCIDENT = 1e-6  # of a voxel


def grid_over(nodes_m: np.ndarray, box_m: tuple[float, ...] | None, voxel_size_m: float) -> Grid:
    """The voxels of a box, or of the extent of nodes (node, 3)."""
    low, high = (nodes_m.min(axis=0), nodes_m.max(axis=0)) if box_m is None else (box_m[0::2], box_m[1::2])
    return Grid.over(low, high, voxel_size_m)


def phases_of_cells(points_m: np.ndarray, corners: np.ndarray, labels: np.ndarray, grid: Grid) -> PhaseImage:
    """Voxels by the cell that holds their centre.

    Args:
        points_m: (node, 3), m.
        corners: (tetrahedron, 4).
        labels: (tetrahedron,) uint8.
        grid: the voxels.

    Raises:
        UserError: voxels in no cell although the electrolyte has cells; where it has none, they are
            electrolyte.  No AM or no electrolyte in the box.
    """
    found = locate(points_m, corners, grid)
    outside = found < 0
    if outside.any() and (labels == ELECTROLYTE).any():
        first = _place(grid.centres_m(outside)[0])
        raise UserError(
            f"mesh: {np.count_nonzero(outside)} of {outside.size} voxels lie in no cell, the first at "
            f"{first} um, although the electrolyte is meshed; give a box that the mesh covers"
        )
    phase = np.where(outside, ELECTROLYTE, labels[found])
    return PhaseImage(phase.astype(np.uint8), grid.voxel_size_m)


def phases_of_nodes(nodes_m: np.ndarray, labels: np.ndarray, grid: Grid, reach_m: float) -> PhaseImage:
    """Voxels by the nearest node.

    Nodes of an interface, at one place in two phases or of unknown phase, have no vote: the voxels beside it
    follow the nodes on their own side.  A mesh whose interface nodes are there once, with one side's label,
    is refused: it would shift the interface by half an element.  Nodes on a lattice have no such bias.

    Args:
        nodes_m: (node, 3), m.
        labels: (node,) labels, below 0 where unknown.
        grid: the voxels.
        reach_m: how far a voxel's node may be.

    Raises:
        UserError: no node in the electrolyte; interface nodes on one side alone; voxels without a node in
            reach; no AM in the box.
    """
    if not (labels == ELECTROLYTE).any():
        raise UserError(
            "domains: no node is in the electrolyte, so there's no telling where the solid ends; export all "
            "domains, or give a phase image"
        )
    voters = _voters(nodes_m, labels, _COINCIDENT * grid.voxel_size_m)
    centres = grid.centres_m(np.ones(grid.shape, bool))
    distance, nearest = cKDTree(nodes_m[voters]).query(centres)
    far = np.flatnonzero(distance > reach_m)
    if len(far):
        raise UserError(
            f"phases: {len(far)} of {len(centres)} voxels have no node within {1e6 * reach_m:g} um, the "
            f"first at {_place(centres[far[0]])} um; give a box that the nodes fill, or a larger radius"
        )
    return PhaseImage(labels[voters][nearest].reshape(grid.shape).astype(np.uint8), grid.voxel_size_m)


def _voters(nodes_m: np.ndarray, labels: np.ndarray, coincident_m: float) -> np.ndarray:
    """Indices of the nodes that lie inside of a phase."""
    known = np.flatnonzero(labels >= 0)
    pairs = known[cKDTree(nodes_m[known]).query_pairs(coincident_m, output_type="ndarray")]
    shared = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
    if not len(shared) and len(known) == len(labels) and not _is_lattice(nodes_m, coincident_m):
        raise UserError(
            "domains: no node is in two phases, so interfaces would be off by half an element; export both "
            "sides of interfaces (no smoothing, or that inside of domains), or on a regular grid, or give a "
            "phase image"
        )
    return np.setdiff1d(known, shared)


def _is_lattice(nodes_m: np.ndarray, coincident_m: float) -> bool:
    # Rounding errors may part what is one plane: sorted, its coordinates differ by next to nothing.
    planes = [1 + np.count_nonzero(np.diff(np.sort(axis)) > coincident_m) for axis in nodes_m.T]
    return np.prod(planes) == len(nodes_m)


def _place(point_m: np.ndarray) -> str:
    return f"({', '.join(f'{1e6 * x:.4g}' for x in point_m)})"
