"""From nodes and cells to voxels: phases by where they lie, fields by a Gaussian kernel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from tfmsnet.electrode import ELECTROLYTE, PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.records.ingest.solution import VoxelGrid, bounded_ranges

# VTK's numbers of the kinds of cells (vtkCellType.h), and the corners of the tetrahedra that each is split
# into; nodes on edges and faces come after the corners, and are left out.
_TETRA = ((0, 1, 2, 3),)
_PYRAMID = ((0, 1, 2, 4), (0, 2, 3, 4))
_WEDGE = ((0, 1, 2, 5), (0, 1, 5, 4), (0, 4, 5, 3))
_HEXAHEDRON = ((0, 1, 2, 6), (0, 2, 3, 6), (0, 3, 7, 6), (0, 7, 4, 6), (0, 4, 5, 6), (0, 5, 1, 6))
# A hexahedron whose corners go along x, then y, then z.
_VOXEL = tuple(tuple((0, 1, 3, 2, 4, 5, 7, 6)[corner] for corner in tetra) for tetra in _HEXAHEDRON)


def _prism(sides: int) -> tuple[tuple[int, ...], ...]:
    """Of wedges that share an edge."""
    wedges = [(0, k, k + 1, sides, sides + k, sides + k + 1) for k in range(1, sides - 1)]
    return tuple(tuple(wedge[corner] for corner in tetra) for wedge in wedges for tetra in _WEDGE)


TETRAHEDRA = (
    dict.fromkeys((10, 24, 71), _TETRA)  # linear, quadratic, Lagrange
    | dict.fromkeys((14, 27, 37, 74), _PYRAMID)
    | dict.fromkeys((13, 26, 31, 32, 73), _WEDGE)
    | dict.fromkeys((12, 25, 29, 33, 72), _HEXAHEDRON)
    | {11: _VOXEL, 15: _prism(5), 16: _prism(6)}
)
# Known, and without volume: vertices, lines and faces of every order.
_FLAT = frozenset((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 21, 22, 23, 28, 30, 34, 35, 36, 68, 69, 70, 75, 76, 77))
_REFUSED = {41: "convex point sets", 42: "polyhedra", **dict.fromkeys(range(78, 82), "Bezier cells")}
_TOLERANCE = 1e-9
_CANDIDATES = 1_000_000  # pairs of tetrahedron and voxel that are in memory at once, 150 bytes each


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of any kinds.

    Attributes:
        kinds: (cell,) uint8, VTK's numbers.
        offsets: (cell + 1,), where in `nodes` each begins.
        nodes: (node of a cell,), the cells' nodes in VTK's order, one cell after the other.
    """

    kinds: np.ndarray
    offsets: np.ndarray
    nodes: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["Cells"], first_nodes: Sequence[int]) -> "Cells":
        """One after the other; the nodes of each part begin at its first node."""
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        nodes = [part.nodes + first for part, first in zip(parts, first_nodes, strict=False)]
        kinds = np.concatenate([part.kinds for part in parts])
        return cls(kinds, np.concatenate([[0], np.cumsum(counts)]), np.concatenate(nodes))

    @property
    def owner(self) -> np.ndarray:
        """The cell of each of `nodes`."""
        return np.repeat(np.arange(len(self.kinds)), np.diff(self.offsets))

    def of(self, mask: np.ndarray) -> "Cells":
        """Those of a mask (cell,)."""
        counts = np.diff(self.offsets)[mask]
        return Cells(self.kinds[mask], np.concatenate([[0], np.cumsum(counts)]), self.nodes[mask[self.owner]])

    def same(self, other: "Cells") -> bool:
        """Whether kinds and nodes are the same."""
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in _OF_CELLS)

    def centres(self, points: np.ndarray) -> np.ndarray:
        """Mean of their nodes (cell, 3)."""
        owner, counts = self.owner, np.maximum(np.diff(self.offsets), 1)
        sums = [np.bincount(owner, points[self.nodes, axis], len(counts)) for axis in range(3)]
        return np.stack(sums, 1) / counts[:, None]


_OF_CELLS = ("kinds", "offsets", "nodes")


