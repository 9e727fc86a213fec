"""Graphs kept between processes: what they compute, and that no damage to them changes it."""

import os
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tfmsnet.electrode import Recipe, generate
from tfmsnet.materials import Parameters
from tfmsnet.references import make_reference
from tfmsnet.references.reduced import PorousElectrode
from tfmsnet.references.registry import REDUCED, register_reference
from tfmsnet.serving import kept_graph as module
from tfmsnet.serving.kept_graph import kept_graph
from tfmsnet.serving.reduced import _SPECIFICATION, ReducedModel

SIGNATURE = (
    tf.TensorSpec([None], tf.float64),
    {"add": tf.TensorSpec([], tf.float64), "times": tf.TensorSpec([], tf.int32)},
)


def made_of_all(values, options, scale=1.0):
    """A loop in a loop, a condition, a map, the same constants and the same sums again and again."""
    add, times = options["add"], options["times"]

    def step(number, state):
        inner = tf.while_loop(lambda k, _: k < 2, lambda k, x: (k + 1, x + add * 0.5), (0, state))[1]
        return number + 1, tf.cond(number % 2 > 0, lambda: inner * 0.5, lambda: inner + 0.5)

    end = tf.while_loop(lambda number, _: number < times, step, (0, values))[1]
    mapped = tf.map_fn(lambda value: value * 0.5 + 0.5, end)
    once, again = (tf.reshape(end * scale, [-1]) + add for _ in range(2))
    return {
        "end": end * scale,
        "mapped": mapped + 0.5,
        "count": tf.size(values) + 1 - 1,
        "once": once,
        "again": again,
    }


def asked(function, values=(1.0, 2.0, -3.0), add=0.25, times=5):
    options = {"add": tf.constant(add, tf.float64), "times": tf.constant(times)}
    return {name: value.numpy() for name, value in function(tf.constant(values, tf.float64), options).items()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFMSNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def untraceable(monkeypatch):
    """Whoever writes a graph now fails."""

    def refuse():
        def fail(*_):
            raise AssertionError("traced again")

        monkeypatch.setattr(module, "_written", fail)

    return refuse


@given(
    values=st.lists(st.floats(-1e3, 1e3), max_size=5),
    add=st.floats(-10, 10),
    times=st.integers(0, 7),
)
def test_it_computes_what_the_function_does(values, add, times, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFMSNET_CACHE", str(tmp_path_factory.getbasetemp() / "graphs"))
        kept = kept_graph(made_of_all, SIGNATURE, "any")
    found = asked(kept, values, add, times)
    for name, expected in asked(made_of_all, values, add, times).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-12, err_msg=name)


def test_it_is_written_once(cache, untraceable):
    written = asked(kept_graph(made_of_all, SIGNATURE, "any"))
    untraceable()
    assert same(asked(kept_graph(made_of_all, SIGNATURE, "any")), written)


def test_functions_of_one_name_live_side_by_side(cache):
    one = kept_graph(made_of_all, SIGNATURE, "one")
    other = kept_graph(lambda values, options: made_of_all(values, options, scale=2.0), SIGNATURE, "other")
    np.testing.assert_array_equal(asked(other)["end"], 2 * asked(one)["end"])
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("position", [0, 31, 32, 40, 0.5, -1])
def test_a_changed_byte_is_noticed(cache, position):
    expected = asked(kept_graph(made_of_all, SIGNATURE, "any"))
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    content = bytearray(whole)
    content[int(position * len(whole)) if isinstance(position, float) else position] ^= 4
    file.write_bytes(content)
    assert same(asked(kept_graph(made_of_all, SIGNATURE, "any")), expected)
    assert file.read_bytes() != bytes(content)


@pytest.mark.parametrize("length", [0, 10, 32, 1000])
def test_a_cut_file_is_noticed(cache, length, untraceable):
    expected = asked(kept_graph(made_of_all, SIGNATURE, "any"))
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:length])
    assert same(asked(kept_graph(made_of_all, SIGNATURE, "any")), expected)
    untraceable()
    assert same(asked(kept_graph(made_of_all, SIGNATURE, "any")), expected)


def test_where_nothing_can_be_kept_it_answers(cache):
    cache.write_text("a file where the directory should be")
    assert same(asked(kept_graph(made_of_all, SIGNATURE, "any")), asked(made_of_all))


def test_other_code_another_graph(cache, monkeypatch):
    kept_graph(made_of_all, SIGNATURE, "any")
    monkeypatch.setattr(module, "_code", lambda: "changed")
    kept_graph(made_of_all, SIGNATURE, "any")
    assert len(list(cache.iterdir())) == 2


