"""Lithium in the active material."""

import numpy as np

from tfmsnet.halfcell.failure import NotConverged
from tfmsnet.halfcell.grid import Grid
from tfmsnet.halfcell.network import ConductanceNetwork, pattern
from tfmsnet.halfcell.properties import values
from tfmsnet.halfcell.threads import blocks, kernel, share, total_of, wait
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters

_ITERATIONS = 2000
# Accepted error of the concentration over c_max, root mean square.
_ERROR = 1e-7
# Accepted residual of an estimate, over its right-hand side.
_ROUGHLY = 1e-3


def solid_diffusivity(concentration: np.ndarray, parameters: Parameters) -> np.ndarray:
    """D_s(x), m2/s, not below the floor."""
    value = values(parameters.solid_diffusivity, concentration, parameters.c_max_mol_m3)
    return np.maximum(value, parameters.solid_diffusivity_floor_m2_s)


class Lithium:
    """Fick's second law in the AM cells (Eq. 4), implicit in time."""

    def __init__(self, grid: Grid, parameters: Parameters) -> None:
        self._parameters = parameters
        self._faces, self._interface = grid.am_faces, grid.interface
        self.cells = len(grid.am_voxels)
        self._volume = grid.voxel_size_m**3
        self._network = ConductanceNetwork(self.cells, self._faces.tails, self._faces.heads)
        self._bounds = blocks(self.cells)
        self._memory = np.empty((4, self.cells)), np.empty((3, len(self._bounds) - 1))
        self._matrix = None
        self._weight = 0.0

    def prepare(self, concentration: np.ndarray, weight: float) -> None:
        """Set the matrix for D at this concentration and a time step of weight / (d/dt), 1/s."""
        self._weight = weight
        diffusivity = solid_diffusivity(self._network.mean(concentration), self._parameters)
        self._matrix = self._network.matrix(
            self._faces.weight * diffusivity, np.full(self.cells, weight * self._volume)
        )

    def solve(self, history: np.ndarray, current: np.ndarray, guess: np.ndarray) -> np.ndarray:
        """Concentration, mol/m3, after a step.

        Args:
            history: (AM cells,) what the older states bring into the time derivative, mol/m3/s.
            current: (faces,) current density out of the AM, A/m2.
            guess: (AM cells,) mol/m3.
        """
        right = history * self._volume + self._inflow(-current)
        # The mass alone bounds the matrix from below, and so the residual the error.
        mass = self._weight * self._volume
        accepted = self.cells * (mass * self._accepted_error(guess)) ** 2
        solution = self._iterate(right, guess, np.zeros(self.cells), accepted)
        # Diffusion moves lithium only: what all cells together miss is spread evenly, to rounding.
        lost = (right - self._matrix @ solution).sum()
        return solution + lost / (mass * self.cells)

    def react(self, forcing: np.ndarray, sensitivity: np.ndarray, guess: np.ndarray) -> np.ndarray:
        """Change of the cells' concentration when the current out of the AM follows it.

        Args:
            forcing: (faces,) change of the current density by itself, A/m2.
            sensitivity: (faces,) what it changes further per mol/m3 in the cell, A m/mol, at least 0.
            guess: (AM cells,) of the answer, mol/m3.
        """
        drain = np.bincount(
            self._interface.am, self._interface.area_m2 * sensitivity / FARADAY_C_MOL, self.cells
        )
        right = self._inflow(-forcing)
        accepted = _ROUGHLY**2 * float(right @ right)
        return self._iterate(right, guess, drain, accepted)

    def amount(self, concentration: np.ndarray) -> float:
        """Lithium in all cells, mol."""
        return float(concentration.sum()) * self._volume

    def _inflow(self, current: np.ndarray) -> np.ndarray:
        flow = self._interface.area_m2 * current / FARADAY_C_MOL
        return np.bincount(self._interface.am, flow, self.cells)

    def _accepted_error(self, concentration: np.ndarray) -> float:
        """Small against c_max and, as the kinetics depend on them, against the fewest vacancies and ions."""
        c_max = self._parameters.c_max_mol_m3
        fewest = min(concentration.min(), c_max - concentration.max())
        return max(min(_ERROR * c_max, 1e-3 * fewest), 1e-12 * c_max)

    def _iterate(
        self, right: np.ndarray, guess: np.ndarray, drain: np.ndarray, accepted: float
    ) -> np.ndarray:
        """Solution of the prepared matrix with `drain` added to its diagonal."""
        solution = guess.copy()
        matrix = self._matrix
        norm = _jacobi_cg(
            self._bounds,
            *pattern(matrix),
            matrix.data,
            drain,
            right,
            solution,
            accepted,
            _ITERATIONS,
            *self._memory,
        )
        if not norm <= accepted:
            raise NotConverged("lithium: residual over the accepted one", float(np.sqrt(norm / accepted)))
        return solution


@kernel
def _jacobi_cg(
    team, bounds, indptr, indices, values, drain, right, solution, accepted, iterations, vectors, parts
):  # fmt: skip
    """Jacobi-preconditioned conjugate gradients in place; returns the squared norm of the residual.

    `vectors` (4, rows) and `parts` (3, blocks) are memory to work in.
    """
    inverse, residual, direction, image = vectors
    # Sums of the blocks; of their own array each, so that nobody writes what others still add up.
    norms, curvatures, products = parts
    first, end = share(team, bounds.size - 1)
    for block in range(first, end):
        norm, product = 0.0, 0.0
        for row in range(bounds[block], bounds[block + 1]):
            total = right[row] - drain[row] * solution[row]
            for k in range(indptr[row], indptr[row + 1]):
                total -= values[k] * solution[indices[k]]
                if indices[k] == row:
                    inverse[row] = 1 / (values[k] + drain[row])
            residual[row] = total
            direction[row] = inverse[row] * total
            norm += total * total
            product += total * direction[row]
        norms[block], products[block] = norm, product
    wait(team)
    last, product = total_of(norms), total_of(products)
    for _ in range(iterations):
        if last <= accepted:
            break
        for block in range(first, end):
            curvature = 0.0
            for row in range(bounds[block], bounds[block + 1]):
                total = drain[row] * direction[row]
                for k in range(indptr[row], indptr[row + 1]):
                    total += values[k] * direction[indices[k]]
                image[row] = total
                curvature += total * direction[row]
            curvatures[block] = curvature
        wait(team)
        step = product / total_of(curvatures)
        for block in range(first, end):
            norm, renewed = 0.0, 0.0
            for row in range(bounds[block], bounds[block + 1]):
                solution[row] += step * direction[row]
                residual[row] -= step * image[row]
                norm += residual[row] * residual[row]
                renewed += residual[row] * residual[row] * inverse[row]
            norms[block], products[block] = norm, renewed
        wait(team)
        turn = total_of(products) / product
        last, product = total_of(norms), total_of(products)
        for block in range(first, end):
            for row in range(bounds[block], bounds[block + 1]):
                direction[row] = inverse[row] * residual[row] + turn * direction[row]
        wait(team)
    return last
