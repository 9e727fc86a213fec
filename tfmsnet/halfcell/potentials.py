"""Potentials of solid and electrolyte and the voltage of the collector, in one system."""

import itertools
from dataclasses import dataclass

import numpy as np

from tfmsnet.halfcell import electrolyte
from tfmsnet.halfcell.control import Control, Galvanostatic, Potentiostatic
from tfmsnet.halfcell.failure import NotConverged
from tfmsnet.halfcell.grid import Grid
from tfmsnet.halfcell.kinetics import lithium_metal_overpotential
from tfmsnet.halfcell.multigrid import Multigrid, conjugate_gradients
from tfmsnet.halfcell.network import ConductanceNetwork
from tfmsnet.materials.one_c import one_c_current_a
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters

_ITERATIONS = 60
# So many times the iterations of a hierarchy's first solution, and some, and it is made anew for the present
# conductances.
_STALE, _SOME = 2.0, 10
# A held voltage is tied to the collector through a conductance that loses so much at 1C, V.
_TIE_ERROR_V = 1e-8
# Currents are told from none to this share of 1C.
_SMALLEST_C_RATE = 0.01


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
        current_a: through the cell, A.
        imbalance: largest of the current that gets lost in a cell, at all reacting faces and at the metal,
            over the cell's current, or over a hundredth of 1C where that is larger.
    """

    reaction: np.ndarray
    metal: np.ndarray
    ionic: np.ndarray
    current_a: float
    imbalance: float


class Potentials:
    """Kirchhoff's current law over solid cells, liquid cells and the collector, in this order.

    The collector is one node joined to all solid cells on the foil.  A given current leaves from it; a
    voltage that is held is a conductance from it to that voltage, so stiff that the current makes no
    difference.  Neither needs a further loop.  Lithium metal at 0 V is the ground.
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
        # The network's own order is that of the voxels, so that what is coupled lies together.
        places = np.concatenate([2 * grid.solid_places, 2 * grid.liquid_places + 1])
        self._order = np.append(np.argsort(places), collector)
        self._place = np.empty_like(self._order)
        self._place[self._order] = np.arange(collector + 1)
        self._network = ConductanceNetwork(
            collector + 1, *(self._place[np.concatenate(side)] for side in zip(*parts, strict=True))
        )
        bounds = np.cumsum([0] + [len(tails) for tails, _ in parts])
        solid, self._liquid_edges, self._reacting_edges, self._foil_edges = (
            slice(low, high) for low, high in itertools.pairwise(bounds)
        )
        self._conductance = np.zeros(self._network.edges)
        self._source = np.zeros(self._network.edges)
        self._conductance[solid] = grid.solid_faces.weight
        self._conductance[self._foil_edges] = grid.foil_conductance_s
        self._ground = np.zeros(collector + 1)
        self._metal_nodes = grid.metal + self.solids
        self._metal_source = np.zeros(len(grid.metal))
        one_c_a = one_c_current_a(grid.am_volume_m3, parameters)
        self._tie_s, self._smallest_a = one_c_a / _TIE_ERROR_V, _SMALLEST_C_RATE * one_c_a
        self._control: Control = Galvanostatic(0.0)
        self._preconditioner: Multigrid | None = None
        self._first_count = 0

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
        control: Control,
        error_v: float,
        imbalance: float,
    ) -> tuple[np.ndarray, Flows]:
        """Potentials for given concentrations, reactions linearised.

        Args:
            guess: (nodes,) V.
            link: the reactions.
            salt: (liquid cells,) mol/m3.
            metal_current: (metal faces,) A/m2, around which the metal's reaction is linearised.
            control: the current that leaves from the collector, or its voltage.
            error_v: accepted error of phi_s - phi_l, in the mean over the reacting faces.
            imbalance: accepted current that gets lost in a cell, relative as in `Flows`.

        Returns:
            (nodes,) V, and what flows.

        Raises:
            NotConverged: the linear system wasn't solved, or there is no salt left at the metal.
        """
        reacting = self._grid.interface.area_m2 * link.conductance
        self._conductance[self._reacting_edges] = reacting
        self._source[self._reacting_edges] = link.source
        self._set_electrolyte(salt)
        self._set_metal(salt, metal_current)
        self._set_control(control)

        # The change is solved for: in the sum of large conductances times 4 V a small current would drown.
        _, lost = self._flow(guess)
        given = isinstance(control, Galvanostatic)
        present_a = control.current_a if given else float(metal_current.sum()) * self._grid.voxel_face_m2
        accepted_a = imbalance * self._scale_a(present_a)
        potential = guess + self._solve(lost, reacting.sum() * error_v**2, accepted_a)
        _, lost = self._flow(potential)
        self._balance(potential, lost)
        flow, lost = self._flow(potential)
        metal_a = self._ground[self._metal_nodes] * (self._metal_source - potential[self._metal_nodes])
        reacting_a = flow[self._reacting_edges]
        current_a = control.current_a if given else float(metal_a.sum())
        if not given:
            # Through the tie, at 4 V, it would be rounded to some 1e-7 of 1C.
            lost[-1] = flow[self._foil_edges].sum() - current_a
        largest = max(
            abs(reacting_a.sum() + current_a), abs(metal_a.sum() - current_a), float(np.abs(lost).max())
        )
        return potential, Flows(
            reaction=reacting_a / self._grid.interface.area_m2,
            metal=metal_a / self._grid.voxel_face_m2,
            ionic=flow[self._liquid_edges],
            current_a=current_a,
            imbalance=largest / self._scale_a(current_a),
        )

    def _scale_a(self, current_a: float) -> float:
        """What lost currents are compared with."""
        return max(abs(current_a), self._smallest_a)

    def _set_control(self, control: Control) -> None:
        tied = isinstance(control, Potentiostatic)
        if tied != isinstance(self._control, Potentiostatic):
            self._preconditioner = None  # the coarse levels know the collector as it was
        self._ground[-1] = self._tie_s if tied else 0.0
        self._control = control

    def _flow(self, potential: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Currents through all edges, and the current that gets lost in each node (nodes,), A."""
        flow = self._network.flow(self._conductance, potential[self._order], self._source)
        lost = -self._network.injection(flow)[self._place]
        lost[self._metal_nodes] += self._ground[self._metal_nodes] * (
            self._metal_source - potential[self._metal_nodes]
        )
        if isinstance(self._control, Potentiostatic):
            lost[-1] += self._tie_s * (self._control.voltage_v - potential[-1])
        else:
            lost[-1] -= self._control.current_a
        return flow, lost

    def _solve(self, lost: np.ndarray, energy: float, largest: float) -> np.ndarray:
        """Change of the potentials that makes good the lost currents."""
        matrix = self._network.matrix(self._conductance, self._ground[self._order])
        lost = lost[self._order]
        made = self._preconditioner is None
        if made:
            self._preconditioner = Multigrid(matrix)
        self._preconditioner.refresh(matrix)
        limits = (energy, largest, _ITERATIONS)
        change, count = conjugate_gradients(matrix, lost, np.zeros_like(lost), self._preconditioner, *limits)
        if count > _ITERATIONS:
            self._preconditioner = Multigrid(matrix, robust=True)
            change, count = conjugate_gradients(matrix, lost, change, self._preconditioner, *limits)
            if count > _ITERATIONS:
                residual = np.abs(lost - matrix @ change).max()
                raise NotConverged(
                    "potentials: current lost in a cell over the accepted one", residual / largest
                )
        elif made:
            self._first_count = count
        elif count > _STALE * self._first_count + _SOME:
            self._preconditioner = None
        return change[self._place]

    def _balance(self, potential: np.ndarray, lost: np.ndarray) -> None:
        """Shift solid and electrolyte as wholes (in place) so that both conserve charge to rounding."""
        reacting = self._conductance[self._reacting_edges].sum()
        metal = self._ground[self._metal_nodes].sum()
        lost_liquid = lost[self.solids : -1].sum()
        if isinstance(self._control, Potentiostatic):
            # The collector stays where it is held, and the solid is joined to it through the foil.
            held, lost_solid = self._conductance[self._foil_edges].sum(), lost[: self.solids].sum()
        else:
            held, lost_solid = 0.0, lost[: self.solids].sum() + lost[-1]
        shares = np.array([[reacting + held, -reacting], [-reacting, reacting + metal]])
        solid, liquid = np.linalg.solve(shares, [lost_solid, lost_liquid])
        potential[: self.solids] += solid
        potential[self.solids : -1] += liquid
        if not held:
            potential[-1] += solid

    def _set_electrolyte(self, salt: np.ndarray) -> None:
        faces, parameters = self._grid.liquid_faces, self._parameters
        tail, head = salt[faces.tails], salt[faces.heads]
        mean = 0.5 * (tail + head)
        self._conductance[self._liquid_edges] = faces.weight * electrolyte.conductivity(mean, parameters)
        self._source[self._liquid_edges] = (
            electrolyte.diffusion_voltage(mean, parameters) * (tail - head) / mean
        )

    def _set_metal(self, salt: np.ndarray, current: np.ndarray) -> None:
        """Conductance and source between the cells at the metal and ground.

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
        ohmic = grid.metal_depth_m / (grid.metal_factor * electrolyte.conductivity(cell, parameters))
        self._ground[self._metal_nodes] = grid.voxel_face_m2 / (resistance + ohmic)
        self._metal_source = resistance * current - overpotential - diffusion
