"""The simulator against finite elements that follow the particles: another discretisation, and other code."""

import numpy as np
import pytest

from tfmsnet.electrode import AM
from tfmsnet.halfcell import Parameters, simulate
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.load import CRate, End, Every, Load

FRAME_S, FRAMES = 100.0, 4
VOXEL_UM = 0.25


def test_voltage_and_lithium_are_those_of_finite_elements(fem):
    """Two spheres that overlap, binder around their contact and on the foil, at 1C."""
    spheres = np.array([[1.2, 1.6, 2.2, 1.5], [2.6, 2.4, 4.2, 1.2]])
    geometry = fem.Geometry((4.0, 4.0, 6.0), spheres, np.array([[1.9, 2.0, 3.2, 0.9]]), 1.0, 25.0)
    parameters, seconds = Parameters(), FRAME_S * (FRAMES - 1)
    cell = fem.FiniteElements(geometry, 1.0, parameters)
    states = list(cell.walk([(1.0, seconds)], FRAME_S))

    image = geometry.image(VOXEL_UM)
    grid = build_grid(image, parameters)
    assert grid.am_volume_m3 == pytest.approx(cell.am_volume_m3, rel=5e-3)
    assert grid.interface.area_m2.sum() == pytest.approx(cell.area_m2, rel=3e-2)

    run = simulate(image, Load((CRate(1.0, End(time_s=seconds)),), Every(FRAME_S)), parameters)
    np.testing.assert_allclose(run.voltage_v, [state.voltage_v for state in states], atol=1e-3)
    edges_m = np.arange(7) * 1e-6
    layer = np.digitize((np.arange(image.shape[2]) + 0.5) * image.voxel_size_m, edges_m) - 1
    dol = run.concentration / parameters.c_max_mol_m3
    for frame, state in zip(dol, states, strict=True):
        means = [frame[..., layer == k][image.phase[..., layer == k] == AM].mean() for k in range(6)]
        np.testing.assert_allclose(means, cell.plane_means(state, edges_m), rtol=1e-3)
