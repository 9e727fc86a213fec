import numpy as np
import pytest

from tfmsnet.electrode import AM, PhaseImage
from tfmsnet.halfcell import Parameters
from tfmsnet.halfcell.grid import build_grid


def ball(radius_voxels, offset=(0.0, 0.0, 0.0), voxel_size_m=0.5e-6):
    size = int(2 * radius_voxels) + 7
    axes = [np.arange(size) - size / 2 + 0.5 - shift for shift in offset]
    distance = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    return PhaseImage((distance < radius_voxels).astype(np.uint8), voxel_size_m)


def reacting_area(image):
    return build_grid(image, Parameters()).interface.area_m2.sum()


@pytest.mark.parametrize(("radius", "tolerance"), [(5, 0.01), (7.5, 0.005), (12, 0.005)])
def test_area_of_a_ball_is_that_of_the_smooth_ball_of_its_volume(radius, tolerance):
    image = ball(radius, (0.3, 0.1, -0.2))
    volume = (image.phase == AM).sum() * image.voxel_size_m**3
    sphere = (36 * np.pi * volume**2) ** (1 / 3)
    assert reacting_area(image) == pytest.approx(sphere, rel=tolerance)


@pytest.mark.parametrize("normal", [(1, 0, 0), (1, 1, 0), (1, 2, 2), (3, 1, 2)])
def test_area_of_a_tilted_plane_is_that_of_the_plane(normal):
    unit = np.array(normal) / np.linalg.norm(normal)
    size = 40
    axes = np.meshgrid(*[np.arange(size) - size / 2 + 0.5] * 3, indexing="ij")
    height = sum(n * axis for n, axis in zip(unit, axes, strict=True))
    # The area within a ball around the centre, away from the walls.
    near = np.sqrt(sum(axis**2 for axis in axes)) < 14
    grid = build_grid(PhaseImage((height < 0.01).astype(np.uint8)), Parameters())
    inside = near.ravel()[grid.am_voxels[grid.interface.am]]
    area = grid.interface.area_m2[inside].sum() / grid.voxel_face_m2
    assert area == pytest.approx(np.pi * 14**2, rel=0.03)


def test_walls_do_not_react_but_the_separator_does():
    slab = np.ones((6, 6, 10), np.uint8)
    slab[0, 0, 0] = 0  # a pore on the foil, closed off
    grid = build_grid(PhaseImage(slab), Parameters())
    assert len(grid.interface.am) == 36
    assert grid.interface.area_m2.sum() == pytest.approx(36 * grid.voxel_face_m2, rel=1e-3)


def test_splitting_voxels_keeps_about_the_area(electrode):
    """Half of the staircase's steps are now taken for the surface's."""
    halves = electrode.phase.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    split = PhaseImage(halves, electrode.voxel_size_m / 2)
    assert reacting_area(split) == pytest.approx(reacting_area(electrode), rel=0.06)


def test_every_face_joins_am_with_what_holds_electrolyte(electrode):
    grid = build_grid(electrode, Parameters())
    assert (electrode.phase.ravel()[grid.am_voxels[grid.interface.am]] == AM).all()
    assert (grid.am_voxels[grid.interface.am] == grid.solid_voxels[grid.interface.solid]).all()
    assert (grid.interface.area_m2 > 0).all()
    assert (grid.interface.area_m2 <= 2 * grid.voxel_face_m2 * (1 + 1e-6)).all()
