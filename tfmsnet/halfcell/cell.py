"""The coupled equations of a half-cell, and one time step of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq

from tfmsnet.halfcell.control import Control, Galvanostatic
from tfmsnet.halfcell.equilibrium import open_circuit_potential
from tfmsnet.halfcell.failure import NotConverged
from tfmsnet.halfcell.grid import Grid
from tfmsnet.halfcell.kinetics import Insertion, Reaction
from tfmsnet.halfcell.lithium import Lithium
from tfmsnet.halfcell.potentials import Link, Potentials
from tfmsnet.halfcell.salt import Salt
from tfmsnet.materials.one_c import one_c_current_a
from tfmsnet.materials.parameters import Parameters

_PASSES = 15
# Accepted misfit of the potentials to the reaction's kinetics and to the salt, V, root mean square.
_MISFIT_V = 5e-5
# The same at rest, where the voltage comes to the equilibrium's.
_RESTING_MISFIT_V = 1e-6
# Accepted current that gets lost in a cell, relative as in `potentials.Flows`.
_IMBALANCE = 1e-6
# A pass usually leaves less than this share of the salt's misfit.
_CONTRACTION = 0.3
# No pass mends this much where a current is asked for.
_HOPELESS_V = 10.0
# A pass solves the potentials to this share of the misfit that it starts from.
_LINEAR_SHARE = 0.02
# Volts that the potentials may be expected to change by per relative change of the salt.
_SALT_V = 0.1
# Share of the reaction's own slope that is left of it at least.
_SMALLEST_SLOPE = 1e-4
# Guesses of the DOL are kept this far from 0 and 1.
_MARGIN = 1e-10
# Full and empty voxels may be beyond 0 and 1 by what BDF2 looks ahead too far: below single precision.
_OVERSHOOT = 1e-8
# The potentials that drive a new current are sought in steps four times as wide each, the first and the last,
# and found to a tolerance, V.
_FIRST_V, _FARTHEST_V, _FOUND_WITHIN_V = 0.02, 6.0, 1e-3


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
        current_a: through the cell, A; positive in a discharge.
        charge_c: that has passed since the start, C: what the AM gained is this over F.
        imbalance: of charge, see `potentials.Flows`.
    """

    time_s: float
    lithium: np.ndarray
    salt: np.ndarray
    potential: np.ndarray
    reaction: np.ndarray
    metal: np.ndarray
    current_a: float = 0.0
    charge_c: float = 0.0
    imbalance: float = 0.0

    @property
    def voltage_v(self) -> float:
        """Of the collector against the lithium metal."""
        return float(self.potential[-1])


