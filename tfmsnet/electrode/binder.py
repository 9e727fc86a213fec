"""The carbon-binder domain: where it goes between the particles."""

import heapq

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra

from tfmsnet.electrode.checks import reachable


def grow(region: np.ndarray, priority: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
    """Add `count` voxels to a region, always the adjacent one of the lowest priority (invasion percolation).

    Args:
        region: mask (x, y, z) to start from.
        priority: (x, y, z) numbers without NaN; ties go to the lower index.
        allowed: mask (x, y, z) of the voxels that may be taken.
        count: how many to add.

    Returns:
        Mask (x, y, z) of the region with what it took.

    Raises:
        ValueError: fewer than `count` allowed voxels are joined to the region.
    """
    # A closed border of one voxel saves every test for the edge of the array.
    closed = np.pad(~allowed | region, 1, constant_values=True)
    border = np.pad(ndimage.binary_dilation(region), 1) & ~closed
    values = np.pad(priority, 1).ravel().tolist()
    steps = [sign * stride // closed.itemsize for stride in closed.strides for sign in (-1, 1)]
    front = [(values[voxel], voxel) for voxel in np.flatnonzero(border).tolist()]
    heapq.heapify(front)
    seen = bytearray((closed | border).tobytes())
    taken = []
    for _ in range(count):
        if not front:
            raise ValueError(f"{len(taken)} voxels are joined to the region, {count} are wanted")
        _, voxel = heapq.heappop(front)
        taken.append(voxel)
        for step in steps:
            neighbour = voxel + step
            if not seen[neighbour]:
                seen[neighbour] = True
                heapq.heappush(front, (values[neighbour], neighbour))
    grown = np.pad(region, 1)
    grown.ravel()[taken] = True
    return grown[1:-1, 1:-1, 1:-1].copy()


_NECK_SHARES = (0.8, 0.65, 0.5, 0.35, 0.2, 0.1, 0.0)  # of the CBD, put into necks before they are joined
_SMALLEST_NECK_VOXELS = 3
_STEP_COST_IN_NECK = 0.05


def place_binder(am: np.ndarray, openness: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` voxels for the CBD.

    Args:
        am: mask (x, y, z) of the active material; the rest must be one component that touches the foil.
        openness: (x, y, z), small where CBD goes first (in necks), m; only its order and ratios matter.
        count: number of CBD voxels, at least 1.

    Returns:
        Mask (x, y, z) of the CBD; joined to the foil plane z = 0 through itself.

    Raises:
        ValueError: `count` is too small to wire all of the active material, or not all space outside it is
            joined to the foil.
    """
    if not np.array_equal(reachable(~am, 0), ~am):
        raise ValueError("pores are cut off from the foil by active material")
    rank = np.full(am.shape, am.size)
    rank[~am] = np.argsort(np.argsort(openness[~am], kind="stable"), kind="stable")
    for share in _NECK_SHARES:
        necks = _large_components(rank < share * count)
        network = necks | _wires(am, necks, rank / count)
        if network.sum() <= count:
            return grow(network, rank, ~am, count - int(network.sum()))
    raise ValueError(f"{count} CBD voxels are too few to wire the electrode; it takes {network.sum()}")


def scatter_binder(am: np.ndarray, priority: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` voxels for CBD that grows on the particles in patches.

    Args:
        am: mask (x, y, z) of the active material; the rest must be one component that touches the foil.
        priority: (x, y, z), low where CBD goes first.
        count: number of CBD voxels, at least 1.

    Returns:
        Mask (x, y, z) of the CBD.  All solid is joined to the foil plane z = 0, by wires of CBD where no AM
        leads there.

    Raises:
        ValueError: as `place_binder`.
    """
    if not np.array_equal(reachable(~am, 0), ~am):
        raise ValueError("pores are cut off from the foil by active material")
    wires = _wires(am, np.zeros_like(am), np.zeros(am.shape))
    if wires.sum() > count:
        raise ValueError(f"{count} CBD voxels are too few to wire the electrode; it takes {wires.sum()}")
    return grow(am | wires, priority, ~am & ~wires, count - int(wires.sum())) & ~am


def _large_components(mask: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(mask)
    large = np.bincount(labels.ravel()) >= _SMALLEST_NECK_VOXELS
    large[0] = False
    return large[labels]


def _wires(am: np.ndarray, necks: np.ndarray, narrowness: np.ndarray) -> np.ndarray:
    """Mask of the paths to the foil, one from every neck and every AM component that nothing else wires."""
    cost = np.where(necks, _STEP_COST_IN_NECK, 1 + narrowness)
    distance, towards_foil = _paths_to_foil(~am, cost)
    neck_labels, _ = ndimage.label(necks)
    starts = [_nearest_to_foil(neck_labels, distance)]
    am_labels, am_count = ndimage.label(am)
    wired = np.zeros(am_count + 1, dtype=bool)
    wired[am_labels[ndimage.binary_dilation(necks)]] = True
    wired[am_labels[:, :, 0]] = True
    for label in np.flatnonzero(~wired):
        shell = ndimage.binary_dilation(am_labels == label) & ~am
        starts.append(_nearest_to_foil(shell.astype(int), distance))
    wires = np.zeros(am.size, dtype=bool)
    front = np.concatenate(starts)
    while front.size:
        wires[front] = True
        front = np.unique(towards_foil[front])
        front = front[(front >= 0) & ~wires[front]]
    return wires.reshape(am.shape)


def _paths_to_foil(free: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cheapest paths through the `free` voxels to z = 0.

    Returns the cost of the way from each voxel (x, y, z), infinite outside `free`, and the flat index of the
    next voxel on it (voxel,), negative at the foil.  All free voxels must be joined to the foil.
    """
    node = np.full(free.shape, -1)
    count = np.count_nonzero(free)
    node[free] = np.arange(count)
    rows, columns, weights = [node[:, :, 0][free[:, :, 0]]], [], [cost[:, :, 0][free[:, :, 0]]]
    columns.append(np.full(len(rows[0]), count))  # one more node: the foil
    for axis in range(3):
        here, there = np.moveaxis(node, axis, 0)[:-1], np.moveaxis(node, axis, 0)[1:]
        both = (here >= 0) & (there >= 0)
        rows.append(here[both])
        columns.append(there[both])
        mean_cost = (np.moveaxis(cost, axis, 0)[:-1] + np.moveaxis(cost, axis, 0)[1:]) / 2
        weights.append(mean_cost[both])
    edges = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    graph = sparse.coo_matrix(edges, shape=(count + 1, count + 1)).tocsr()
    length, before = dijkstra(graph, directed=False, indices=count, return_predecessors=True)
    distance = np.full(free.shape, np.inf)
    distance[free] = length[:-1]
    voxel = np.append(np.flatnonzero(free), -1)  # of every node; the foil isn't one
    towards_foil = np.full(free.size, -1)
    towards_foil[voxel[:-1]] = voxel[before[:-1]]
    return distance, towards_foil


def _nearest_to_foil(labels: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Flat index, for every label above 0, of its voxel with the cheapest way to the foil."""
    inside = np.flatnonzero(labels.ravel())
    label, way = labels.ravel()[inside], distance.ravel()[inside]
    order = np.lexsort((way, label))
    _, first = np.unique(label[order], return_index=True)
    return inside[order[first]]
