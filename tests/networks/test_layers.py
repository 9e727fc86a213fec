"""Coarsen, MaskedRefine, Projection and ScaleBranch: their invariants, and that Keras can keep them."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfmsnet.networks.config import MSNetConfig
from tfmsnet.networks.convolution import Convolution
from tfmsnet.networks.layers import Coarsen, MaskedRefine, Projection, ScaleBranch

SHAPE = (2, 4, 6, 4, 2)
VALUES = st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
masks = hnp.arrays(np.bool_, SHAPE).map(lambda mask: mask.astype(np.float32))
coarse_fields = hnp.arrays(np.float32, (2, 2, 3, 2, 2), elements=VALUES)
fields = hnp.arrays(np.float32, SHAPE, elements=VALUES)


def as_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@settings(deadline=None, max_examples=30)
@given(mask=masks, coarse=coarse_fields)
def test_coarsening_a_refined_field_gives_it_back(mask, coarse):
    coarse_mask = as_numpy(Coarsen()(mask))
    coarse = coarse * (coarse_mask > 0)
    refined = MaskedRefine()(coarse, mask, coarse_mask)
    np.testing.assert_allclose(as_numpy(Coarsen()(refined)), coarse, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(mask=masks, coarse=coarse_fields)
def test_refining_keeps_the_spatial_mean_and_stays_inside_the_phase(mask, coarse):
    coarse_mask = as_numpy(Coarsen()(mask))
    coarse = coarse * (coarse_mask > 0)
    refined = as_numpy(MaskedRefine()(coarse, mask, coarse_mask))
    assert (refined[mask == 0] == 0).all()
    space = (1, 2, 3)
    scale = np.abs(coarse).max() + 1
    np.testing.assert_allclose(
        refined.mean(space, dtype=np.float64), coarse.mean(space, dtype=np.float64), atol=1e-5 * scale
    )


@settings(deadline=None, max_examples=30)
@given(field=fields)
def test_coarsening_is_the_mean_of_2x2x2_blocks(field):
    blocks = field.reshape(2, 2, 2, 3, 2, 2, 2, 2).mean((2, 4, 6), dtype=np.float64)
    np.testing.assert_allclose(as_numpy(Coarsen()(field)), blocks, rtol=1e-5, atol=1e-3)


@settings(deadline=None, max_examples=30)
@given(field=fields, mask=masks)
def test_a_pattern_has_no_mean_a_level_nothing_else_and_the_whole_is_both(field, mask):
    field = field * mask
    result = as_numpy(Projection(("pattern", "whole"))(field, mask))
    level = as_numpy(Projection(("level", "level"))(field, mask))
    np.testing.assert_allclose(result[..., 0] + level[..., 0], field[..., 0], atol=1e-3)
    for one, inside in zip(level[..., 1], mask[..., 1] > 0, strict=True):
        assert np.unique(one[inside]).size <= 1
    total = np.abs(field).sum((1, 2, 3), dtype=np.float64)[:, 0] + 1
    assert (np.abs(result[..., 0].sum((1, 2, 3), dtype=np.float64)) <= 1e-5 * total).all()
    np.testing.assert_allclose(result[..., 1], field[..., 1], atol=1e-3)
    assert (result[mask == 0] == 0).all()


def test_a_refined_constant_is_the_constant_inside_the_phase():
    mask = np.zeros((1, 4, 4, 4, 1), np.float32)
    mask[0, :3, 1:, :2] = 1
    coarse_mask = as_numpy(Coarsen()(mask))
    refined = as_numpy(MaskedRefine()(7.0 * coarse_mask, mask, coarse_mask))
    np.testing.assert_allclose(refined, 7.0 * mask, rtol=1e-6)


LAYERS = [
    (Convolution, {"filters": 3, "kernel_size": 5}, [SHAPE]),
    (Convolution, {"filters": 3, "padding": "zero"}, [SHAPE]),
    (Coarsen, {}, [SHAPE]),
    (MaskedRefine, {}, [(2, 2, 3, 2, 2), SHAPE, (2, 2, 3, 2, 2)]),
    (Projection, {"parts": ("pattern", "level")}, [SHAPE, SHAPE]),
    *(
        (ScaleBranch, {"outputs": 2, "filters": 3, "options": options}, [SHAPE])
        for options in (
            MSNetConfig(convolutions=2),
            MSNetConfig(normalisation="instance"),
            MSNetConfig(normalisation="ms_net", shortcut=False),
        )
    ),
]


@pytest.mark.parametrize(("cls", "config", "shapes"), LAYERS)
def test_keras_keeps_the_layer(cls, config, shapes, tmp_path):
    """Configuration round trip, symbolic shapes, save and load with equal outputs, mixed precision."""
    rng = np.random.default_rng(0)
    inputs = [rng.random(shape).astype(np.float32) for shape in shapes]
    layer = cls(**config)
    expected = as_numpy(layer(*inputs))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
    assert layer.compute_output_shape(*shapes) == expected.shape

    symbols = [keras.Input(shape[1:]) for shape in shapes]
    model = keras.Model(symbols, layer(*symbols))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_numpy(loaded(inputs)), as_numpy(model(inputs)))

    mixed = cls(**config, dtype="mixed_bfloat16")
    assert np.isfinite(as_numpy(keras.ops.cast(mixed(*inputs), "float32"))).all()


def test_a_branch_learns():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4, 4, 4, 1)), ScaleBranch(1, 4, MSNetConfig(convolutions=1, shortcut=False))]
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="mse", jit_compile=False)
    inputs = np.random.default_rng(0).random((8, 4, 4, 4, 1)).astype(np.float32)
    history = model.fit(inputs, 2 * inputs - 1, epochs=60, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]