class Cell:
    """An electrode, its separator and lithium metal.

    Args:
        grid: cells.
        parameters: materials; the temperature of their values is the cell's.
        usual_step_s: most time steps are about as long, s.
    """

    def __init__(self, grid: Grid, parameters: Parameters, usual_step_s: float) -> None:
        self.grid, self.parameters = grid, parameters
        self.one_c_a = one_c_current_a(grid.am_volume_m3, parameters)
        self.insertion = Insertion(grid.interface.depth_m, parameters)
        self.lithium = Lithium(grid, parameters)
        self.potentials = Potentials(grid, parameters)
        self.salt = Salt(grid, parameters, 1.5 / usual_step_s)
        # Of the step before, to start the next from: the lithium's answer and the passes that it needed.
        self._answer = np.zeros(self.lithium.cells)
        self._needed = _PASSES

    def at_rest(self) -> State:
        """Equilibrium at the initial degree of lithiation."""
        start = self.parameters.initial_dol
        solids = self.potentials.solids
        potential = np.zeros(solids + self.potentials.liquids + 1)
        potential[:solids] = potential[-1] = open_circuit_potential(start, self.parameters)
        return State(
            time_s=0.0,
            lithium=np.full(self.lithium.cells, start * self.parameters.c_max_mol_m3),
            salt=self.salt.initial(),
            potential=potential,
            reaction=np.zeros(len(self.grid.interface.am)),
            metal=np.zeros(len(self.grid.metal)),
        )

    def mean_dol(self, state: State) -> float:
        """Mean degree of lithiation of the AM."""
        return float(state.lithium.mean()) / self.parameters.c_max_mol_m3

    def step(self, now: State, before: State | None, step_s: float, control: Control) -> State:
        """The state `step_s` later, by BDF2; by backward Euler without a state `before`.

        There is none where the control has just changed: potentials and currents jump, and their past tells
        nothing of what comes.

        Each pass solves potentials with the reaction linearised, then lithium and salt with the currents that
        result, until these obey the reaction's kinetics.  Currents conserve charge, and concentrations
        conserve lithium and salt, in every pass.

        Raises:
            NotConverged: no solution was found that holds within the limits of the model.
        """
        times = _Times(now, before, step_s)
        lithium_history, salt_history = times.history("lithium"), times.history("salt")
        potential, salt = times.ahead("potential"), self._inside_salt(times.ahead("salt"))
        reacting, metal = times.ahead("reaction"), times.ahead("metal")
        if before is None:
            potential, reacting, metal = self._switched(now, control)
        lithium = self._inside(times.ahead("lithium"))
        self.lithium.prepare(lithium, times.weight)
        lithium = self.lithium.solve(lithium_history, reacting, lithium)
        salt_misfit_v = imbalance = last_misfit_v = np.inf
        cautious, needed = False, _PASSES
        accepted_v = _RESTING_MISFIT_V if control == Galvanostatic(0.0) else _MISFIT_V
        for done in range(_PASSES):
            reaction = self._reaction(potential, lithium, salt, reacting)
            misfit_v = _misfit_v(reaction, reacting, self.grid)
            if max(misfit_v, salt_misfit_v) <= accepted_v:
                needed = min(needed, done)
                if imbalance <= _IMBALANCE:
                    break
            # At a held voltage the current gives way, from however far off: full surfaces take next to none.
            if not misfit_v < (_HOPELESS_V if isinstance(control, Galvanostatic) else np.inf):
                raise NotConverged("misfit of the reaction in V", misfit_v)
            cautious |= misfit_v > last_misfit_v
            last_misfit_v = misfit_v
            link = self._link(potential, reaction, reacting, cautious)
            error_v = max(_LINEAR_SHARE * misfit_v, 0.02 * accepted_v)
            # Only the last pass, as far as that can be told, has to conserve charge to the end.
            last = done + 1 >= min(self._needed, needed) or _CONTRACTION * salt_misfit_v <= accepted_v
            accepted = _IMBALANCE / 2 if last else 100 * _IMBALANCE
            potential, flows = self.potentials.solve(potential, link, salt, metal, control, error_v, accepted)
            reacting, metal, imbalance = flows.reaction, flows.metal, flows.imbalance
            self.lithium.prepare(self._inside(lithium), times.weight)
            lithium = self.lithium.solve(lithium_history, reacting, lithium)
            renewed = self.salt.solve(salt_history, times.weight, flows, salt)
            salt_misfit_v = _SALT_V * float(np.sqrt(np.mean((renewed / salt - 1) ** 2)))
            salt = self._inside_salt(renewed)
        else:
            raise NotConverged(
                f"misfit of the reaction in V after {_PASSES} passes", max(misfit_v, salt_misfit_v)
            )
        self._needed = needed
        self._check(lithium, renewed)
        charge_c = (flows.current_a + times.history("charge_c")) / times.weight
        return State(
            now.time_s + step_s,
            lithium,
            renewed,
            potential,
            reacting,
            metal,
            flows.current_a,
            float(charge_c),
            imbalance,
        )

    def headroom(self, state: State, current_a: float) -> float:
        """Current that diffusion to a full (in a charge: from an empty) surface carries, over a given one.

        As it comes down to 1 the voltage collapses: no potential drives a larger current.
        """
        if current_a == 0:
            return np.inf
        interface = self.grid.interface
        dol = state.lithium[interface.am] / self.parameters.c_max_mol_m3
        limit = self.insertion.limit(dol, current_a > 0)
        return float((limit * interface.area_m2).sum() / abs(current_a))

    def _switched(self, now: State, control: Control) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A guess of potential, reaction and metal's current right after a change of the control.

        All of the solid moves alike: by the voltage's change, or to where the kinetics give the new current.
        """
        potential, reacting, metal = now.potential.copy(), now.reaction, now.metal
        solid = np.r_[: self.potentials.solids, -1]
        if not isinstance(control, Galvanostatic):
            potential[solid] += control.voltage_v - now.voltage_v
            return potential, reacting, metal
        lithium, salt = self._inside(now.lithium), self._inside_salt(now.salt)

        def reaction(moved_v: float) -> Reaction:
            moved = now.potential.copy()
            moved[solid] += moved_v
            return self._reaction(moved, lithium, salt, now.reaction)

        @cache  # brentq asks once more for the ends of its bracket
        def excess_a(moved_v: float) -> float:
            return float((self.grid.interface.area_m2 * reaction(moved_v).current).sum()) + control.current_a

        moved_v = _crossing(excess_a)
        if moved_v is None:
            raise NotConverged("a current that no potential drives, A", control.current_a)
        potential[solid] += moved_v
        metal_m2 = len(metal) * self.grid.voxel_face_m2
        change_a = control.current_a - now.current_a
        return potential, reaction(moved_v).current, metal + change_a / metal_m2

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

    def _link(self, potential: np.ndarray, reaction: Reaction, current: np.ndarray, cautious: bool) -> Link:
        """The reaction linearised, with the lithium's answer to it eliminated.

        At fixed potentials, current and lithium are brought in line first (the slow part, local in each
        particle); then the slope by potential is that for a shift common to all faces, as both conductors are
        nearly equipotential.  Where they aren't, that slope is too small for what was brought in line; the
        `cautious` way scales both alike, which converges more slowly but for any conductors.
        """
        cell = self.grid.interface.am
        per_concentration = np.maximum(reaction.per_dol, 0) / self.parameters.c_max_mol_m3
        self._answer = self.lithium.react(reaction.per_volt, per_concentration, self._answer)
        slope = reaction.per_volt + per_concentration * self._answer[cell]
        slope = np.maximum(slope, _SMALLEST_SLOPE * reaction.per_volt)
        misfit = reaction.current - current
        if cautious:
            settled = current + misfit * slope / reaction.per_volt
        else:
            change = self.lithium.react(misfit, per_concentration, np.zeros(self.lithium.cells))
            settled = reaction.current + per_concentration * change[cell]
        return Link(slope, self.potentials.potential_step(potential) - settled / slope)

    def _inside(self, lithium: np.ndarray) -> np.ndarray:
        c_max = self.parameters.c_max_mol_m3
        return np.clip(lithium, _MARGIN * c_max, (1 - _MARGIN) * c_max)

    def _inside_salt(self, salt: np.ndarray) -> np.ndarray:
        return np.clip(salt, *self.parameters.salt_range_mol_m3)

    def _check(self, lithium: np.ndarray, salt: np.ndarray) -> None:
        dol = lithium / self.parameters.c_max_mol_m3
        if not (dol.min() > -_OVERSHOOT and dol.max() < 1 + _OVERSHOOT):
            raise NotConverged(
                "DOL outside 0 to 1, farthest", float(dol.min() if dol.min() <= 0 else dol.max())
            )
        low, high = self.parameters.salt_range_mol_m3
        if not (salt.min() > low and salt.max() < high):
            raise NotConverged(
                f"salt concentration outside salt_range_mol_m3 ({low:g} to {high:g}), farthest",
                float(salt.min() if salt.min() <= low else salt.max()),
            )


class _Times:
    """BDF2 with a step that may differ from the one before; backward Euler without a state before.

    d u / dt = weight u - history, with u the new state.
    """

    def __init__(self, now: State, before: State | None, step_s: float) -> None:
        self._now, self._before = now, now if before is None else before
        self._step_s = step_s
        self._ratio = 0.0 if before is None else step_s / (now.time_s - before.time_s)
        self.weight = (1 + 2 * self._ratio) / (1 + self._ratio) / step_s

    def history(self, name: str) -> np.ndarray:
        """What the known states bring into the time derivative of the field `name`."""
        ratio, now, before = self._ratio, getattr(self._now, name), getattr(self._before, name)
        return ((1 + ratio) * now - ratio**2 / (1 + ratio) * before) / self._step_s

    def ahead(self, name: str) -> np.ndarray:
        """The field `name` extrapolated to the new state."""
        now, before = getattr(self._now, name), getattr(self._before, name)
        return now + self._ratio * (now - before)


def _misfit_v(reaction: Reaction, current: np.ndarray, grid: Grid) -> float:
    """How far potentials and currents are from the kinetics, V, root mean square weighted by conductance."""
    conductance = grid.interface.area_m2 * reaction.per_volt
    misfit = (reaction.current - current) / reaction.per_volt
    return float(np.sqrt((conductance * misfit**2).sum() / conductance.sum()))


def _crossing(excess_a: Callable[[float], float]) -> float | None:
    """Where a current that grows with the potential is 0, sought outwards from 0 V; None where it isn't."""
    upwards, inner_v, outer_v = excess_a(0.0) < 0, 0.0, _FIRST_V
    while outer_v <= _FARTHEST_V:
        if (excess_a(outer_v) >= 0) if upwards else (excess_a(-outer_v) < 0):
            sign = 1 if upwards else -1
            return brentq(excess_a, sign * inner_v, sign * outer_v, xtol=_FOUND_WITHIN_V)
        inner_v, outer_v = outer_v, 4 * outer_v
    return None
