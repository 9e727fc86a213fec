"""Functions of materials: NumPy, numba and TensorFlow agree; tables keep their points, shape and ends."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from tfmsnet.errors import UserError
from tfmsnet.materials import Function, Parameters, Table
from tfmsnet.materials.compiled import value_and_slope_at
from tfmsnet.references.materials import Materials

ALL_PARTS = Function(
    (1.0, -0.5, 2.0),
    tanh=((0.3, 8.0, 0.4),),
    exponential=((0.2, -30.0, 0.0),),
    table=Table((0.0, 0.3, 0.35, 1.0), (1.0, 0.9, 0.2, 0.1)),
)
finite = st.floats(-10, 10, allow_nan=False)
terms = st.lists(st.tuples(finite, finite, st.floats(0, 1)), max_size=3).map(tuple)
tables = st.lists(
    st.tuples(st.floats(0, 1), finite), min_size=2, max_size=8, unique_by=lambda p: round(p[0], 3)
).map(lambda points: Table(*zip(*sorted(points), strict=True)))
functions = st.builds(
    Function, st.lists(finite, min_size=1, max_size=4).map(tuple), terms, terms, st.none() | tables
)


@given(functions, st.lists(st.floats(-0.2, 1.2), min_size=1, max_size=5))
def test_numpy_numba_and_json_agree(function, places):
    found = [value_and_slope_at(function.flat, x) for x in places]
    np.testing.assert_allclose(function(places), [value for value, _ in found], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(function.slope(places), [slope for _, slope in found], rtol=1e-9, atol=1e-6)
    assert Function.of(json.loads(json.dumps(function.as_json()))) == function


@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float32, 3e-6), (tf.float64, 1e-12)])
def test_tensorflow_agrees(dtype, tolerance):
    x = np.linspace(-0.1, 1.1, 240).reshape(3, -1)
    value, slope = Materials(
        Parameters(initial_dol=0.5, open_circuit_v=ALL_PARTS, ocp_dol_range=(0, 1))
    ).open_circuit(tf.constant(x, dtype))
    np.testing.assert_allclose(value, ALL_PARTS(x), rtol=0, atol=tolerance)
    np.testing.assert_allclose(slope, ALL_PARTS.slope(x), rtol=0, atol=100 * tolerance)


@given(functions, functions, finite)
def test_sums_and_multiples_are_exact(one, other, factor):
    x = np.linspace(-0.1, 1.1, 50)
    scale = 1 + np.abs(one(x)).max() + np.abs(other(x)).max()
    np.testing.assert_allclose(
        one.plus(other.scaled(factor))(x), one(x) + factor * other(x), atol=1e-7 * scale
    )


def test_a_table_is_monotone_between_its_points_and_straight_beyond():
    x, y = (0.0, 0.1, 0.15, 0.6, 1.0), (3.6, 3.45, 3.43, 3.42, 2.5)
    table = Function(table=Table(x, y))
    inside = np.linspace(0, 1, 500)
    np.testing.assert_allclose(table(inside), PchipInterpolator(x, y)(inside), atol=1e-12)
    assert (np.diff(table(inside)) <= 0).all()
    beyond = np.array([1.0, 1.1, 1.3])
    np.testing.assert_allclose(np.diff(table(beyond)) / np.diff(beyond), table.slope(1.0))


def test_a_formula_is_sampled_to_the_accuracy_asked_for():
    def formula(x):
        return 3.4 - 0.02 * x + 0.5 * np.exp(-150 * x) - 0.9 * np.exp(-30 * (1 - x))

    for tolerance in (1e-4, 1e-6):
        table = Function.sampled(formula, 0.0, 1.0, tolerance)
        x = np.linspace(0, 1, 4001)
        assert np.abs(table(x) - formula(x)).max() < 2 * tolerance
        assert len(table.table.x) < 400


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"table": {"x": [0, 1], "y": [1]}}, "one y"),
        ({"table": {"x": [0, 0.5, 0.5], "y": [1, 2, 3]}}, r"rising x, found 0\.5 after 0\.5"),
        ({"table": {"x": [0, 1], "y": [1, math.nan]}}, "finite"),
        ({"table": {"x": [0.5], "y": [1]}}, "two points"),
        ({"table": [1, 2]}, "x and y"),
        ({"tanh": [[1, 2]]}, "three numbers"),
        ({"spline": [1]}, "spline"),
        ({}, "none of them"),
        ("x**2", "sequence of numbers"),
        (True, "sequence of numbers"),
        ([], "none of them"),
    ],
)
def test_what_is_no_function_is_refused(value, message):
    with pytest.raises(UserError, match=f"solid_diffusivity: .*{message}"):
        Parameters(solid_diffusivity=value)


def test_a_table_that_ends_within_the_range_of_use_is_refused():
    with pytest.raises(UserError, match=r"open_circuit_v: expected a table from 0\.424 to 0\.962"):
        Parameters(open_circuit_v={"table": {"x": [0.5, 1], "y": [4, 3]}})
