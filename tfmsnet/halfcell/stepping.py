"""The walk through time: from segment to segment of a load, from frame to frame, in time steps."""

import dataclasses
import math
from collections.abc import Iterator
from typing import NamedTuple

from tfmsnet.halfcell.cell import Cell, State
from tfmsnet.halfcell.control import Control, Galvanostatic, Potentiostatic
from tfmsnet.halfcell.failure import DischargeFailed, NotConverged, Saturated
from tfmsnet.load import (
    FRAME_SECONDS_AT_1C,
    HOUR_S,
    SATURATED,
    Ended,
    Load,
    Segment,
    Voltage,
    c_rate_of,
    known_duration,
)

# The first steps after a jump of the current, as shares of a usual one: the potentials jump, and profiles
# build up.
_START_UP = (0.05, 0.15, 0.3, 0.5)
# BDF2 is stable up to 2.4.
_LARGEST_GROWTH = 2.0
# Shortest step, as a share of a usual one; where the voltage collapses towards its limit.
_SHORTEST, _SHORTEST_COLLAPSING = 2.0**-9, 2.0**-20
# So close to the largest current that diffusion carries, a step without a solution is the end.
_SATURATED = 1.01
# A segment ends within so much of its end: V, hours of 1C and DOL, share of the taper.
_END_V, _END_CHARGE, _END_TAPER = 5e-5, 1e-6, 1e-3
_SEARCHES = 60
# A held voltage whose current has come down to this, 1/h, is the equilibrium: nothing more will come.
_EQUILIBRIUM_C_RATE = 1e-6
# Times that differ by less than this share are the same.
_SAME = 1e-9


class Moment(NamedTuple):
    """A state on the walk.

    Attributes:
        state: of the cell.
        frame: whether it is kept.
        segment: the number of the load's segment that led to it.
        done: share of the load, 0 to 1, as far as that can be told.
        ended: how the segment ended, where it does.
    """

    state: State
    frame: bool
    segment: int
    done: float
    ended: Ended | None = None


def walk(cell: Cell, load: Load, a_m2_per_c_rate: float, split: int = 1) -> Iterator[Moment]:
    """All states of a load, from equilibrium to its end.

    Steps go from frame to frame, short ones first wherever the current jumps, and carry no more charge than
    there is between two of the paper's frames.  One that isn't solved is halved; the next ones grow back.

    Args:
        cell: what to discharge.
        load: what to do with it.
        a_m2_per_c_rate: what 1C is, A/m2.
        split: how many times shorter than usual the steps are.

    Raises:
        Saturated: the surface of the AM is full (in a charge: empty), so that the current can't be carried
        on, and no limit to the voltage was given. DischargeFailed: the shortest step wasn't solved.
    """
    walker = _Walker(cell, split)
    yield Moment(walker.now, True, 0, 0.0)
    for number, segment in enumerate(load.segments):
        leg = _Leg(cell, segment, walker.now, load, a_m2_per_c_rate)
        for state, frame, reason in walker.follow(leg):
            ended = Ended(number, state.time_s, reason) if reason else None
            done = 1.0 if reason else leg.done(state)
            yield Moment(state, frame, number, (number + done) / len(load.segments), ended)


