"""Networks of conductances: the discrete form of every transport equation here."""

import numpy as np
from scipy import sparse

from tfmsnet.halfcell.threads import blocks, kernel, share


class ConductanceNetwork:
    """Nodes joined by edges; gives the matrix of a weighted graph Laplacian over and over in the same memory.

    With conductances G, node potentials u and edge sources e the current through an edge from tail to head is
    G (u_tail - u_head - e), and `matrix(G, ground) @ u - injection(G e)` is what leaves each node.

    Args:
        nodes: number of nodes.
        tails, heads: (edges,) node numbers; no pair may occur twice.
    """

    def __init__(self, nodes: int, tails: np.ndarray, heads: np.ndarray) -> None:
        self.nodes = nodes
        self.tails = tails.astype(np.int32)
        self.heads = heads.astype(np.int32)
        edges = np.arange(len(tails), dtype=np.int32)
        own = np.arange(nodes, dtype=np.int32)
        rows = np.concatenate([self.tails, self.heads, own])
        columns = np.concatenate([self.heads, self.tails, own])
        # Numbered from 1: a stored zero would be lost to some sparse operations.
        labels = np.concatenate([edges, edges, np.full(nodes, len(edges), np.int32)]) + 1
        layout = sparse.csr_matrix((labels, (rows, columns)), shape=(nodes, nodes))
        layout.sort_indices()
        if layout.nnz != len(rows):
            raise ValueError("ConductanceNetwork: some pair of nodes is joined twice")
        self._edge_of_entry = layout.data - 1
        self._bounds = blocks(nodes)
        self._matrix = sparse.csr_matrix(
            (np.zeros(layout.nnz), layout.indices, layout.indptr), shape=(nodes, nodes)
        )

    @property
    def edges(self) -> int:
        """Number of edges."""
        return len(self.tails)

    def matrix(self, conductance: np.ndarray, ground: np.ndarray) -> sparse.csr_matrix:
        """SPD matrix for conductances (edges,) and conductances to ground (nodes,).

        The same object every time: its values change with the next call.
        """
        _fill(self._bounds, self._matrix.data, self._matrix.indptr, self._edge_of_entry, conductance, ground)
        return self._matrix

    def injection(self, flow: np.ndarray) -> np.ndarray:
        """What flows (edges,) from tail to head bring out of each node in sum, (nodes,)."""
        out = np.empty(self.nodes)
        _gather(self._bounds, self._matrix.indptr, self._edge_of_entry, self.tails, flow, out)
        return out

    def flow(self, conductance: np.ndarray, potential: np.ndarray, source: np.ndarray) -> np.ndarray:
        """What flows from tail to head through every edge, (edges,): potentials are the nodes'."""
        flow = np.empty(self.edges)
        _through(blocks(self.edges), self.tails, self.heads, conductance, potential, source, flow)
        return flow

    def mean(self, potential: np.ndarray) -> np.ndarray:
        """(u_tail + u_head) / 2 of every edge."""
        mean = np.empty(self.edges)
        _middle(blocks(self.edges), self.tails, self.heads, potential, mean)
        return mean


def pattern(matrix: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """indptr and indices of a matrix, unsigned: numba checks signed ones for counting from the end."""
    indptr, indices = (array.astype(np.int32, copy=False) for array in (matrix.indptr, matrix.indices))
    return indptr.view(np.uint32), indices.view(np.uint32)


@kernel
def _fill(team, bounds, data, indptr, edge_of_entry, conductance, ground):
    edges = conductance.size
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            total = ground[row]
            diagonal = -1
            for k in range(indptr[row], indptr[row + 1]):
                edge = edge_of_entry[k]
                if edge == edges:
                    diagonal = k
                else:
                    data[k] = -conductance[edge]
                    total += conductance[edge]
            data[diagonal] = total


@kernel
def _through(team, bounds, tails, heads, conductance, potential, source, flow):
    for block in range(*share(team, bounds.size - 1)):
        for edge in range(bounds[block], bounds[block + 1]):
            drop = potential[tails[edge]] - potential[heads[edge]]
            flow[edge] = conductance[edge] * (drop - source[edge])


@kernel
def _middle(team, bounds, tails, heads, potential, mean):
    for block in range(*share(team, bounds.size - 1)):
        for edge in range(bounds[block], bounds[block + 1]):
            mean[edge] = 0.5 * (potential[tails[edge]] + potential[heads[edge]])


@kernel
def _gather(team, bounds, indptr, edge_of_entry, tails, flow, out):
    for block in range(*share(team, bounds.size - 1)):
        for row in range(bounds[block], bounds[block + 1]):
            total = 0.0
            for k in range(indptr[row], indptr[row + 1]):
                edge = edge_of_entry[k]
                if edge < flow.size:
                    total += flow[edge] if tails[edge] == row else -flow[edge]
            out[row] = total
