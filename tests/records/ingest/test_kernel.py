"""The Gaussian kernel: its own error bound, exactness, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.records.ingest import GaussianKernel, interpolate
from tfmsnet.records.ingest import voxelisation as kernel_module
from tfmsnet.records.ingest.voxelisation import moments


def scattered(seed, nodes=400, targets=50, edge=3.0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, edge, (nodes, 3)), rng.uniform(0.3, edge - 0.3, (targets, 3))


def by_hand(nodes, values, target, kernel):
    """One target, as the formula says."""
    distance = np.linalg.norm(nodes - target, axis=1)
    near = distance <= kernel.radius_m
    weight = np.exp(-((kernel.sharpness * distance[near] / kernel.radius_m) ** 2))
    return (weight / weight.sum()) @ values[near], weight / weight.sum(), nodes[near] - target


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    radius=st.floats(0.7, 1.5),
    sharpness=st.floats(0.2, 6),
    wave=st.tuples(*[st.floats(-2, 2)] * 3),
)
def test_the_error_stays_within_the_bound_of_the_kernel(seed, radius, sharpness, wave):
    nodes, targets = scattered(seed)
    kernel, wave = GaussianKernel(radius, sharpness), np.array(wave)
    values = np.sin(nodes @ wave)
    found = interpolate(nodes, values[:, None], targets, kernel)[0]
    first, second = moments(nodes, targets, kernel)
    slope = np.cos(targets @ wave)[:, None] * wave
    error = np.abs(found - np.sin(targets @ wave))
    assert (error <= np.abs((slope * first).sum(1)) + wave @ wave * second / 2 + 1e-6).all()
    assert (error <= radius * np.linalg.norm(slope, axis=1) + radius**2 * (wave @ wave) / 2 + 1e-6).all()
    value, weight, offset = by_hand(nodes, values, targets[0], kernel)
    np.testing.assert_allclose(found[0], value, atol=1e-6)
    np.testing.assert_allclose(first[0], weight @ offset, atol=1e-9)
    np.testing.assert_allclose(second[0], weight @ (offset**2).sum(1), rtol=1e-9, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), sharpness=st.floats(0.1, 1e3))
def test_what_is_interpolated_lies_between_the_nodes_and_a_constant_stays(seed, sharpness):
    nodes, targets = scattered(seed)
    values = np.random.default_rng(seed).normal(size=(len(nodes), 3))
    values[:, 2] = 3.75
    found = interpolate(nodes, values, targets, GaussianKernel(1.0, sharpness))
    assert (values.min(0) - 1e-6 <= found.T).all()
    assert (values.max(0) + 1e-6 >= found.T).all()
    np.testing.assert_allclose(found[2], 3.75, rtol=1e-6)


def test_a_linear_field_is_off_by_slope_and_first_moment_alone():
    nodes, targets = scattered(1)
    kernel, slope = GaussianKernel(1.0), np.array([2.0, -1.0, 0.5])
    found = interpolate(nodes, (nodes @ slope)[:, None], targets, kernel)[0]
    np.testing.assert_allclose(found - targets @ slope, moments(nodes, targets, kernel)[0] @ slope, atol=1e-6)


def test_the_error_falls_with_the_square_of_the_radius_on_a_lattice():
    errors = []
    for step in (0.2, 0.1):
        axis = np.arange(-1, 1 + step / 2, step)
        nodes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        target = np.full((1, 3), step / 2)  # amid nodes: the first moment is 0
        found = interpolate(nodes, np.sin(2 * nodes[:, :1]), target, GaussianKernel(2 * step))
        errors.append(abs(found[0, 0] / np.sin(2 * target[0, 0]) - 1))
    assert errors[1] == pytest.approx(errors[0] / 4, rel=0.1)


def test_a_target_on_a_node_has_its_value():
    nodes, _ = scattered(2)
    values = np.arange(len(nodes), dtype=float)[:, None]
    np.testing.assert_array_equal(interpolate(nodes, values, nodes, GaussianKernel(1.0))[0], values[:, 0])


def test_pieces_change_nothing(monkeypatch):
    nodes, targets = scattered(3)
    values = np.random.default_rng(3).normal(size=(len(nodes), 2))
    whole = interpolate(nodes, values, targets, GaussianKernel(1.0))
    monkeypatch.setattr(kernel_module, "_PAIRS", 60)
    told = []
    pieces = interpolate(nodes, values, targets, GaussianKernel(1.0), progress=told.append)
    np.testing.assert_array_equal(pieces, whole)
    assert len(told) > 10
    assert told[-1] == 1


def test_voxels_out_of_reach_are_counted_and_placed_or_filled():
    nodes = np.array([[0.0, 0, 0], [1e-6, 0, 0]])
    targets = np.array([[0.1e-6, 0, 0], [4e-6, 0, 0], [9e-6, 0, 0]])
    values, kernel = np.array([[1.0], [2.0]]), GaussianKernel(0.5e-6)
    with pytest.raises(
        UserError, match=r"c: 2 of 3 voxels .* 0\.5 um, .* \(4, 0, 0\), \(9, 0, 0\) um.* 8 um; give"
    ):
        interpolate(nodes, values, targets, kernel, what="c")
    np.testing.assert_array_equal(interpolate(nodes, values, targets, kernel, fill="nearest")[0], [1, 2, 2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaussianKernel(radius_m=0.0), "radius_m: expected a number above 0"),
        (lambda: GaussianKernel(sharpness=float("nan")), "sharpness: expected a number above 0"),
        (
            lambda: interpolate(np.zeros((0, 3)), np.zeros((0, 1)), np.zeros((1, 3)), GaussianKernel()),
            "no nodes",
        ),
        (
            lambda: interpolate(
                np.zeros((1, 3)), np.zeros((1, 1)), np.zeros((1, 3)), GaussianKernel(), fill="0"
            ),
            "fill: expected one of error, nearest",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_vtk_gives_the_same():
    """ParaView's interpolator itself, where it is installed."""
    vtk = pytest.importorskip("vtk")
    support = pytest.importorskip("vtk.util.numpy_support")
    nodes, targets = scattered(4)
    values = np.sin(nodes[:, 0])

    def cloud(places):
        points, data = vtk.vtkPoints(), vtk.vtkPolyData()
        points.SetData(support.numpy_to_vtk(np.ascontiguousarray(places), deep=1))
        data.SetPoints(points)
        return data

    source, kernel, probe = cloud(nodes), vtk.vtkGaussianKernel(), vtk.vtkPointInterpolator()
    array = support.numpy_to_vtk(values, deep=1)
    array.SetName("u")
    source.GetPointData().AddArray(array)
    kernel.SetRadius(0.8)
    kernel.SetSharpness(2.5)
    kernel.SetKernelFootprintToRadius()
    probe.SetInputData(cloud(targets))
    probe.SetSourceData(source)
    probe.SetKernel(kernel)
    probe.Update()
    expected = support.vtk_to_numpy(probe.GetOutput().GetPointData().GetArray("u"))
    found = interpolate(nodes, values[:, None], targets, GaussianKernel(0.8, 2.5))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
