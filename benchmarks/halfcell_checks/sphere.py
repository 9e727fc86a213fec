"""Diffusion into a sphere of voxels, against the analytic series."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from tfmsnet.electrode import PhaseImage
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.halfcell.lithium import Lithium
from tfmsnet.materials.parameters import FARADAY_C_MOL

_DIFFUSIVITY = 1e-14
# mol/m2/s: fills a few percent of c_max, so that what a step is solved to (1e-7 of it) doesn't show.
_FLUX = 1e-4
_START = 1e5
_TERMS = 60


@dataclass(frozen=True)
class Profile:
    """Concentration in a sphere after a time of constant flux.

    Attributes:
        ratio: (cells,) distance from the middle over the radius; a voxel's centre may lie a little above 1.
        computed, expected: (cells,) (c - c0) D / (flux x radius).
        area_error: of the reacting area, relative to the smooth sphere's.
    """

    ratio: np.ndarray
    computed: np.ndarray
    expected: np.ndarray
    area_error: float

    @property
    def error(self) -> float:
        """Relative, in the L2 norm."""
        return float(np.linalg.norm(self.computed - self.expected) / np.linalg.norm(self.expected))


def series(ratio: np.ndarray, fourier: float) -> np.ndarray:
    """(c - c0) D / (j R) under a constant flux j (Crank, The Mathematics of Diffusion, Eq. 6.45)."""
    total = 3 * fourier + ratio**2 / 2 - 0.3
    for n in range(1, _TERMS):
        root = brentq(lambda x: np.sin(x) - x * np.cos(x), n * np.pi, (n + 0.5) * np.pi)
        decay = np.exp(-(root**2) * fourier)
        total = total - 2 * np.sinc(root * ratio / np.pi) / (root * np.sin(root)) * decay
    return total


def fill_sphere(
    radius_voxels: float, steps: int = 40, fourier: float = 0.1, voxel_size_m: float = 0.5e-6
) -> Profile:
    """Let a constant flux into a sphere of voxels, off the grid's centre, by the half-cell's own solver.

    Args:
        radius_voxels: of the sphere.
        steps: of time.
        fourier: D t / radius^2 at the end.
        voxel_size_m: edge of a voxel.
    """
    size = int(2 * radius_voxels) + 5
    axes = [np.arange(size) - size / 2 + 0.5 - shift for shift in (0.3, 0.1, -0.2)]
    distance = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    image = PhaseImage((distance < radius_voxels).astype(np.uint8), voxel_size_m)
    parameters = Parameters(solid_diffusivity=(_DIFFUSIVITY,), c_max_mol_m3=1e6)
    grid = build_grid(image, parameters)
    lithium = Lithium(grid, parameters)
    # The smooth sphere of the same volume.
    radius_m = (3 * grid.am_volume_m3 / (4 * np.pi)) ** (1 / 3)
    step_s = fourier * radius_m**2 / _DIFFUSIVITY / steps
    current = np.full(len(grid.interface.am), -FARADAY_C_MOL * _FLUX)
    before = now = np.full(lithium.cells, _START)
    for number in range(steps):
        weight = (1.5 if number else 1) / step_s
        history = ((2 * now - 0.5 * before) if number else now) / step_s
        lithium.prepare(now, weight)
        before, now = now, lithium.solve(history, current, now)
    ratio = distance.ravel()[grid.am_voxels] * voxel_size_m / radius_m
    scale = _FLUX * radius_m / _DIFFUSIVITY
    area_error = abs(float(grid.interface.area_m2.sum()) / (4 * np.pi * radius_m**2) - 1)
    return Profile(ratio, (now - _START) / scale, series(ratio, fourier), area_error)
