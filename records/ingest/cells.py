"""Finite elements: their tetrahedra, and which of them holds a voxel's centre."""

from collections.abc import Sequence

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.records.ingest.chunks import bounded_ranges
from tfmsnet.records.ingest.grid import Grid

# Corners of each tetrahedron, in VTK's order of a cell's nodes; nodes on edges and faces are left out.
_TETRA = ((0, 1, 2, 3),)
_PYRAMID = ((0, 1, 2, 4), (0, 2, 3, 4))
_WEDGE = ((0, 1, 2, 5), (0, 1, 5, 4), (0, 4, 5, 3))
_HEXAHEDRON = ((0, 1, 2, 6), (0, 2, 3, 6), (0, 3, 7, 6), (0, 7, 4, 6), (0, 4, 5, 6), (0, 5, 1, 6))
TETRAHEDRA = {
    "tetra": _TETRA,
    "tetra10": _TETRA,
    "pyramid": _PYRAMID,
    "pyramid13": _PYRAMID,
    "pyramid14": _PYRAMID,
    "wedge": _WEDGE,
    "wedge15": _WEDGE,
    "wedge18": _WEDGE,
    "hexahedron": _HEXAHEDRON,
    "hexahedron20": _HEXAHEDRON,
    "hexahedron24": _HEXAHEDRON,
    "hexahedron27": _HEXAHEDRON,
}
# Known, and without volume.
_FLAT = ("vertex", "line", "triangle", "quad", "polygon")
_TOLERANCE = 1e-9
_CANDIDATES = 1_000_000  # pairs of tetrahedron and voxel that are in memory at once, 150 bytes each


def split_cells(blocks: Sequence[tuple[str, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Tetrahedra of all cells that have a volume.

    Args:
        blocks: kind (VTK's, as meshio names it) and nodes (cell, corner) of the cells, block by block.

    Returns:
        corners (tetrahedron, 4), and the cell (tetrahedron,) that each is of, counted through all blocks.

    Raises:
        UserError: a kind that can't be split, or no cell with a volume.
    """
    corners, owners, first = [np.zeros((0, 4), np.int64)], [np.zeros(0, np.int64)], 0
    for kind, nodes in blocks:
        if kind in TETRAHEDRA:
            for tetrahedron in TETRAHEDRA[kind]:
                corners.append(np.asarray(nodes)[:, tetrahedron])
                owners.append(first + np.arange(len(nodes)))
        elif not kind.startswith(_FLAT):
            raise UserError(
                f"cells: {kind}: expected tetrahedra, pyramids, wedges or hexahedra; export these"
            )
        first += len(nodes)
    if sum(map(len, corners)) == 0:
        raise UserError("cells: none has a volume; export volume elements, not a surface")
    return np.concatenate(corners), np.concatenate(owners)


def locate(points_m: np.ndarray, corners: np.ndarray, grid: Grid) -> np.ndarray:
    """The tetrahedron that holds each voxel's centre.

    A centre on a face belongs to the later one of its tetrahedra.

    Args:
        points_m: (node, 3), m.
        corners: (tetrahedron, 4) nodes.
        grid: the voxels.

    Returns:
        (x, y, z) int64, index of the tetrahedron, -1 where there is none.
    """
    # In voxels from the first centre: numbers near 1, whatever the unit was.
    scaled = (points_m - np.asarray(grid.origin_m)) / grid.voxel_size_m - 0.5
    vertices = scaled[corners]
    edges = vertices[:, 1:] - vertices[:, :1]
    solid = np.abs(np.linalg.det(edges)) > 1e-12
    low = np.maximum(np.ceil(vertices.min(axis=1) - 1e-6), 0).astype(np.int64)
    high = np.minimum(np.floor(vertices.max(axis=1) + 1e-6), np.array(grid.shape) - 1).astype(np.int64)
    spans = np.maximum(high - low + 1, 0) * solid[:, None]
    counts = spans.prod(axis=1)
    found = np.full(grid.shape, -1, np.int64)
    for begin, end in bounded_ranges(counts, _CANDIDATES):
        which, voxel = _candidates(low[begin:end], spans[begin:end], counts[begin:end])
        inverse = np.zeros((end - begin, 3, 3))
        inverse[solid[begin:end]] = np.linalg.inv(edges[begin:end][solid[begin:end]])
        share = np.einsum("pi,pij->pj", voxel - vertices[begin:end, 0][which], inverse[which])
        inside = (share >= -_TOLERANCE).all(axis=1) & (share.sum(axis=1) <= 1 + _TOLERANCE)
        found[tuple(voxel[inside].T)] = begin + which[inside]
    return found


def _candidates(low: np.ndarray, spans: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs: a tetrahedron (pair,), and a voxel (pair, 3) of the box around it."""
    which = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    _, y, z = spans[which].T
    return which, low[which] + np.column_stack([within // (y * z), within // z % y, within % z])
