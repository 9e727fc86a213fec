import numpy as np
import pytest

from halfcell_checks.sphere import fill_sphere
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.lithium import Lithium
from tfmsnet.materials.parameters import FARADAY_C_MOL


@pytest.mark.parametrize("radius", [7, 10])
def test_sphere_of_few_voxels_agrees_with_the_series(radius):
    assert fill_sphere(radius).error < 0.015


@pytest.mark.slow
def test_sphere_of_many_voxels_agrees_with_the_series():
    assert fill_sphere(30).error < 0.005


@pytest.fixture
def lithium(electrode):
    return Lithium(build_grid(electrode, Parameters()), Parameters())


def test_flux_in_is_lithium_gained(lithium, electrode):
    grid = build_grid(electrode, Parameters())
    start = np.random.default_rng(0).uniform(2e4, 3e4, lithium.cells)
    current = np.random.default_rng(1).normal(size=len(grid.interface.am))
    lithium.prepare(start, 1 / 50.0)
    end = lithium.solve(start / 50.0, current, start)
    gained = -(grid.interface.area_m2 @ current) * 50.0 / FARADAY_C_MOL
    assert lithium.amount(end - start) == pytest.approx(gained, rel=1e-9)


def test_diffusion_alone_evens_out_within_each_particle(lithium):
    start = np.random.default_rng(0).uniform(2e4, 3e4, lithium.cells)
    lithium.prepare(start, 1e-7)
    end = lithium.solve(1e-7 * start, np.zeros(len(lithium._interface.am)), start)
    assert end.min() >= start.min() - 1
    assert end.max() <= start.max() + 1
    assert end.std() < 0.2 * start.std()


def test_answer_to_a_reaction_solves_the_coupled_equations(lithium):
    faces = len(lithium._interface.am)
    forcing, sensitivity = np.full(faces, 1.0), np.full(faces, 1e-3)
    start = np.full(lithium.cells, 2.5e4)
    lithium.prepare(start, 1 / 50.0)
    answer = lithium.react(forcing, sensitivity, np.zeros(lithium.cells))
    current = forcing + sensitivity * answer[lithium._interface.am]
    # The same, as a step under the current that results.
    again = lithium.solve(np.zeros(lithium.cells), current, answer)
    assert np.abs(again - answer).max() < 0.01 * np.abs(answer).max()