class _Leg:
    """A segment of a load, for a cell as it is at the segment's start."""

    def __init__(
        self, cell: Cell, segment: Segment, start: State, load: Load, a_m2_per_c_rate: float
    ) -> None:
        self._start, self._one_c_a = start, cell.one_c_a
        until, dol, self.c_rate = segment.until, cell.mean_dol(start), None
        self._margins = {}
        if isinstance(segment, Voltage):
            self.control: Control = Potentiostatic(segment.voltage_v)
            known_s, self._known_reason = until.time_s or math.inf, "time"
            self._watch_current(cell, segment, dol, a_m2_per_c_rate)
        else:
            self.c_rate = c_rate_of(segment, a_m2_per_c_rate)
            self.control = Galvanostatic(self.c_rate * cell.one_c_a)
            known_s, self._known_reason = known_duration(
                segment, self.c_rate, dol, cell.parameters.initial_dol
            )
            if until.voltage_v is not None:
                sign = math.copysign(1, self.c_rate)
                self._margins["voltage"] = lambda state: sign * (until.voltage_v - state.voltage_v) / _END_V
        self.end_s = start.time_s + known_s
        self._frames = load.frames.within(start.time_s, self.end_s)
        self._next_frame_s = next(self._frames, math.inf)
        # Of the current before and the one that comes, the larger makes the jump.
        held = 1.0 if self.c_rate is None else abs(self.c_rate)
        jump = max(held, abs(start.current_a) / self._one_c_a)
        self.usual_step_s = min(
            self.stop_s(start) - start.time_s, FRAME_SECONDS_AT_1C / jump if jump else math.inf
        )

    def _watch_current(self, cell: Cell, segment: Voltage, dol: float, a_m2_per_c_rate: float) -> None:
        until, start_c = segment.until, self._start.charge_c
        hour_c = HOUR_S * self._one_c_a
        if until.charge is not None:
            self._margins["charge"] = lambda state: (
                (abs(state.charge_c - start_c) / hour_c - until.charge) / _END_CHARGE
            )
        if until.mean_dol is not None:
            sign = math.copysign(1, until.mean_dol - dol)
            self._margins["mean_dol"] = lambda state: (
                sign * (cell.mean_dol(state) - until.mean_dol) / _END_CHARGE
            )
        taper = until.taper_c_rate
        if until.taper_a_m2 is not None:
            taper = until.taper_a_m2 / a_m2_per_c_rate
        if taper is not None:
            self._margins["taper"] = lambda state: (1 - self._c_rate_at(state) / taper) / _END_TAPER

    def _c_rate_at(self, state: State) -> float:
        return abs(state.current_a) / self._one_c_a

    @property
    def limits_voltage(self) -> bool:
        """Whether a voltage ends it."""
        return "voltage" in self._margins

    def stop_s(self, state: State) -> float:
        """The next moment that a step has to meet: a frame or the end; inf where none is known."""
        while self._next_frame_s <= state.time_s * (1 + _SAME):
            self._next_frame_s = next(self._frames, math.inf)
        return min(self._next_frame_s, self.end_s)

    def largest_step_s(self, state: State) -> float:
        """A step that carries as much charge as there is between two of the paper's frames."""
        c_rate = self._c_rate_at(state) if self.c_rate is None else abs(self.c_rate)
        return FRAME_SECONDS_AT_1C / c_rate if c_rate else math.inf

    def beyond(self, state: State) -> float:
        """How far beyond the nearest end that has to be searched for; 1 is accepted, before it below 0."""
        return max((margin(state) for margin in self._margins.values()), default=-math.inf)

    def passed(self, state: State) -> str:
        """The end that is nearest, or passed by most."""
        return max(self._margins, key=lambda reason: self._margins[reason](state))

    def reason(self, state: State) -> str:
        """Why it ends at a state; empty where it goes on."""
        if state.time_s >= self.end_s:
            return self._known_reason
        return self.passed(state) if self.beyond(state) >= -1 else ""

    def is_spent(self, state: State) -> bool:
        """Whether a held voltage drives no current any more, though no time ends it."""
        return self.c_rate is None and math.isinf(self.end_s) and self._c_rate_at(state) < _EQUILIBRIUM_C_RATE

    def done(self, state: State) -> float:
        """Share of it that is done, 0 where that can't be told."""
        return (state.time_s - self._start.time_s) / (self.end_s - self._start.time_s)


