"""From an electrode and a C-rate to a discharge."""

import math
from collections.abc import Callable
from numbers import Integral, Real

import numpy as np

from tfmsnet.electrode import PhaseImage, check_dischargeable
from tfmsnet.errors import UserError
from tfmsnet.halfcell.cell import Cell, State
from tfmsnet.halfcell.discharge import Balances, Discharge
from tfmsnet.halfcell.equilibrium import open_circuit_potential
from tfmsnet.halfcell.failure import Saturated
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.parameters import FARADAY_C_MOL, Parameters
from tfmsnet.halfcell.stepping import walk
from tfmsnet.load import FRAME_SECONDS_AT_1C, FRAMES, constant_current

_DEFAULT = Parameters()
_LARGEST_C_RATE = 1e3


def simulate(
    image: PhaseImage,
    c_rate: float,
    parameters: Parameters = _DEFAULT,
    *,
    frames: int = FRAMES,
    cutoff_voltage_v: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Discharge:
    """Discharge a half-cell at constant current, every voxel of its electrode resolved.

    The model is that of section 2 of doi:10.1016/j.ensm.2023.102927: diffusion of lithium in the AM, Ohm's
    law in AM and CBD, a concentrated electrolyte in pores, CBD and separator, Butler-Volmer kinetics at all
    of the AM's surface, lithium metal with a film behind the separator.  Frames are 100 s / |C-rate| apart,
    so that frame n stands at the same mean degree of lithiation (DOL) for every C-rate; frame 0 is the
    equilibrium.

    Args:
        image: the electrode; z = 0 on the collector.
        c_rate: 1/h; 1 would fill the AM from its initial DOL to 1 in an hour.  A negative one charges.
        parameters: the materials.
        frames: at most, frame 0 included.
        cutoff_voltage_v: ends at the last frame before the voltage falls (in a charge: rises) beyond this, V.
            With it, frames may reach beyond the DOL for which the open-circuit potential was fitted, where
            the fit is continued by its formula; without it they may not.
        progress: called with the fraction done, 0 to 1, at every time step.

    Returns:
        `frames` frames, fewer when the cut-off voltage came first.

    Raises:
        UserError: an image that can't be discharged, or an argument out of range.
        DischargeFailed: some time step has no solution, as when the surface saturates or the electrolyte is
            depleted before the last frame.
    """
    check_dischargeable(image)
    _check_load(c_rate, frames, cutoff_voltage_v)
    if cutoff_voltage_v is None:
        _check_dol(c_rate, frames, parameters)
    start_v = float(open_circuit_potential(parameters.initial_dol, parameters))
    if _beyond(start_v, c_rate, cutoff_voltage_v):
        raise UserError(
            f"cutoff_voltage_v: expected a voltage that comes after the {start_v:.3f} V of the start, got "
            f"{cutoff_voltage_v:g}; choose a {'lower' if c_rate > 0 else 'higher'} one"
        )
    recorder = _Recorder(image, c_rate, parameters, frames)
    try:
        for state, ends_frame in walk(recorder.cell, recorder.frame_s):
            if _beyond(state.voltage_v, c_rate, cutoff_voltage_v):
                break
            recorder.record(state, ends_frame)
            if progress:
                progress(min(state.time_s / recorder.end_s, 1.0))
            if recorder.frames == frames:
                break
    except Saturated:
        # The voltage collapses within a step too short to be taken: through any cut-off.
        if cutoff_voltage_v is None:
            raise
    if progress:
        progress(1.0)
    return recorder.result()


def _beyond(voltage_v: float, c_rate: float, cutoff_voltage_v: float | None) -> bool:
    return cutoff_voltage_v is not None and (voltage_v - cutoff_voltage_v) * c_rate < 0


def one_c_current_a(am_volume_m3: float, parameters: Parameters) -> float:
    """I_1C = F c_max (1 - x0) V_AM / 3600 s, A: fills the AM from its initial DOL to 1 in an hour."""
    vacancies = parameters.c_max_mol_m3 * (1 - parameters.initial_dol)
    return FARADAY_C_MOL * vacancies * am_volume_m3 / 3600


class _Recorder:
    """Collects the frames and balances of a discharge."""

    def __init__(self, image: PhaseImage, c_rate: float, parameters: Parameters, frames: int) -> None:
        self._image, self._parameters = image, parameters
        self._grid = build_grid(image, parameters)
        self._current_a = c_rate * one_c_current_a(self._grid.am_volume_m3, parameters)
        self._profile, self._times = constant_current(c_rate, frames)
        self.frame_s, self.end_s = float(self._times[1]), float(self._times[-1])
        self.cell = Cell(self._grid, parameters, self._current_a, self.frame_s)
        self._fields: list[tuple[np.ndarray, np.ndarray]] = []
        self._dol: list[float] = []
        self._voltage: list[float] = []
        self._balances: list[tuple[float, float, float, float]] = []

    @property
    def frames(self) -> int:
        """Frames recorded."""
        return len(self._fields)

    def record(self, state: State, ends_frame: bool) -> None:
        """Take in a time step."""
        if self.frames:
            self._balances.append(self._balance(state))
        else:
            self._start = state
        if ends_frame:
            solids = self.cell.potentials.solids
            self._fields.append(
                (state.lithium.astype(np.float32), state.potential[:solids].astype(np.float32))
            )
            self._dol.append(float(state.lithium.mean()) / self._parameters.c_max_mol_m3)
            self._voltage.append(state.voltage_v)

    def _balance(self, state: State) -> tuple[float, float, float, float]:
        passed = self._current_a * state.time_s / FARADAY_C_MOL
        gained = self.cell.lithium.amount(state.lithium - self._start.lithium)
        made = self.cell.salt.amount(state.salt - self._start.salt)
        return (
            state.time_s,
            state.imbalance,
            abs(gained / passed - 1),
            abs(made) / self.cell.salt.amount(self._start.salt),
        )

    def result(self) -> Discharge:
        """The discharge so far."""
        concentration, potential = (
            self._on_voxels(voxels, [fields[kind] for fields in self._fields])
            for kind, voxels in enumerate((self._grid.am_voxels, self._grid.solid_voxels))
        )
        balances = np.array(self._balances).reshape(-1, 4)
        return Discharge(
            image=self._image,
            parameters=self._parameters,
            c_rate_profile=self._profile[: self.frames],
            times_s=self._times[: self.frames],
            dol=np.array(self._dol),
            voltage_v=np.array(self._voltage),
            concentration=concentration,
            potential=potential,
            balances=Balances(*balances.T),
        )

    def _on_voxels(self, voxels: np.ndarray, fields: list[np.ndarray]) -> np.ndarray:
        image = np.zeros((len(fields), self._image.phase.size), np.float32)
        for frame, values in zip(image, fields, strict=True):
            frame[voxels] = values
        return image.reshape(-1, *self._image.shape)


def _check_load(c_rate: float, frames: int, cutoff_voltage_v: float | None) -> None:
    if isinstance(c_rate, bool) or not isinstance(c_rate, Real) or not 0 < abs(c_rate) <= _LARGEST_C_RATE:
        raise UserError(
            f"c_rate: expected a number of 1/h other than 0, up to {_LARGEST_C_RATE:g} (negative to charge), "
            f"got {c_rate!r}"
        )
    if isinstance(frames, bool) or not isinstance(frames, Integral) or frames < 2:
        raise UserError(f"frames: expected a whole number from 2 on, got {frames!r}")
    if cutoff_voltage_v is not None and not (
        isinstance(cutoff_voltage_v, Real) and math.isfinite(cutoff_voltage_v)
    ):
        raise UserError(f"cutoff_voltage_v: expected a voltage or None, got {cutoff_voltage_v!r}")


def _check_dol(c_rate: float, frames: int, parameters: Parameters) -> None:
    start, (low, high) = parameters.initial_dol, parameters.ocp_dol_range
    per_frame = math.copysign((1 - start) * FRAME_SECONDS_AT_1C / 3600, c_rate)
    last = start + (frames - 1) * per_frame
    if not low <= last <= high:
        most = 1 + int(((high if c_rate > 0 else low) - start) / per_frame)
        raise UserError(
            f"frames: {frames} frames end at a mean DOL of {last:.3f}, but the open-circuit potential was "
            f"fitted for {low:g} to {high:g}; ask for at most {most} frames, or give a cutoff_voltage_v"
        )
