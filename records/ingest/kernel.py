"""Interpolation from scattered nodes with a Gaussian kernel, as ParaView's point interpolator does it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from tfmsnet.errors import UserError
from tfmsnet.records.ingest.chunks import bounded_ranges

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