class _Walker:
    """Where the walk is, and how long its steps may be."""

    def __init__(self, cell: Cell, split: int) -> None:
        self._cell, self._split = cell, split
        self.now: State = cell.at_rest()
        self._before: State | None = None
        self._control: Control | None = None
        self._usual_s = self._longest_s = math.inf
        self._planned: list[float] = []

    def follow(self, leg: _Leg) -> Iterator[tuple[State, bool, str]]:
        """The states of a segment: each with whether it is a frame, and why the segment ends there."""
        if leg.control != self._control:
            self._jump(leg)
        if leg.end_s <= self.now.time_s:  # the DOL is there already
            yield self._stopped(leg.reason(self.now))
            return
        reason = ""
        while not reason:
            stop_s = leg.stop_s(self.now)
            step_s = self._step_s(stop_s - self.now.time_s, leg)
            try:
                new = self._advance(step_s, leg)
            except NotConverged as error:
                self._planned, self._longest_s = [], step_s / 2
                if self._longest_s >= _SHORTEST * self._usual_s:
                    continue
                failure = _failure(self._cell, self.now, leg.control, step_s, error)
                if not (isinstance(failure, Saturated) and leg.limits_voltage):
                    raise failure from None
                if self._longest_s >= _SHORTEST_COLLAPSING * self._usual_s:
                    continue
                # Within a step too short to be taken: through any limit.
                yield self._stopped(SATURATED)
                return
            if isinstance(new, str):
                yield self._stopped(new)
                return
            at_stop = new.time_s > stop_s * (1 - _SAME)
            if at_stop:
                new = dataclasses.replace(new, time_s=stop_s)
            self._planned = self._planned[1:]
            taken_s = new.time_s - self.now.time_s
            self._longest_s = self._usual_s if self._planned else _LARGEST_GROWTH * taken_s
            self._before, self.now = self.now, new
            reason = leg.reason(new)
            yield new, at_stop or bool(reason), reason
            if not reason and leg.is_spent(new):
                raise DischargeFailed(
                    f"at t = {new.time_s:.6g} s (mean DOL {self._cell.mean_dol(new):.4f}) the cell is in "
                    f"equilibrium with the {new.voltage_v:.3f} V that are held, and the end of the segment "
                    "was not reached; hold another voltage, or give the segment a time_s"
                )

    def _jump(self, leg: _Leg) -> None:
        self._before, self._control = None, leg.control
        self._usual_s = self._longest_s = leg.usual_step_s / self._split
        self._planned = [share * self._usual_s for share in _START_UP]

    def _stopped(self, reason: str) -> tuple[State, bool, str]:
        """The present state as the end of a segment; whatever comes next is a jump."""
        self._control = None
        return self.now, True, reason

    def _step_s(self, left_s: float, leg: _Leg) -> float:
        step_s = min(
            self._planned[0] if self._planned else left_s,
            self._longest_s,
            leg.largest_step_s(self.now) / self._split,
        )
        if left_s <= step_s * (1 + _SAME):
            return left_s
        # Rather two equal steps than a tiny last one.
        return left_s / 2 if left_s < 1.5 * step_s else step_s

    def _advance(self, step_s: float, leg: _Leg) -> State | str:
        """The state a step later, or where the segment ends within it; or why it ends at once."""
        new = self._try(step_s, leg)
        low_s, high_s, above = 0.0, step_s, leg.beyond(new)
        if above <= 1:
            return new
        # Right after a jump the present state, of another current, is no bound.
        below = None if self._before is None else leg.beyond(self.now)
        halve = False
        for _ in range(_SEARCHES):
            if below is None:
                middle_s = high_s / 4
                if middle_s < _SHORTEST * self._usual_s:
                    return leg.passed(new)
            elif halve:
                middle_s = 0.5 * (low_s + high_s)
            else:
                middle_s = low_s + (high_s - low_s) * below / (below - above)
            found = self._try(middle_s, leg)
            beyond = leg.beyond(found)
            if abs(beyond) <= 1:
                return found
            halve = not halve if below is not None else False
            if beyond > 0:
                high_s, above, new = middle_s, beyond, found
            else:
                low_s, below = middle_s, beyond
        raise NotConverged("end of a segment: accepted distances from it", beyond)

    def _try(self, step_s: float, leg: _Leg) -> State:
        return self._cell.step(self.now, self._before, step_s, leg.control)


def _failure(cell: Cell, now: State, control: Control, step_s: float, error: NotConverged) -> DischargeFailed:
    where = f"at t = {now.time_s:.6g} s (mean DOL {cell.mean_dol(now):.4f}, voltage {now.voltage_v:.3f} V)"
    if isinstance(control, Galvanostatic) and cell.headroom(now, control.current_a) < _SATURATED:
        full = "full" if control.current_a > 0 else "empty"
        return Saturated(
            f"{where} the AM's surface is {full}, and diffusion in the AM carries no larger current; ask for "
            "fewer frames, a lower C-rate, or give a cut-off voltage"
        )
    return DischargeFailed(
        f"{where} the next step of {step_s:.3g} s wasn't solved: {error}; try a lower C-rate or fewer "
        "frames, and check the image's wiring and the parameters"
    )
