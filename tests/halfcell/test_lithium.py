import numpy as np
import pytest
from scipy.optimize import brentq

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.lithium import Lithium
from tfmsnet.halfcell.parameters import FARADAY_C_MOL

DIFFUSIVITY = 1e-14
FLUX = 1e-6  # mol/m2/s


def series(radius_ratio, fourier):
    """(c - c0) D / (j R) under a constant flux j (Crank, The Mathematics of Diffusion, Eq. 6.45)."""
    total = 3 * fourier + radius_ratio**2 / 2 - 0.3
    for n in range(1, 60):
        root = brentq(lambda x: np.sin(x) - x * np.cos(x), n * np.pi, (n + 0.5) * np.pi)
        decay = np.exp(-(root**2) * fourier)
        total = total - 2 * np.sinc(root * radius_ratio / np.pi) / (root * np.sin(root)) * decay
    return total


def error_in_a_sphere(radius_voxels, steps=40, fourier=0.1, voxel_size_m=0.5e-6):
    """Relative L2 error of what a constant flux puts into a voxel sphere, against the series."""
    size = int(2 * radius_voxels) + 5
    axes = [np.arange(size) - size / 2 + 0.5 - shift for shift in (0.3, 0.1, -0.2)]
    distance = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    image = PhaseImage((distance < radius_voxels).astype(np.uint8), voxel_size_m)
    parameters = Parameters(solid_diffusivity=(DIFFUSIVITY,), c_max_mol_m3=1e6)
    grid = build_grid(image, parameters)
    lithium = Lithium(grid, parameters)
    # The smooth sphere of the same volume.
    radius = (3 * grid.am_volume_m3 / (4 * np.pi)) ** (1 / 3)
    step_s = fourier * radius**2 / DIFFUSIVITY / steps
    current = np.full(len(grid.interface.am), -FARADAY_C_MOL * FLUX)
    before = now = np.full(lithium.cells, 1e5)
    for number in range(steps):
        weight = (1.5 if number else 1) / step_s
        history = ((2 * now - 0.5 * before) if number else now) / step_s
        lithium.prepare(now, weight)
        before, now = now, lithium.solve(history, current, now)
    ratio = distance.ravel()[grid.am_voxels] * voxel_size_m / radius
    expected = series(ratio, fourier) * FLUX * radius / DIFFUSIVITY
    return np.linalg.norm(now - 1e5 - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("radius", [7, 10])
def test_sphere_of_few_voxels_agrees_with_the_series(radius):
    assert error_in_a_sphere(radius) < 0.015


@pytest.mark.slow
def test_sphere_of_many_voxels_agrees_with_the_series():
    assert error_in_a_sphere(30) < 0.005


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
