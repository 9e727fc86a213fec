"""From an electrode and a load to a discharge."""

from collections.abc import Callable

import numpy as np

from tfmsnet.electrode import PhaseImage, check_dischargeable
from tfmsnet.errors import UserError
from tfmsnet.halfcell.cell import Cell, State
from tfmsnet.halfcell.discharge import Balances, Discharge
from tfmsnet.halfcell.equilibrium import open_circuit_potential
from tfmsnet.halfcell.failure import DischargeFailed
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.stepping import Moment, walk
from tfmsnet.halfcell.threads import sharing
from tfmsnet.load import (
    FAILED,
    FRAME_SECONDS_AT_1C,
    HOUR_S,
    Ended,
    Load,
    Voltage,
    c_rate_of,
    constant_current,
    known_duration,
)
from tfmsnet.materials import one_c_a_m2
from tfmsnet.materials.parameters import FARADAY_C_MOL, Parameters

_DEFAULT = Parameters()
# Balances are relative to the charge that has moved, or to what this share of 1C would have moved.
_SMALLEST_C_RATE = 0.01


def simulate(
    image: PhaseImage,
    load: Load | float,
    parameters: Parameters = _DEFAULT,
    *,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Discharge:
    """Put a half-cell under a load, every voxel of its electrode resolved.

    The model is that of section 2 of doi:10.1016/j.ensm.2023.102927: diffusion of lithium in the AM, Ohm's
    law in AM and CBD, a concentrated electrolyte in pores, CBD and separator, Butler-Volmer kinetics at all
    of the AM's surface, lithium metal with a film behind the separator.  The cell starts at equilibrium,
    which is frame 0.

    Args:
        image: the electrode; z = 0 on the collector.
        load: what to do; a number is constant current with the paper's 25 frames, as `constant_current`
            makes it. 1C would fill the AM from its initial DOL to 1 in an hour; negative currents charge.
        parameters: the materials.
        threads: that share the work, at most eight, and as many as numba has (NUMBA_NUM_THREADS); the answer
            is the same to the last bit.
        progress: called with the fraction done, 0 to 1, at every time step.

    Returns:
        The discharge; its `ends` tell why each segment ended.  Segments that a voltage limits may reach
        beyond the DOL for which the open-circuit potential was fitted, where the fit is continued by its
        formula.

    Raises:
        UserError: an image that can't be discharged; a load that can't be, that starts beyond its own voltage
            limit, or that leaves the fit of the open-circuit potential though no voltage limits it.
        DischargeFailed: some time step has no solution, as when the surface saturates or the electrolyte is
            depleted; its `partial` is the discharge up to there.
    """
    check_dischargeable(image)
    if not isinstance(load, Load):
        load = constant_current(load)
    one_c = one_c_a_m2(image, parameters)
    check_start(load, parameters)
    _check_dol(load, one_c, parameters)
    with sharing(threads):
        recorder = _Recorder(image, load, one_c, parameters)
        try:
            for moment in walk(recorder.cell, load, one_c):
                recorder.record(moment)
                if progress:
                    progress(moment.done)
        except DischargeFailed as error:
            error.partial = recorder.partial()
            raise
        return recorder.result()


class _Recorder:
    """Collects the frames, balances and ends of a discharge."""

    def __init__(self, image: PhaseImage, load: Load, one_c_a_m2: float, parameters: Parameters) -> None:
        self._image, self._load, self._parameters = image, load, parameters
        self._grid = build_grid(image, parameters)
        self._one_c_a_m2 = one_c_a_m2
        usual_step_s = FRAME_SECONDS_AT_1C / _typical_c_rate(load, one_c_a_m2)
        self.cell = Cell(self._grid, parameters.at_temperature(), usual_step_s)
        self._fields: list[tuple[np.ndarray, np.ndarray]] = []
        self._frames: list[tuple[float, float, float, float]] = []
        self._balances: list[tuple[float, float, float, float]] = []
        self._ends: list[Ended] = []
        self._start = self._last = self._kept = self.cell.at_rest()
        self._segment, self._moved_c = 0, 0.0

    def record(self, moment: Moment) -> None:
        """Take in a time step, or the end of a segment at the last one."""
        state = moment.state
        if state.time_s > self._last.time_s:
            self._moved_c += abs(state.charge_c - self._last.charge_c)
            self._balances.append(self._balance(state))
        self._last, self._segment = state, moment.segment
        if moment.frame:
            self._keep(state)
        if moment.ended:
            self._ends.append(moment.ended)

    def _keep(self, state: State) -> None:
        """Make a frame of a state, unless it is one already."""
        if self._frames and state.time_s <= self._kept.time_s:
            return
        solids = self.cell.potentials.solids
        self._fields.append((state.lithium.astype(np.float32), state.potential[:solids].astype(np.float32)))
        rate = self._c_rate(state) if self._frames else 0.0
        self._frames.append((rate, state.time_s, self.cell.mean_dol(state), state.voltage_v))
        self._kept = state

    def _c_rate(self, state: State) -> float:
        """Since the last frame; its mean where a voltage was held."""
        segment = self._load.segments[self._segment]
        if not isinstance(segment, Voltage):
            return c_rate_of(segment, self._one_c_a_m2)
        passed_c = state.charge_c - self._kept.charge_c
        return passed_c / (state.time_s - self._kept.time_s) / self.cell.one_c_a

    def _balance(self, state: State) -> tuple[float, float, float, float]:
        gained = self.cell.lithium.amount(state.lithium - self._start.lithium)
        made = self.cell.salt.amount(state.salt - self._start.salt)
        least_c = _SMALLEST_C_RATE * self.cell.one_c_a * state.time_s
        return (
            state.time_s,
            state.imbalance,
            abs(gained * FARADAY_C_MOL - state.charge_c) / max(self._moved_c, least_c),
            abs(made) / self.cell.salt.amount(self._start.salt),
        )

    def partial(self) -> Discharge | None:
        """What there is of a discharge that failed; None where that is the equilibrium alone."""
        self._keep(self._last)
        if len(self._frames) == 1:
            return None
        self._ends.append(Ended(len(self._ends), self._last.time_s, FAILED))
        return self.result()

    def result(self) -> Discharge:
        """The discharge so far."""
        concentration, potential = (
            self._on_voxels(voxels, [fields[kind] for fields in self._fields])
            for kind, voxels in enumerate((self._grid.am_voxels, self._grid.solid_voxels))
        )
        rates, times_s, dol, voltage_v = np.transpose(self._frames)
        return Discharge(
            image=self._image,
            parameters=self._parameters,
            load=self._load,
            c_rate_profile=rates,
            times_s=times_s,
            dol=dol,
            voltage_v=voltage_v,
            concentration=concentration,
            potential=potential,
            balances=Balances(*np.reshape(self._balances, (-1, 4)).T),
            ends=tuple(self._ends),
        )

    def _on_voxels(self, voxels: np.ndarray, fields: list[np.ndarray]) -> np.ndarray:
        image = np.zeros((len(fields), self._image.phase.size), np.float32)
        for frame, values in zip(image, fields, strict=True):
            frame[voxels] = values
        return image.reshape(-1, *self._image.shape)


def _typical_c_rate(load: Load, one_c_a_m2: float) -> float:
    rates = [c_rate_of(s, one_c_a_m2) for s in load.segments if not isinstance(s, Voltage)]
    return max((abs(rate) for rate in rates), default=0.0) or 1.0


def check_start(load: Load, parameters: Parameters) -> None:
    """A UserError where the first segment's voltage limit lies on the wrong side of the equilibrium."""
    first, start_v = load.segments[0], float(open_circuit_potential(parameters.initial_dol, parameters))
    if first.until.voltage_v is None:
        return
    charges = c_rate_of(first, 1.0) < 0
    if (first.until.voltage_v >= start_v) != charges:
        raise UserError(
            f"load: segment 0: voltage_v: expected a cut-off that comes after the {start_v:.3f} V of the "
            f"start, got {first.until.voltage_v:g}; choose a {'higher' if charges else 'lower'} one"
        )


def _check_dol(load: Load, one_c_a_m2: float, parameters: Parameters) -> None:
    """A UserError where a load is known to leave the DOL that the open-circuit potential was fitted for."""
    start, (low, high) = parameters.initial_dol, parameters.ocp_dol_range
    dol = start
    for number, segment in enumerate(load.segments):
        if isinstance(segment, Voltage) or segment.until.voltage_v is not None:
            return  # what comes isn't known beforehand
        rate = c_rate_of(segment, one_c_a_m2)
        known_s, _ = known_duration(segment, rate, dol, start)
        if known_s <= 0:
            raise UserError(
                f"load: segment {number} ({segment} until {segment.until}) starts at a mean DOL of "
                f"{dol:.4f}, which the current leads away from; correct its mean_dol"
            )
        before, dol = dol, dol + rate * known_s / HOUR_S * (1 - start)
        if low - 1e-9 <= dol <= high + 1e-9:
            continue
        most = abs((high if rate > 0 else low) - before) / (1 - start)
        frames = f" ({1 + int(most * HOUR_S / FRAME_SECONDS_AT_1C)} of the paper's frames)"
        raise UserError(
            f"load: segment {number} ({segment} until {segment.until}) ends at a mean DOL of {dol:.3f}, but "
            f"the open-circuit potential was fitted for {low:g} to {high:g}; end it after a charge of "
            f"{most:.3g} at most{frames if load.is_constant_current else ''}, or limit its voltage"
        )
