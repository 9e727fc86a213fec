"""The walk through time, from frame to frame."""

from collections.abc import Iterator

from tfmsnet.halfcell.cell import Cell, State
from tfmsnet.halfcell.failure import DischargeFailed, NotConverged, Saturated

# The first frame's steps, as shares of it: the potentials jump and the salt profile builds up.
_START_UP = (0.05, 0.15, 0.3, 0.5)
# BDF2 is stable up to 2.4.
_LARGEST_GROWTH = 2.0
# Shortest step, as a share of a frame.
_SHORTEST = 1 / 512
# So close to the largest current that diffusion carries, a step without a solution is the end.
_SATURATED = 1.01


def walk(cell: Cell, frame_s: float) -> Iterator[tuple[State, bool]]:
    """All states of a discharge, each with whether it ends a frame; endless.

    Steps go from frame to frame.  One that isn't solved is halved; the next ones grow back.

    Args:
        cell: what to discharge.
        frame_s: time between frames.

    Raises:
        Saturated: the surface of the AM is full (in a charge: empty), so that the current can't be carried
        on. DischargeFailed: the shortest step wasn't solved.
    """
    before, now = None, cell.at_rest()
    yield now, True
    frame, planned, longest_s = 1, [share * frame_s for share in _START_UP], frame_s
    while True:
        left_s = frame * frame_s - now.time_s
        step_s = min(planned[0] if planned else left_s, longest_s, left_s)
        # Rather two equal steps than a tiny last one.
        if step_s < left_s < 1.5 * step_s:
            step_s = left_s / 2
        try:
            new = cell.step(now, before, step_s)
        except NotConverged as error:
            planned, longest_s = [], step_s / 2
            if longest_s < _SHORTEST * frame_s:
                raise _failure(cell, now, step_s, error) from None
            continue
        planned = planned[1:]
        longest_s = frame_s if planned else _LARGEST_GROWTH * step_s
        ends_frame = step_s > left_s * (1 - 1e-9)
        frame += ends_frame
        before, now = now, new
        yield now, ends_frame


def _failure(cell: Cell, now: State, step_s: float, error: NotConverged) -> DischargeFailed:
    dol = now.lithium.mean() / cell.parameters.c_max_mol_m3
    where = f"at t = {now.time_s:.6g} s (mean DOL {dol:.4f}, voltage {now.voltage_v:.3f} V)"
    if cell.headroom(now) < _SATURATED:
        return Saturated(
            f"{where} the AM's surface is {'full' if cell.current_a > 0 else 'empty'}, and diffusion in the "
            "AM carries no larger current; ask for fewer frames, a lower C-rate, or give a cut-off voltage"
        )
    return DischargeFailed(
        f"{where} the next step of {step_s:.3g} s wasn't solved: {error}; try a lower C-rate or fewer "
        "frames, and check the image's wiring and the parameters"
    )
