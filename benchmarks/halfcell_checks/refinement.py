"""The same discharge with shorter time steps, or on smaller voxels."""

import itertools

import numpy as np

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.cell import Cell
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.simulate import one_c_current_a
from tfmsnet.halfcell.stepping import walk
from tfmsnet.load import FRAME_SECONDS_AT_1C


def with_shorter_steps(
    image: PhaseImage, c_rate: float, frames: int, split: int
) -> tuple[np.ndarray, np.ndarray]:
    """Discharge with steps `split` times shorter than usual, the start-up's included.

    Returns:
        (frames,) voltage in V, and (frames, AM cells) degree of lithiation.
    """
    grid, parameters = build_grid(image, Parameters()), Parameters()
    step_s = FRAME_SECONDS_AT_1C / c_rate / split
    cell = Cell(grid, parameters, c_rate * one_c_current_a(grid.am_volume_m3, parameters), step_s)
    states = (state for state, ends_step in walk(cell, step_s) if ends_step)
    kept = list(itertools.islice(states, 0, (frames - 1) * split + 1, split))
    lithium = np.array([state.lithium for state in kept])
    return np.array([state.voltage_v for state in kept]), lithium / parameters.c_max_mol_m3


def with_split_voxels(image: PhaseImage, parts: int) -> PhaseImage:
    """The same electrode on voxels of 1 / `parts` of the edge."""
    phase = image.phase
    for axis in range(3):
        phase = phase.repeat(parts, axis)
    return PhaseImage(phase, image.voxel_size_m / parts, calendering_percent=image.calendering_percent)
