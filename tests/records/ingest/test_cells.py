"""Cells to voxels: every centre is found in its cell, and no volume is lost in splitting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from tfmsnet.errors import UserError
from tfmsnet.records.ingest import VoxelGrid
from tfmsnet.records.ingest import voxelisation as cells_module
from tfmsnet.records.ingest.voxelisation import Cells, locate, split_cells

# Corners of a cell that fills a unit cube, or a part of it, in VTK's order.
CUBE = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float
)
WEDGE = CUBE[[0, 1, 3, 4, 5, 7]]
PYRAMID = np.concatenate([CUBE[:4], [[0.5, 0.5, 1]]])
TETRA = CUBE[[0, 1, 3, 4]]
_OUTLINE = np.array([[0, 0], [0.5, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 0.5]])


def prism(outline):
    return np.concatenate([np.column_stack([outline, np.full(len(outline), z)]) for z in (0, 1)])


_HEXAGONAL, _PENTAGONAL = prism(_OUTLINE), prism(_OUTLINE[:-1])


@pytest.mark.parametrize(
    ("kind", "points", "volume"),
    [
        (12, CUBE, 1),
        (11, CUBE[[0, 1, 3, 2, 4, 5, 7, 6]], 1),
        (13, WEDGE, 1 / 2),
        (14, PYRAMID, 1 / 3),
        (10, TETRA, 1 / 6),
        (15, _PENTAGONAL, 5 / 8),
        (16, _HEXAGONAL, 3 / 4),
    ],
)
def test_a_cell_is_its_tetrahedra(kind, points, volume):
    nodes = [0, 1, 2, *range(len(points))]
    corners, owner = split_cells(Cells(np.array([5, kind]), np.array([0, 3, len(nodes)]), np.array(nodes)))
    edges = points[corners][:, 1:] - points[corners][:, :1]
    assert np.abs(np.linalg.det(edges)).sum() / 6 == pytest.approx(volume)
    assert set(owner) == {1}
    # They don't overlap: as many voxel centres as volume.
    grid = VoxelGrid((0.0, 0.0, 0.0), (30, 30, 30), 1 / 30)
    assert (locate(points, corners, grid) >= 0).mean() == pytest.approx(volume, abs=0.03)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(5, 30), most=st.sampled_from([1, 50, 10**6]))
def test_centres_are_found_where_scipy_finds_them(seed, count, most):
    points = np.random.default_rng(seed).uniform(0, 8, (count, 3))
    mesh, grid = Delaunay(points), VoxelGrid((0.0, 0.0, 0.0), (8, 9, 10), 0.8)
    expected = mesh.find_simplex(grid.centres_m(np.ones(grid.shape, bool))).reshape(grid.shape)
    cells_module._CANDIDATES, kept = most, cells_module._CANDIDATES
    try:
        found = locate(points, mesh.simplices, grid)
    finally:
        cells_module._CANDIDATES = kept
    np.testing.assert_array_equal(found, expected)


def test_a_flat_tetrahedron_holds_nothing():
    points = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [4, 4, 0]], float)
    assert (locate(points, np.array([[0, 1, 2, 3]]), VoxelGrid((0.0, 0.0, -0.5), (4, 4, 1), 1.0)) == -1).all()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (42, r"1 are polyhedra \(42\) of VTK; expected tetra"),
        (60, "1 are cells of kind 60 of VTK"),
        (5, "none has a volume"),
        (10, "kind 10 of VTK needs 4 nodes, some have less"),
    ],
)
def test_cells_without_tetrahedra_are_refused(kind, message):
    with pytest.raises(UserError, match=message):
        split_cells(Cells(np.array([kind]), np.array([0, 3]), np.arange(3)))


def test_a_grid_is_the_voxels_that_fit():
    grid = VoxelGrid.over((1e-6, 0, 0), (6.2e-6, 3e-6, 1e-6 * (1 + 1e-7)), 0.5e-6)
    assert grid.shape == (10, 6, 2)
    np.testing.assert_allclose(grid.centres_m(np.ones(grid.shape, bool))[0], [1.25e-6, 0.25e-6, 0.25e-6])
    with pytest.raises(UserError, match="check the unit"):
        VoxelGrid.over((0, 0, 0), (10, 10, 8), 0.5e-6)
    with pytest.raises(UserError, match="check the unit"):
        VoxelGrid.over((0, 0, 0), (1e-7, 1e-7, 1e-7), 0.5e-6)
