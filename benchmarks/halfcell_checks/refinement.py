"""The same discharge with shorter time steps, or on smaller voxels."""

import numpy as np

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import Parameters, one_c_a_m2
from tfmsnet.halfcell.cell import Cell
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.stepping import walk
from tfmsnet.load import FRAME_SECONDS_AT_1C, Load, constant_current


def with_shorter_steps(image: PhaseImage, load: Load | float, split: int) -> tuple[np.ndarray, np.ndarray]:
    """A discharge with steps `split` times shorter than usual, the start-up's included.

    Returns:
        (frames,) voltage in V, and (frames, AM cells) degree of lithiation.
    """
    parameters = Parameters()
    load = load if isinstance(load, Load) else constant_current(load)
    cell = Cell(build_grid(image, parameters), parameters, FRAME_SECONDS_AT_1C / split)
    moments = walk(cell, load, one_c_a_m2(image, parameters), split)
    kept = [moment.state for moment in moments if moment.frame]
    lithium = np.array([state.lithium for state in kept])
    return np.array([state.voltage_v for state in kept]), lithium / parameters.c_max_mol_m3


def with_split_voxels(image: PhaseImage, parts: int) -> PhaseImage:
    """The same electrode on voxels of 1 / `parts` of the edge."""
    phase = image.phase
    for axis in range(3):
        phase = phase.repeat(parts, axis)
    return PhaseImage(phase, image.voxel_size_m / parts, calendering_percent=image.calendering_percent)
