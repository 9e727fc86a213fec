import dataclasses

import numpy as np
import pytest

from halfcell_checks.refinement import with_shorter_steps
from tfmsnet.halfcell import DischargeFailed, Parameters
from tfmsnet.halfcell.cell import State
from tfmsnet.halfcell.failure import NotConverged
from tfmsnet.halfcell.stepping import walk
from tfmsnet.load import constant_current


class ScriptedCell:
    """Solves steps up to a length that depends on time; remembers what was asked."""

    parameters = Parameters()
    one_c_a = 1.0

    def __init__(self, longest_s, headroom=100.0):
        self.longest_s, self._headroom, self.asked = longest_s, headroom, []

    def at_rest(self):
        return State(0.0, np.full(3, 25000.0), *(np.zeros(1),) * 4)

    def step(self, now, before, step_s, control):
        self.asked.append((now.time_s, step_s))
        if step_s > self.longest_s(now.time_s):
            raise NotConverged("scripted", 1.0)
        return dataclasses.replace(now, time_s=now.time_s + step_s)

    def mean_dol(self, state):
        return 0.5

    def headroom(self, state, current_a):
        return self._headroom


def frame_times(cell, frames):
    return [moment.state.time_s for moment in walk(cell, constant_current(1.0, frames), 1.0) if moment.frame]


def test_four_start_up_steps_then_one_a_frame():
    cell = ScriptedCell(lambda time: 1e9)
    assert frame_times(cell, 4) == pytest.approx([0, 100, 200, 300])
    assert [step for _, step in cell.asked] == pytest.approx([5, 15, 30, 50, 100, 100])


def test_rejected_steps_are_halved_and_frames_stay_in_place():
    cell = ScriptedCell(lambda time: 30.0 if 200 <= time < 260 else 1e9)
    assert frame_times(cell, 6) == pytest.approx([0, 100, 200, 300, 400, 500])
    steps = [step for time, step in cell.asked if time >= 200]
    assert steps[:3] == [100, 50, 25]
    # Steps grow by no more than a factor of two, so that BDF2 stays stable.
    taken = np.diff([time for time, _ in cell.asked if time >= 200])
    taken = taken[taken > 0]
    assert (taken[1:] <= 2 * taken[:-1] * (1 + 1e-9)).all()


def test_a_step_that_never_converges_ends_with_what_to_try():
    cell = ScriptedCell(lambda time: 1e9 if time < 250 else 0)
    with pytest.raises(DischargeFailed, match=r"t = 300 s .* step of .* scripted: 1; try"):
        frame_times(cell, 9)


def test_saturation_is_named():
    cell = ScriptedCell(lambda time: 1e9 if time < 250 else 0, headroom=1.001)
    with pytest.raises(DischargeFailed, match="full"):
        frame_times(cell, 9)


@pytest.mark.parametrize("c_rate", [1.0, 2.0])
def test_halving_the_time_step_changes_little(electrode, c_rate):
    (voltage, dol), (finer_voltage, finer_dol) = (
        with_shorter_steps(electrode, constant_current(c_rate, 8), split) for split in (1, 2)
    )
    assert np.abs(voltage - finer_voltage).max() < 1e-3
    assert np.abs(dol - finer_dol).max() < 1e-3
