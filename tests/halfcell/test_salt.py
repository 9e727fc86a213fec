import numpy as np
import pytest

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.control import Galvanostatic
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.potentials import Link, Potentials
from tfmsnet.halfcell.salt import Salt
from tfmsnet.materials.parameters import FARADAY_C_MOL

CONSTANT = Parameters(
    salt_conductivity=(1.0,),
    salt_diffusivity=(3e-10,),
    transference_number=(0.3,),
    thermodynamic_factor=(1.0,),
)


def slab(pores=10):
    phase = np.zeros((4, 4, pores + 4), np.uint8)
    phase[:, :, :4] = 1
    return PhaseImage(phase)


def test_steady_gradient_is_that_of_the_current():
    """N = -D_eff grad c + i t+ / F with N = i / F at the metal: D_eff |grad c| = i (1 - t+) / F."""
    grid = build_grid(slab(), CONSTANT)
    potentials, salt = Potentials(grid, CONSTANT), Salt(grid, CONSTANT, 1e-3)
    current = 1e-10
    faces = len(grid.interface.am)
    _, flows = potentials.solve(
        np.zeros(potentials.solids + potentials.liquids + 1),
        Link(np.full(faces, 100.0), np.full(faces, 4.0)),
        salt.initial(),
        np.zeros(16),
        Galvanostatic(current),
        1e-9,
        1e-9,
    )
    concentration = salt.initial()
    for _ in range(5):  # steps of 1000 s
        concentration = salt.solve(1e-3 * concentration, 1e-3, flows, concentration)
    density = current / (16 * grid.voxel_face_m2)
    gradient = density * (1 - 0.3) / (FARADAY_C_MOL * 3e-10)
    column = concentration[:10]
    np.testing.assert_allclose(np.diff(column) / 0.5e-6, gradient, rtol=1e-5)
    # Over the separator the gradient is steeper by its transport factor; to the centre of the last layer.
    length = CONSTANT.separator_thickness_m - grid.metal_depth_m
    across = concentration[15] - column[-1] - gradient * 0.25e-6
    assert across == pytest.approx(gradient / CONSTANT.separator_porosity**1.5 * length, rel=1e-5)
    assert salt.amount(concentration) == pytest.approx(salt.amount(salt.initial()), rel=1e-9)


def test_a_pulse_spreads_without_loss(electrode):
    grid = build_grid(electrode, CONSTANT)
    potentials, salt = Potentials(grid, CONSTANT), Salt(grid, CONSTANT, 1.0)
    faces = len(grid.interface.am)
    _, still = potentials.solve(
        np.zeros(potentials.solids + potentials.liquids + 1),
        Link(np.full(faces, 100.0), np.zeros(faces)),
        salt.initial(),
        np.zeros(len(grid.metal)),
        Galvanostatic(0.0),
        1e-12,
        np.inf,
    )
    start = salt.initial() + 100 * (np.arange(salt.cells) == salt.cells // 2)
    end = salt.solve(start * 10.0, 10.0, still, start)
    assert end.max() < start.max()
    assert end.min() >= 1000 - 1e-2
    assert salt.amount(end) == pytest.approx(salt.amount(start), rel=1e-12)
