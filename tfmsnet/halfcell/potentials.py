"""Potentials of solid and electrolyte and the voltage of the collector, in one system."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tfmsnet.halfcell import electrolyte
from tfmsnet.halfcell.failure import NotConverged
from tfmsnet.halfcell.grid import Grid
from tfmsnet.halfcell.kinetics import lithium_metal_overpotential
from tfmsnet.halfcell.multigrid import Multigrid, conjugate_gradients
from tfmsnet.halfcell.network import Network
from tfmsnet.halfcell.parameters import FARADAY_C_MOL, Parameters

_ITERATIONS = 60
# More iterations than this, and the hierarchy is made anew for the present conductances.
_STALE = 25


@dataclass(frozen=True)
class Link:
    """A linearised reaction: current density = conductance (phi_s - phi_l - source).

    Attributes:
        conductance: (faces,) S/m2.
        source: (faces,) V.
    """

    conductance: np.ndarray
    source: np.ndarray


@dataclass(frozen=True)
class Flows:
    """What flows for one set of potentials.

    Attributes:
        reaction: (faces,) current density from solid to electrolyte, A/m2.
        metal: (metal faces,) current density from the lithium metal to the electrolyte, A/m2.
        ionic: (liquid faces,) current from tail to head, A.
        imbalance: largest of the current that gets lost in a cell, at all reacting faces and at the metal,
            over the cell's current.
    """

    reaction: np.ndarray
    metal: np.ndarray
    ionic: np.ndarray
    imbalance: float


class Potentials:
    """Kirchhoff's current law over solid cells, liquid cells and the collector, in this order.

    The collector is one node joined to all solid cells on the foil; the external current leaves from it, so a
    galvanostatic discharge needs no further loop.  Lithium metal at 0 V is the ground.
    """

    def __init__(self, grid: Grid, parameters: Parameters) -> None:
        self._grid, self._parameters = grid, parameters
        self.solids, self.liquids = len(grid.solid_voxels), len(grid.liquid_volume_m3)
        collector = self.solids + self.liquids
        interface = grid.interface
        parts = [
            (grid.solid_faces.tails, grid.solid_faces.heads),
            (grid.liquid_faces.tails + self.solids, grid.liquid_faces.heads + self.solids),
            (interface.solid, interface.liquid + self.solids),
            (grid.foil, np.full(len(grid.foil), collector)),
        ]
        self._network = Network(collector + 1, *(np.concatenate(side) for side in zip(*parts, strict=True)))
        bounds = np.cumsum([0] + [len(tails) for tails, _ in parts])
        solid, self._liquid_edges, self._reacting_edges, foil = (
            slice(low, high) for low, high in itertools.pairwise(bounds)
        )
        self._conductance = np.zeros(self._network.edges)
        self._source = np.zeros(self._network.edges)
        self._conductance[solid] = grid.solid_faces.weight
        self._conductance[foil] = grid.foil_conductance_s
        self._ground = np.zeros(collector + 1)
        self._metal_nodes = grid.metal + self.solids
        self._preconditioner: Multigrid | None = None

    def potential_step(self, potential: np.ndarray) -> np.ndarray:
        """phi_s - phi_l at the reacting faces, V."""
        interface = self._grid.interface
        return potential[interface.solid] - potential[interface.liquid + self.solids]

    def solve(
        self,
        guess: np.ndarray,
        link: Link,
        salt: np.ndarray,
        metal_current: np.ndarray,
        current_a: float,
        error_v: float,
        imbalance: float,
    ) -> tuple[np.ndarray, Flows]:
        """Potentials for given concentrations, reactions linearised.

        Args:
            guess: (nodes,) V.
            link: the reactions.
            salt: (liquid cells,) mol/m3.
            metal_current: (metal faces,) A/m2, around which the metal's reaction is linearised.
            current_a: leaves from the collector (positive in a discharge).
            error_v: accepted error of phi_s - phi_l, in the mean over the reacting faces.
            imbalance: accepted current that gets lost in a cell, over the whole current.

        Returns:
            (nodes,) V, and what flows.

        Raises:
            NotConverged: the linear system wasn't solved, or there is no salt left at the metal.
        """
        reacting = self._grid.interface.area_m2 * link.conductance
        self._conductance[self._reacting_edges] = reacting
        self._source[self._reacting_edges] = link.source
        self._set_electrolyte(salt)
        metal_conductance, metal_source = self._metal(salt, metal_current)
        self._ground[self._metal_nodes] = metal_conductance
        matrix = self._network.matrix(self._conductance, self._ground)
        right = self._network.injection(self._conductance * self._source)
        right[self._metal_nodes] += metal_conductance * metal_source
        right[-1] -= current_a

        potential = self._solve(matrix, right, guess, reacting.sum() * error_v**2, imbalance * abs(current_a))
        self._balance(potential, right - matrix @ potential, reacting.sum(), metal_conductance.sum())
        return potential, self._flows(
            potential,
            right - matrix @ potential,
            metal_conductance * (metal_source - potential[self._metal_nodes]),
            current_a,
        )

    def _solve(
        self, matrix: sparse.csr_matrix, right: np.ndarray, guess: np.ndarray, energy: float, largest: float
    ) -> np.ndarray:
        if self._preconditioner is None:
            self._preconditioner = Multigrid(matrix)
        self._preconditioner.refresh(matrix)
        potential, count = conjugate_gradients(
            matrix, right, guess, self._preconditioner, energy, largest, _ITERATIONS
        )
        if count > _ITERATIONS:
            self._preconditioner = Multigrid(matrix, robust=True)
            potential, count = conjugate_gradients(
                matrix, right, potential, self._preconditioner, energy, largest, 4 * _ITERATIONS
            )
            if count > 4 * _ITERATIONS:
                raise NotConverged(
                    "potentials: conjugate gradients", float(np.abs(right - matrix @ potential).sum())
                )
        elif count > _STALE:
            self._preconditioner = None
        return potential

    def _balance(self, potential: np.ndarray, residual: np.ndarray, reacting: float, metal: float) -> None:
        """Shift solid and electrolyte as wholes (in place) so that both conserve charge to rounding.

        Args:
            potential: (nodes,) V.
            residual: (nodes,) current that gets lost in each, A.
            reacting, metal: sums of the conductances of the reaction and to ground, S.
        """
        lost_solid = residual[: self.solids].sum() + residual[-1]
        lost_liquid = residual[self.solids : -1].sum()
        shift = (lost_solid + lost_liquid) / metal
        potential += shift
        potential[: self.solids] += lost_solid / reacting
        potential[-1] += lost_solid / reacting

    def _set_electrolyte(self, salt: np.ndarray) -> None:
        faces, parameters = self._grid.liquid_faces, self._parameters
        tail, head = salt[faces.tails], salt[faces.heads]
        mean = 0.5 * (tail + head)
        self._conductance[self._liquid_edges] = faces.weight * electrolyte.conductivity(mean, parameters)
        self._source[self._liquid_edges] = (
            electrolyte.diffusion_voltage(mean, parameters) * (tail - head) / mean
        )

    def _metal(self, salt: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Conductance (S) and source (V) between the cells at the metal and ground.

        From the metal: its reaction and SEI, then ohmic drop and diffusion voltage of half a cell.
        """
        grid, parameters = self._grid, self._parameters
        cell = salt[grid.metal]
        diffusivity = grid.metal_factor * electrolyte.diffusivity(cell, parameters)
        gradient = current * (1 - electrolyte.transference(cell, parameters)) / (FARADAY_C_MOL * diffusivity)
        surface = cell + gradient * grid.metal_depth_m
        if not surface.min() > 0:
            raise NotConverged("salt at the lithium metal, mol/m3", float(surface.min()))
        overpotential, resistance = lithium_metal_overpotential(current, parameters)
        diffusion = electrolyte.diffusion_voltage(cell, parameters) * np.log(surface / cell)
        source = resistance * current - overpotential - diffusion
        resistance = resistance + grid.metal_depth_m / (
            grid.metal_factor * electrolyte.conductivity(cell, parameters)
        )
        return grid.voxel_face_m2 / resistance, source

    def _flows(
        self, potential: np.ndarray, residual: np.ndarray, metal_a: np.ndarray, current_a: float
    ) -> Flows:
        flow = self._conductance * (self._network.drop(potential) - self._source)
        area = self._grid.interface.area_m2
        reacting = flow[self._reacting_edges]
        lost = max(
            abs(reacting.sum() + current_a), abs(metal_a.sum() - current_a), float(np.abs(residual).max())
        )
        return Flows(
            reaction=reacting / area,
            metal=metal_a / self._grid.voxel_face_m2,
            ionic=flow[self._liquid_edges],
            imbalance=lost / abs(current_a),
        )