def split_cells(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Tetrahedra of all cells that have a volume.

    Returns:
        corners (tetrahedron, 4), and the cell (tetrahedron,) that each is of, rising.

    Raises:
        UserError: a kind that can't be split, or no cell with a volume.
    """
    corners, owners = [], []
    for kind in np.unique(cells.kinds).tolist():
        which = np.flatnonzero(cells.kinds == kind)
        if kind in TETRAHEDRA:
            tetrahedra = np.array(TETRAHEDRA[kind])
            if (np.diff(cells.offsets)[which] <= tetrahedra.max()).any():
                raise UserError(
                    f"cells: kind {kind} of VTK needs {tetrahedra.max() + 1} nodes, some have less"
                )
            corners.append(cells.nodes[cells.offsets[which][:, None, None] + tetrahedra].reshape(-1, 4))
            owners.append(np.repeat(which, len(tetrahedra)))
        elif kind not in _FLAT:
            name = f"{_REFUSED[kind]} ({kind})" if kind in _REFUSED else f"cells of kind {kind}"
            raise UserError(
                f"cells: {len(which)} are {name} of VTK; expected tetrahedra, pyramids, wedges, prisms or "
                "hexahedra; export these"
            )
    if not corners:
        raise UserError("cells: none has a volume; export volume elements, not a surface")
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(corners)[order], owner[order]


def locate(points_m: np.ndarray, corners: np.ndarray, grid: VoxelGrid) -> np.ndarray:
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


FILLS = ("error", "nearest")
_PAIRS = 2_000_000  # of target and node that are in memory at once, 40 bytes each


@dataclass(frozen=True)
class GaussianKernel:
    """Weights exp(-(sharpness r / radius)^2) of the nodes within the radius, over their sum.

    A target on a node takes the node's value, as in ParaView (vtkGaussianKernel).

    The error at a target x, with the weights' moments m1 = sum w (x_i - x) and m2 = sum w |x_i - x|^2, both
    computed by `moments`, is at most |grad u . m1| + max |second derivative| m2 / 2.  Without them: at most
    radius |grad u| + radius^2 max |second derivative| / 2, however the nodes lie.

    Attributes:
        radius_m: m; nodes beyond it don't count.
        sharpness: how fast weights fall off, 2 in ParaView.
    """

    radius_m: float = 1e-6
    sharpness: float = 2.0

    def __post_init__(self) -> None:
        for name in ("radius_m", "sharpness"):
            if not 0 < getattr(self, name) < np.inf:
                raise UserError(f"{name}: expected a number above 0, got {getattr(self, name)!r}")


def interpolate(
    nodes_m: np.ndarray,
    values: np.ndarray,
    targets_m: np.ndarray,
    kernel: GaussianKernel,
    *,
    fill: str = "error",
    what: str = "field",
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Values at targets from those at nodes.

    Args:
        nodes_m: (node, 3), m.
        values: (node, time), any unit.
        targets_m: (target, 3), m.
        kernel: the weights.
        fill: what a target without a node in reach is: "error", or "nearest" for the nearest node's values.
        what: what is interpolated, for messages.
        progress: called with the fraction done, 0 to 1.

    Returns:
        (time, target) float32.

    Raises:
        UserError: targets without a node in reach, unless they are to be filled; no nodes at all.
    """
    if fill not in FILLS:
        raise UserError(f"fill: expected one of {', '.join(FILLS)}, got {fill!r}")
    if not len(nodes_m):
        raise UserError(f"{what}: there are no nodes to interpolate from; check the domains and the file")
    tree, values = cKDTree(nodes_m), np.ascontiguousarray(values, np.float64)
    neighbours = tree.query_ball_point(targets_m, kernel.radius_m, return_length=True)
    lonely = np.flatnonzero(neighbours == 0)
    if len(lonely) and fill == "error":
        raise UserError(_loneliness(tree, targets_m, lonely, kernel, what))
    result = np.empty((values.shape[1], len(targets_m)), np.float32)
    for begin, end in bounded_ranges(neighbours, _PAIRS):
        reached = begin + np.flatnonzero(neighbours[begin:end])
        if len(reached):
            result[:, reached] = (_weights(tree, targets_m[reached], kernel) @ values).T
        if progress:
            progress(end / len(targets_m))
    if len(lonely):
        result[:, lonely] = values[tree.query(targets_m[lonely])[1]].T
    return result


def moments(
    nodes_m: np.ndarray, targets_m: np.ndarray, kernel: GaussianKernel
) -> tuple[np.ndarray, np.ndarray]:
    """First and second moments of the weights about the targets, of which the error bound is made.

    Returns:
        m1 (target, 3), m; m2 (target,), m2.  Targets must have a node in reach.
    """
    weights = _weights(cKDTree(nodes_m), targets_m, kernel)
    first = weights @ nodes_m - targets_m
    # |x_i - x|^2 summed as it stands: the difference of squares would lose what is left.
    rows, columns = weights.nonzero()
    squares = ((nodes_m[columns] - targets_m[rows]) ** 2).sum(axis=1)
    return first, np.bincount(rows, np.asarray(weights[rows, columns]).ravel() * squares, len(targets_m))


def _weights(tree: cKDTree, targets_m: np.ndarray, kernel: GaussianKernel) -> sparse.csr_matrix:
    """(target, node) weights, each row of sum 1; every target has a node in reach."""
    # A little more than the radius: no target that counted a neighbour may lose it to rounding.
    pairs = cKDTree(targets_m).sparse_distance_matrix(
        tree, kernel.radius_m * (1 + 1e-9), output_type="ndarray"
    )
    order = np.argsort(pairs["i"], kind="stable")
    row, node, distance = (pairs[key][order] for key in "ijv")
    first = np.searchsorted(row, np.arange(len(targets_m) + 1))
    nearest = np.minimum.reduceat(distance, first[:-1])[row]
    # Relative to the nearest node's: a sharp kernel mustn't leave a target without any weight.
    scale = kernel.sharpness / kernel.radius_m
    weight = np.exp(-((scale * distance) ** 2 - (scale * nearest) ** 2))
    weight[(nearest == 0) & (distance > 0)] = 0
    weight /= np.add.reduceat(weight, first[:-1])[row]
    return sparse.csr_matrix((weight, node, first), shape=(len(targets_m), tree.n))


def _loneliness(tree: cKDTree, targets_m, lonely, kernel: GaussianKernel, what: str) -> str:
    distance, _ = tree.query(targets_m[lonely])
    where = [", ".join(f"{1e6 * x:.4g}" for x in targets_m[target]) for target in lonely[:3]]
    return (
        f"{what}: {len(lonely)} of {len(targets_m)} voxels have no node within {1e6 * kernel.radius_m:g} um, "
        f"at (x, y, z) = ({'), ('.join(where)}){' ...' if len(lonely) > 3 else ''} um; the farthest has its "
        f"nearest at {1e6 * distance.max():.3g} um; give a larger radius, a box that the nodes fill, or fill "
        "with the nearest"
    )


_COINCIDENT = 1e-6  # of a voxel


def grid_over(nodes_m: np.ndarray, box_m: tuple[float, ...] | None, voxel_size_m: float) -> VoxelGrid:
    """The voxels of a box, or of the extent of nodes (node, 3)."""
    low, high = (nodes_m.min(axis=0), nodes_m.max(axis=0)) if box_m is None else (box_m[0::2], box_m[1::2])
    return VoxelGrid.over(low, high, voxel_size_m)


# Beside the labels of phases: of cells whose nodes are in several, of nodes in none.
MIXED, UNKNOWN = 254, 255


def phases_of_cells(
    points_m: np.ndarray, corners: np.ndarray, labels: np.ndarray, grid: VoxelGrid, of_nodes: np.ndarray
) -> PhaseImage:
    """Voxels by the cell that holds their centre.

    Args:
        points_m: (node, 3), m.
        corners: (tetrahedron, 4).
        labels: (tetrahedron,) uint8; voxels in MIXED ones follow the nearest node.
        grid: the voxels.
        of_nodes: (node,) uint8, labels of nodes, or UNKNOWN.

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
    mixed = phase == MIXED
    if mixed.any():
        voters = np.flatnonzero(of_nodes != UNKNOWN)
        phase[mixed] = of_nodes[voters][cKDTree(points_m[voters]).query(grid.centres_m(mixed))[1]]
    return PhaseImage(phase.astype(np.uint8), grid.voxel_size_m)


def phases_of_nodes(nodes_m: np.ndarray, labels: np.ndarray, grid: VoxelGrid, reach_m: float) -> PhaseImage:
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
    voters = _voters(nodes_m, labels, grid.voxel_size_m)
    centres = grid.centres_m(np.ones(grid.shape, bool))
    distance, nearest = cKDTree(nodes_m[voters]).query(centres)
    far = np.flatnonzero(distance > reach_m)
    if len(far):
        raise UserError(
            f"phases: {len(far)} of {len(centres)} voxels have no node within {1e6 * reach_m:g} um, the "
            f"first at {_place(centres[far[0]])} um; give a box that the nodes fill, or a larger radius"
        )
    return PhaseImage(labels[voters][nearest].reshape(grid.shape).astype(np.uint8), grid.voxel_size_m)


def _voters(nodes_m: np.ndarray, labels: np.ndarray, voxel_size_m: float) -> np.ndarray:
    """Indices of the nodes that lie inside of a phase."""
    known = np.flatnonzero(labels >= 0)
    near = cKDTree(nodes_m[known]).query_pairs(_COINCIDENT * voxel_size_m, output_type="ndarray")
    pairs = known[near]
    shared = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
    if not len(shared) and len(known) == len(labels) and not is_lattice(nodes_m, voxel_size_m):
        raise UserError(
            "domains: no node is in two phases, so interfaces would be off by half an element; export both "
            "sides of interfaces (no smoothing, or that inside of domains), or on a regular grid, or give a "
            "phase image"
        )
    return np.setdiff1d(known, shared)


def is_lattice(nodes_m: np.ndarray, voxel_size_m: float) -> bool:
    """Whether nodes (node, 3) are all the crossings of planes along x, y and z."""
    # Rounding errors may part what is one plane: sorted, its coordinates differ by next to nothing.
    apart_m = _COINCIDENT * voxel_size_m
    planes = [1 + np.count_nonzero(np.diff(np.sort(axis)) > apart_m) for axis in nodes_m.T]
    return np.prod(planes) == len(nodes_m)


def _place(point_m: np.ndarray) -> str:
    return f"({', '.join(f'{1e6 * x:.4g}' for x in point_m)})"
