"""Salt in the electrolyte of pores, CBD and separator."""

import numpy as np
from scipy import sparse

from tfmsnet.halfcell import electrolyte
from tfmsnet.halfcell.failure import NotConverged
from tfmsnet.halfcell.grid import Grid
from tfmsnet.halfcell.multigrid import Multigrid, conjugate_gradients
from tfmsnet.halfcell.network import ConductanceNetwork
from tfmsnet.halfcell.potentials import Flows
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters

_ITERATIONS = 100
# More iterations than this, and the hierarchy is made anew for the present time step.
_STALE = 20
# Accepted error of the concentration over the initial one, root mean square.
_ERROR = 1e-6


class Salt:
    """Conservation of lithium ions in the liquid cells (Eqs. 2 and 6.1), implicit in time.

    Args:
        grid: cells.
        parameters: of the electrolyte.
        weight: of the time derivative in a usual step, 1/s, for which the preconditioner is made.
    """

    def __init__(self, grid: Grid, parameters: Parameters, weight: float) -> None:
        self._grid, self._parameters = grid, parameters
        self.cells = len(grid.liquid_volume_m3)
        self._network = ConductanceNetwork(self.cells, grid.liquid_faces.tails, grid.liquid_faces.heads)
        self._preconditioner: Multigrid | None = Multigrid(self._assemble(self.initial(), weight))

    def initial(self) -> np.ndarray:
        """(liquid cells,) mol/m3 at rest."""
        return np.full(self.cells, self._parameters.initial_salt_mol_m3)

    def solve(self, history: np.ndarray, weight: float, flows: Flows, salt: np.ndarray) -> np.ndarray:
        """Concentration, mol/m3, after a step.

        Args:
            history: (liquid cells,) what the older states bring into the time derivative, mol/m3/s.
            weight: of the new state in the time derivative, 1/s.
            flows: the currents that carry ions.
            salt: (liquid cells,) mol/m3, at which the transport properties are taken.

        Raises:
            NotConverged: the linear system wasn't solved.
        """
        grid = self._grid
        matrix = self._assemble(salt, weight)
        right = history * grid.liquid_volume_m3
        reaction = grid.interface.area_m2 * flows.reaction / FARADAY_C_MOL
        right += np.bincount(grid.interface.liquid, reaction, self.cells)
        right[grid.metal] += grid.voxel_face_m2 * flows.metal / FARADAY_C_MOL
        carried = electrolyte.transference(self._network.mean(salt), self._parameters) * flows.ionic
        right -= self._network.injection(carried / FARADAY_C_MOL)

        mass = weight * grid.liquid_volume_m3.sum()
        energy = mass * (_ERROR * self._parameters.initial_salt_mol_m3) ** 2
        if self._preconditioner is None:
            self._preconditioner = Multigrid(matrix)
        self._preconditioner.refresh(matrix)
        solution, count = conjugate_gradients(
            matrix, right, salt, self._preconditioner, energy, np.inf, _ITERATIONS
        )
        if count > _ITERATIONS:
            raise NotConverged("salt: conjugate gradients", float(np.abs(right - matrix @ solution).max()))
        if count > _STALE:
            self._preconditioner = None
        # Transport moves salt only: what all cells together miss is spread evenly, to rounding.
        solution += (right - matrix @ solution).sum() / mass
        return solution

    def amount(self, salt: np.ndarray) -> float:
        """Salt in all cells, mol."""
        return float(salt @ self._grid.liquid_volume_m3)

    def _assemble(self, salt: np.ndarray, weight: float) -> sparse.csr_matrix:
        diffusivity = electrolyte.diffusivity(self._network.mean(salt), self._parameters)
        return self._network.matrix(
            self._grid.liquid_faces.weight * diffusivity, weight * self._grid.liquid_volume_m3
        )
