"""One time step of a galvanostatic discharge, and the walk from frame to frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tfmsnet.halfcell.equilibrium import open_circuit_potential
from tfmsnet.halfcell.failure import DischargeFailed, NotConverged
from tfmsnet.halfcell.grid import Grid
from tfmsnet.halfcell.kinetics import Insertion, Reaction
from tfmsnet.halfcell.lithium import Lithium
from tfmsnet.halfcell.parameters import Parameters
from tfmsnet.halfcell.potentials import Flows, Link, Potentials
from tfmsnet.halfcell.salt import Salt

# The first frame's steps, as shares of it: the potentials jump and the salt profile builds up.
_START_UP = (0.05, 0.15, 0.3, 0.5)
_LARGEST_GROWTH = 2.0
_SHORTEST = 1 / 4096
_PASSES = 15
# Accepted misfit of the reaction's potential step, V, root mean square over the interface.
_MISFIT_V = 1e-5
_LINEAR_SHARE = 0.02
_MARGIN = 1e-10
_HOPELESS_V = 10.0
_SMALLEST_SLOPE = 0.02


@dataclass(frozen=True)
class State:
    """A moment of a discharge.

    Attributes:
        time_s: since its start.
        lithium: (AM cells,) mol/m3.
        salt: (liquid cells,) mol/m3.
        potential: (solid cells + liquid cells + collector,) V against the lithium metal.
        reaction: (faces,) current density from AM to electrolyte, A/m2.
        metal: (metal faces,) current density from the lithium metal, A/m2.
        charge_imbalance: see `potentials.Flows`.
    """

    time_s: float
    lithium: np.ndarray
    salt: np.ndarray
    potential: np.ndarray
    reaction: np.ndarray
    metal: np.ndarray
    charge_imbalance: float = 0.0

    @property
    def voltage_v(self) -> float:
        """Of the collector against the lithium metal."""
        return float(self.potential[-1])


class Cell:
    """The coupled equations of one electrode at one current.

    Args:
        grid: cells.
        parameters: materials.
        cbd_conductivity_s_m: S/m.
        current_a: of the discharge; negative charges.
        usual_step_s: s.
    """

    def __init__(
        self,
        grid: Grid,
        parameters: Parameters,
        cbd_conductivity_s_m: float,
        current_a: float,
        usual_step_s: float,
    ) -> None:
        self.grid, self.parameters, self.current_a = grid, parameters, current_a
        self.lithium = Lithium(grid, parameters)
        self.insertion = Insertion(grid.interface.depth_m, parameters)
        self.potentials = Potentials(grid, parameters, cbd_conductivity_s_m)
        self.salt = Salt(grid, parameters, 1.5 / usual_step_s)

    def at_rest(self) -> State:
        """Equilibrium at the initial degree of lithiation."""
        start = self.parameters.initial_dol
        potential = np.zeros(self.potentials.solids + self.potentials.liquids + 1)
        rest = float(open_circuit_potential(start, self.parameters))
        potential[: self.potentials.solids] = rest
        potential[-1] = rest
        return State(
            time_s=0.0,
            lithium=np.full(self.lithium.cells, start * self.parameters.c_max_mol_m3),
            salt=self.salt.initial(),
            potential=potential,
            reaction=np.zeros(len(self.grid.interface.am)),
            metal=np.zeros(len(self.grid.metal)),
        )

    def step(self, now: State, before: State | None, step_s: float) -> State:
        """The state `step_s` later: BDF2, or backward Euler without a state `before`.

        Raises:
            NotConverged: no solution was found that holds within the limits of the model.
        """
        ratio = 0.0 if before is None else step_s / (now.time_s - before.time_s)
        older = now if before is None else before

        def history(name: str) -> np.ndarray:
            new, old = getattr(now, name), getattr(older, name)
            return ((1 + ratio) * new - ratio**2 / (1 + ratio) * old) / step_s

        def ahead(name: str) -> np.ndarray:
            return getattr(now, name) + ratio * (getattr(now, name) - getattr(older, name))

        weight = (1 + 2 * ratio) / (1 + ratio) / step_s
        lithium_history, salt_history = history("lithium"), history("salt")
        potential, salt = ahead("potential"), self._inside_salt(ahead("salt"))
        flows = Flows(ahead("reaction"), ahead("metal"), np.zeros(0), 0.0)
        lithium = self._inside(ahead("lithium"))
        self.lithium.prepare(lithium, weight)
        lithium = self.lithium.solve(lithium_history, flows.reaction, lithium)

        salt_change_v = np.inf
        for _ in range(_PASSES):
            reaction = self._reaction(potential, lithium, salt, flows.reaction)
            misfit_v = _misfit_v(reaction, flows.reaction, self.grid)
            if max(misfit_v, salt_change_v) <= _MISFIT_V:
                break
            if not misfit_v < _HOPELESS_V:
                raise NotConverged("misfit of the reaction in V", misfit_v)
            link = self._link(potential, reaction, flows.reaction)
            error_v = max(_LINEAR_SHARE * min(misfit_v, 1.0), 0.1 * _MISFIT_V)
            potential, flows = self.potentials.solve(
                potential, link, salt, flows.metal, self.current_a, error_v
            )
            self.lithium.prepare(self._inside(lithium), weight)
            lithium = self.lithium.solve(lithium_history, flows.reaction, lithium)
            renewed = self.salt.solve(salt_history, weight, flows, salt)
            salt_change_v = 0.1 * float(np.sqrt(np.mean((renewed / salt - 1) ** 2)))
            salt = self._inside_salt(renewed)
        else:
            raise NotConverged(f"misfit of the reaction in V after {_PASSES} passes", misfit_v)
        self._check(lithium, renewed)
        return State(
            now.time_s + step_s, lithium, renewed, potential, flows.reaction, flows.metal, flows.imbalance
        )

    def _reaction(
        self, potential: np.ndarray, lithium: np.ndarray, salt: np.ndarray, current: np.ndarray
    ) -> Reaction:
        """The reaction by its kinetics at the present state; `current` is a guess."""
        interface = self.grid.interface
        return self.insertion.react(
            self.potentials.potential_step(potential),
            lithium[interface.am] / self.parameters.c_max_mol_m3,
            salt[interface.liquid],
            current,
        )

    def _link(self, potential: np.ndarray, reaction: Reaction, current: np.ndarray) -> Link:
        """The reaction linearised, with the lithium's answer to it eliminated.

        At fixed potentials, current and lithium are brought in line first (the slow part, local in each
        particle); then the slope by potential is that for a shift common to all faces, as both conductors are
        nearly equipotential.
        """
        cell = self.grid.interface.am
        per_concentration = np.maximum(reaction.per_dol, 0) / self.parameters.c_max_mol_m3
        change = self.lithium.react(reaction.current - current, per_concentration)
        settled = reaction.current + per_concentration * change[cell]
        answer = self.lithium.react(reaction.per_volt, per_concentration)
        slope = reaction.per_volt + per_concentration * answer[cell]
        slope = np.maximum(slope, _SMALLEST_SLOPE * reaction.per_volt)
        return Link(slope, self.potentials.potential_step(potential) - settled / slope)

    def _inside(self, lithium: np.ndarray) -> np.ndarray:
        c_max = self.parameters.c_max_mol_m3
        return np.clip(lithium, _MARGIN * c_max, (1 - _MARGIN) * c_max)

    def _inside_salt(self, salt: np.ndarray) -> np.ndarray:
        return np.clip(salt, *self.parameters.salt_range_mol_m3)

    def _check(self, lithium: np.ndarray, salt: np.ndarray) -> None:
        dol = lithium / self.parameters.c_max_mol_m3
        if not (dol.min() > 0 and dol.max() < 1):
            raise NotConverged(
                "degree of lithiation outside 0 to 1, by", float(max(-dol.min(), dol.max() - 1))
            )
        low, high = self.parameters.salt_range_mol_m3
        if not (salt.min() > low and salt.max() < high):
            raise NotConverged(
                f"salt concentration outside salt_range_mol_m3 ({low:g} to {high:g}), farthest",
                float(salt.min() if salt.min() <= low else salt.max()),
            )


def _misfit_v(reaction: Reaction, current: np.ndarray, grid: Grid) -> float:
    """How far potentials and currents are from the kinetics, V, root mean square weighted by conductance."""
    conductance = grid.interface.area_m2 * reaction.per_volt
    misfit = (reaction.current - current) / reaction.per_volt
    return float(np.sqrt((conductance * misfit**2).sum() / conductance.sum()))


def walk(cell: Cell, frame_s: float) -> Iterator[tuple[State, bool]]:
    """All states of a discharge, each with whether it ends a frame; endless.

    A step that isn't solved is halved; steps grow back by at most a factor of two.

    Args:
        cell: what to discharge.
        frame_s: time between frames.

    Raises:
        DischargeFailed: the shortest step wasn't solved.
    """
    before, now = None, cell.at_rest()
    yield now, True
    frame, shares = 0, list(_START_UP)
    largest = frame_s * shares[0]
    while True:
        end = (frame + 1) * frame_s
        left = end - now.time_s
        wanted = frame_s * shares[0] if shares else left
        step_s = min(wanted, largest, left)
        # Rather two equal steps than a tiny last one.
        if step_s < left < 1.5 * step_s and not shares:
            step_s = left / 2
        try:
            new = cell.step(now, before, step_s)
        except NotConverged as error:
            largest = step_s / 2
            shares = []
            if largest < _SHORTEST * frame_s:
                raise DischargeFailed(_failed(now, step_s, error)) from None
            continue
        largest = max(_LARGEST_GROWTH * step_s, frame_s * shares[1] if len(shares) > 1 else 0)
        shares = shares[1:]
        done = new.time_s >= end * (1 - 1e-9)
        before, now = now, new
        yield now, done
        frame += done


def _failed(now: State, step_s: float, error: NotConverged) -> str:
    return (
        f"the step of {step_s:.3g} s after t = {now.time_s:.6g} s (voltage {now.voltage_v:.4f} V) wasn't solved: {error}; "
        "try a lower C-rate, fewer frames or a cut-off voltage: near saturation or with a depleted electrolyte "
        "there is no solution at this current"
    )
