"""U-Net: called as MSNet is, masked, lithium conserved, kept by Keras, trained in every mode."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.networks.config import MSNetConfig, UNetConfig
from tfmsnet.networks.msnet import MSNet, coarsened
from tfmsnet.networks.unet import ResidualBlock, UNet
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.predictors.store import load_weights, save_predictor
from tfmsnet.records import open_manifest
from tfmsnet.training.data import training_batches
from tfmsnet.training.trainer import Trainer

SIZE = {"filters": 4, "growth": 2.0, "convolutions": 2}
OPTIONS = UNetConfig(**SIZE, shortcut=False)
MODES = ["autoregressive", "classic", "direct", "basis"]


def static(shape=(1, 8, 8, 12), scales=3):
    rng = np.random.default_rng(0)
    features = rng.random((*shape, 3)).astype(np.float32)
    mask = (rng.random((*shape, 2)) < 0.5).astype(np.float32)
    return coarsened(features, scales), coarsened(mask, scales)


def step(network, features, masks, state=None):
    outputs = network(features, masks, np.full((1, 1), 0.3, np.float32), state)
    return [keras.ops.convert_to_numpy(output) for output in outputs]


@pytest.mark.parametrize("options", [{}, {"shortcut": True}, {"autoregressive": False}, {"scales": 1}])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_it_answers_as_msnet_does(options, dtype):
    options = dict(options)
    features, masks = static(scales=options.get("scales", 3))
    state = masks[0] * 0.1 if options.get("autoregressive", True) else None
    shortcut = options.pop("shortcut", False)
    ours, theirs = (
        step(layer(2, config(**SIZE, shortcut=shortcut), **options, dtype=dtype), features, masks, state)
        for layer, config in ((UNet, UNetConfig), (MSNet, MSNetConfig))
    )
    assert [part.shape for part in ours] == [part.shape for part in theirs]
    assert [part.dtype for part in ours] == [np.float32] * len(masks)


@pytest.mark.parametrize("parts", [None, ("pattern", "level")])
def test_every_scale_is_masked_and_has_its_parts(parts):
    features, masks = static()
    for output, mask in zip(
        step(UNet(2, OPTIONS, parts=parts), features, masks, masks[0]), masks, strict=True
    ):
        mask = np.asarray(mask)
        assert (output[mask == 0] == 0).all()
        assert np.abs(output).max() > 0
        if parts:
            pattern, level = output[..., 0], output[..., 1]
            assert abs(pattern.sum(dtype=np.float64)) < 1e-4 * np.abs(pattern).sum()
            inside = mask[..., 1] > 0
            density = level[inside] / mask[..., 1][inside]
            np.testing.assert_allclose(density, density[0], rtol=1e-4)


def test_only_the_finest_inputs_are_seen():
    """By all scales: the coarsest head answers to a change of the finest geometry, not of its own."""
    features, masks = static()
    network = UNet(2, OPTIONS, autoregressive=False)
    before = step(network, features, masks)
    coarse = step(network, [features[0], *(part + 1 for part in features[1:])], masks)
    fine = step(network, [features[0] + 1, *features[1:]], masks)
    for scale in range(3):
        np.testing.assert_array_equal(coarse[scale], before[scale])
        assert np.abs(fine[scale] - before[scale]).max() > 1e-4


def test_far_voxels_are_seen_through_the_coarse_scales():
    """One convolution per block reaches 1 voxel, the coarsest of three scales 4 voxels at a time."""
    features, masks = static((1, 16, 4, 4))
    masks = [np.ones_like(mask) for mask in masks]
    network = UNet(2, UNetConfig(filters=4, growth=1.0, convolutions=1, shortcut=False), autoregressive=False)
    before = step(network, features, masks)[0]
    changed = np.array(features[0])
    changed[:, 0] += 1
    difference = np.abs(step(network, coarsened(changed, 3), masks)[0] - before).max((0, 2, 3, 4))
    assert difference[7] > 1e-6


@pytest.mark.parametrize(
    "layer",
    [
        UNet(2, UNetConfig(**SIZE), scales=2, parts=("pattern", "level"), padding="zero"),
        ResidualBlock(3, UNetConfig(kernel=5, activation="relu", normalisation="instance"), first=True),
    ],
)
def test_the_configuration_round_trips(layer):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("normalisation", ["none", "instance"])
def test_keras_keeps_the_block(normalisation, tmp_path):
    inputs = np.random.default_rng(0).random((2, 4, 6, 4, 2)).astype(np.float32)
    symbol = keras.Input(inputs.shape[1:])
    model = keras.Model(symbol, ResidualBlock(3, UNetConfig(normalisation=normalisation))(symbol))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))


@pytest.fixture
def make(records, make_config):
    """A mode -> the configuration, manifest and surrogate of a tiny U-Net."""

    def made(mode, **values):
        config = make_config(mode).with_values({"architecture": "unet", **values}, "test")
        manifest = open_manifest(records)
        keras.utils.set_random_seed(0)
        parts = (config.network, manifest.parameters, manifest.statistics, manifest.voxel_size_m)
        return config, manifest, make_predictor(*parts, config.training.precision)

    return made


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("potential_filters", [0, 3])
def test_lithium_is_conserved_whatever_the_weights(make, rng, mode, potential_filters):
    _, _, surrogate = make(mode, potential_filters=potential_filters)
    phase = rng.integers(0, 3, (7, 8, 9)).astype(np.uint8)
    profile, times_s = (part[None, :4].astype(np.float32) for part in equal_charge_frames(1.0))
    answer = surrogate({"phase": phase[None], "c_rate_profile": profile, "times_s": times_s})
    start = Parameters().initial_dol
    np.testing.assert_allclose(answer["dol"][0], start + (1 - start) * times_s[0] / 3600, rtol=1e-5)
    assert (answer["concentration"].numpy()[0][:, phase != 1] == 0).all()
    assert (answer["potential"].numpy()[0][:, phase == 0] == 0).all()


def losses(records, made, optimizer, steps):
    config, manifest, surrogate = made
    trainer = Trainer(surrogate, config.training)
    trainer.compile(optimizer=optimizer)
    data = training_batches(surrogate, config.training, manifest, records)
    return trainer.fit(data, epochs=3, steps_per_epoch=steps, verbose=0).history["loss"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_lowers_the_loss(make, records, mode):
    history = losses(records, make(mode), keras.optimizers.Adam(5e-3), steps=8)
    assert history[-1] < 0.8 * history[0]


def test_bfloat16_convolutions_train_like_float32_ones(make, records):
    """Of separate networks with normalised layers."""
    values = {"potential_filters": 3, "normalisation": "instance"}
    one, other = (
        losses(records, make("direct", precision=precision, **values), keras.optimizers.SGD(1e-3), steps=2)
        for precision in ("float32", "mixed_bfloat16")
    )
    np.testing.assert_allclose(one, other, rtol=0.02)


def test_weights_come_back_from_disk(make, tmp_path):
    _, _, one = make("basis", potential_filters=3)
    for weight in one.trainable_variables:
        weight.assign(weight + 0.1)
    save_predictor(one, tmp_path, statistics={})
    _, _, other = make("basis", potential_filters=3)
    load_weights(other, tmp_path)
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_signature_of_a_rollout_compiles(make, rng):
    """For any size and number of frames, as the export needs it."""
    _, _, surrogate = make("autoregressive")
    spec = (
        tf.TensorSpec([None, None, None, None], tf.uint8),
        tf.TensorSpec([None, None]),
        tf.TensorSpec([None, None]),
    )

    @tf.function(input_signature=spec)
    def whole(phase, c_rate_profile, times_s):
        return surrogate({"phase": phase, "c_rate_profile": c_rate_profile, "times_s": times_s})

    for shape, frames in (((8, 8, 12), 3), ((5, 6, 7), 4)):
        phase = rng.integers(0, 3, (1, *shape)).astype(np.uint8)
        profile, times_s = (part[None, :frames].astype(np.float32) for part in equal_charge_frames(1.0))
        answer = whole(phase, profile, times_s)
        assert answer["concentration"].shape == (1, frames, *shape)
