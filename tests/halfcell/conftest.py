"""A small electrode and its discharges, computed once."""

import numpy as np
import pytest

from tfmsnet.electrode import AM, CBD, PhaseImage
from tfmsnet.halfcell import simulate


def sphere_packing(size=(16, 16, 24), voxel_size_m=0.5e-6, seed=3):
    """Overlapping AM spheres, all wired through a CBD film on them and a CBD layer on the foil."""
    rng = np.random.default_rng(seed)
    positions = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in size), indexing="ij"), axis=-1)
    gap = np.full(size, np.inf)
    for _ in range(size[0] * size[1] * size[2] // 260):
        centre, radius = rng.uniform(0, size), rng.uniform(2.5, 4.5)
        gap = np.minimum(gap, np.linalg.norm(positions - centre, axis=-1) - radius)
    phase = np.zeros(size, np.uint8)
    phase[gap < 1.2] = CBD
    phase[:, :, 0] = CBD
    # Pores through the film, so that AM meets both CBD and electrolyte.
    phase[(phase == CBD) & (rng.random(size) < 0.35)] = 0
    phase[:, :, 0] = CBD
    phase[gap < 0] = AM
    phase[:, :, -1] = np.where(phase[:, :, -1] == AM, AM, 0)
    from tfmsnet.electrode import remove_islands

    return remove_islands(PhaseImage(phase, voxel_size_m))[0]


@pytest.fixture(scope="session")
def electrode():
    """A three-phase image of 16 x 16 x 24 voxels."""
    return sphere_packing()


@pytest.fixture(scope="session")
def discharges(electrode):
    """Discharges of the electrode at 0.5C, 1C and 2C."""
    return {c_rate: simulate(electrode, c_rate) for c_rate in (0.5, 1.0, 2.0)}