def test_the_newest_stay(cache, monkeypatch):
    """And what isn't ours."""
    monkeypatch.setattr(module, "_KEPT", 2)
    cache.mkdir()
    (cache / "mine.graph").write_bytes(b"")
    files = {}
    for age, name in enumerate(("one", "two", "three")):
        before = set(cache.iterdir())
        kept_graph(made_of_all, SIGNATURE, name)
        (files[name],) = set(cache.iterdir()) - before
        os.utime(files[name], (age, age))
    kept_graph(made_of_all, SIGNATURE, "two")  # used, and so young again
    kept_graph(made_of_all, SIGNATURE, "four")
    assert not files["one"].exists()
    assert files["two"].exists()
    assert not files["three"].exists()
    assert (cache / "mine.graph").exists()


def test_code_that_changed_since_its_import_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr(module, "_IMPORTED_S", 0.0)
    assert same(asked(kept_graph(made_of_all, SIGNATURE, "any")), asked(made_of_all))
    assert not cache.exists()


def test_a_process_holds_so_many_and_no_more(cache, monkeypatch):
    """TensorFlow keeps their functions for good."""
    monkeypatch.setattr(module, "_held", set())
    monkeypatch.setattr(module, "_HELD", 2)
    found = [asked(kept_graph(made_of_all, SIGNATURE, name)) for name in ("one", "two", "three", "one")]
    assert all(same(one, found[0]) for one in found)
    assert len(list(cache.iterdir())) == 2


def test_what_a_process_had_set_is_not_in_it(cache):
    tf.config.optimizer.set_jit(True)
    try:
        kept_graph(made_of_all, SIGNATURE, "any")
    finally:
        tf.config.optimizer.set_jit(False)
    (file,) = cache.iterdir()
    options = [
        tf.compat.v1.ConfigProto.FromString(node.attr["config_proto"].s)
        for node in module._nodes(module._read(file).graph_def)
        if "config_proto" in node.attr
    ]
    assert options
    for option in options:
        assert option.graph_options.optimizer_options.global_jit_level == 0
        assert option.graph_options.rewrite_options.disable_meta_optimizer


def test_what_checks_numbers_is_not_kept(cache):
    tf.debugging.enable_check_numerics()
    try:
        asked(kept_graph(made_of_all, SIGNATURE, "any"))
    finally:
        tf.debugging.disable_check_numerics()
    assert not cache.exists()


def test_what_is_computed_stands_once_and_loops_stay_loops(cache):
    kept_graph(made_of_all, SIGNATURE, "any")
    (file,) = cache.iterdir()
    library = module._read(file).graph_def.library
    for function in library.function:
        for op in ("Const", "Mul", "Shape"):
            nodes = [node for node in function.node_def if node.op == op]
            for node in nodes:
                node.ClearField("name")
                node.ClearField("experimental_debug_info")
            assert len(nodes) == len({node.SerializeToString(deterministic=True) for node in nodes}), op
        assert not any("_lower_using_switch_merge" in node.attr for node in function.node_def)
    assert any(node.op.endswith("While") for function in library.function for node in function.node_def)


@pytest.fixture(scope="module")
def image():
    return generate(Recipe(90, 0, (12, 12, 24), seed=2))


@pytest.mark.parametrize("name", REDUCED)
def test_a_reduced_model_answers_the_same(name, image, cache, untraceable):
    parameters = Parameters(c_max_mol_m3=48000.0)
    model = ReducedModel(name, parameters)
    direct = ReducedModel(name, parameters)
    reference = make_reference(name, parameters)
    direct.__dict__["_discharge"] = tf.function(
        reference.under_load, input_signature=_SPECIFICATION, autograph=False
    )
    expected, first = direct.predict(image, 1.0), model.predict(image, 1.0)
    np.testing.assert_allclose(first.voltage_v, expected.voltage_v, atol=2e-5)
    np.testing.assert_allclose(first.concentration, expected.concentration, rtol=1e-4, atol=1)
    untraceable()
    again = ReducedModel(name, parameters).predict(image, 1.0)
    np.testing.assert_array_equal(again.concentration, first.concentration)
    np.testing.assert_array_equal(again.voltage_v, first.voltage_v)


class Mine(PorousElectrode):
    pass


@pytest.mark.parametrize(
    "make", [Mine, lambda parameters: PorousElectrode(replace(parameters, separator_thickness_m=4e-5))]
)
def test_a_users_model_isnt_kept(make, cache, image):
    """Neither a class of one's own nor the package's, made otherwise."""
    register_reference("porous-electrode", make, plane_numbers=5, voxel_numbers=2)
    try:
        ReducedModel("porous-electrode").predict(image, 1.0)
    finally:
        stock = "tfmsnet.references.reduced:PorousElectrode"
        register_reference("porous-electrode", stock, plane_numbers=5, voxel_numbers=2)
    assert not cache.exists()
