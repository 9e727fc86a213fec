"""train_step: replicas take the step of one device, adjoint and tape agree, curriculum and data."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.records import open_manifest, read_sample, sample_files, write_records
from tfmsnet.training.data import horizon_at, training_batches, window_lengths
from tfmsnet.training.trainer import Trainer

SGD = """
import json, os, sys
import keras, numpy as np, tensorflow as tf
count = int(sys.argv[1])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
from dataclasses import replace
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.records import open_manifest
from tfmsnet.training.config import PRESETS
from tfmsnet.training.data import training_batches
from tfmsnet.training.strategies import make_strategy
from tfmsnet.training.trainer import Trainer

config = PRESETS["default"].with_values(json.loads(sys.argv[3]), "test")
manifest = open_manifest(sys.argv[2])
strategy = make_strategy("auto")
assert strategy.num_replicas_in_sync == count
with strategy.scope():
    keras.utils.set_random_seed(0)
    parts = (manifest.parameters, manifest.statistics, manifest.voxel_size_m)
    surrogate = make_predictor(config.network, *parts)
    trainer = Trainer(surrogate, config.training)
    trainer.compile(optimizer=keras.optimizers.SGD(1e-2))
data = training_batches(surrogate, config.training, manifest, sys.argv[2])
history = trainer.fit(data, epochs=1, steps_per_epoch=3, shuffle=False, verbose=0).history
weights = np.concatenate([np.ravel(keras.ops.convert_to_numpy(w)) for w in surrogate.weights])
np.save(sys.argv[4], weights)
print(json.dumps({name: values[-1] for name, values in history.items()}))
"""
VALUES = {
    "filters": 4,
    "convolutions": 2,
    "scales": 2,
    "steps": 6,
    "steps_per_epoch": 3,
    "horizon": [[1.0, 3]],
    "batch_size": 4,
}


def in_process(code, *arguments):
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result


def trained(records, path, replicas, **values):
    result = in_process(SGD, replicas, records, json.dumps({**VALUES, **values}), path)
    return np.load(path), json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("clip_norm", [0.0, 0.05])
def test_two_replicas_take_the_step_of_one_device(records, tmp_path, clip_norm):
    """Under plain SGD, so that a wrong scale of the gradient can't hide; noise and dropout included."""
    one, logs_one = trained(records, tmp_path / "one.npy", 1, clip_norm=clip_norm)
    two, logs_two = trained(records, tmp_path / "two.npy", 2, clip_norm=clip_norm)
    np.testing.assert_allclose(two, one, atol=1e-6)
    assert logs_two["loss"] == pytest.approx(logs_one["loss"], rel=1e-5)
    assert logs_two["gradient_norm"] == pytest.approx(logs_one["gradient_norm"], rel=1e-4)


VALIDATED = """
import csv, json, sys
import tensorflow as tf
count = int(sys.argv[1])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
from tfmsnet.training.config import PRESETS
from tfmsnet.training.run import train

train(sys.argv[2], sys.argv[4], PRESETS["default"].with_values(json.loads(sys.argv[3]), "test"))
with open(f"{sys.argv[4]}/log.csv") as file:
    print(json.dumps(list(csv.DictReader(file))))
"""


def without_one_for_validation(data, records):
    left_out = open_manifest(records).samples("validation")[0]["sample_id"]
    return [path for path in sample_files(data) if read_sample(path).sample_id != left_out]


def logged(records, path, replicas):
    values = {**VALUES, "batch_size": 2, "steps": 2, "steps_per_epoch": 1, "horizon": [[1.0, 1]]}
    result = in_process(VALIDATED, replicas, records, json.dumps(values), path)
    assert "UserWarning" not in result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_two_replicas_validate_like_one_device(data, tmp_path):
    """Also a single discharge, which can't be shared out."""
    write_records(sample_files(data), tmp_path / "all", split="1/1")
    kept = without_one_for_validation(data, tmp_path / "all")
    write_records(kept, tmp_path / "records", split="1/1")
    one = logged(tmp_path / "records", tmp_path / "one", 1)
    two = logged(tmp_path / "records", tmp_path / "two", 2)
    assert len(one) == 2
    for row, other in zip(one, two, strict=True):
        assert list(row) == list(other)
        for name in row:
            assert float(other[name]) == pytest.approx(float(row[name]), rel=1e-3, abs=1e-6), name
        assert [name for name in row if name.startswith("val_")] == [
            "val_vrmse_concentration",
            "val_vrmse_potential",
            "val_rmse_concentration",
            "val_rmse_potential",
            "val_mean_error_concentration",
            "val_mean_error_potential",
            "val_voltage_rmse_mv",
        ]


def make(records, config):
    manifest = open_manifest(records)
    keras.utils.set_random_seed(0)
    surrogate = make_predictor(
        config.network, manifest.parameters, manifest.statistics, manifest.voxel_size_m
    )
    trainer = Trainer(surrogate, config.training)
    trainer.compile(optimizer=keras.optimizers.SGD(1e-2))
    return manifest, surrogate, trainer


def weights_after(records, config, steps):
    manifest, surrogate, trainer = make(records, config)
    data = training_batches(surrogate, config.training, manifest, records)
    trainer.fit(data, epochs=1, steps_per_epoch=steps, verbose=0)
    return surrogate.get_weights()


def test_adjoint_and_tape_train_alike(records, make_config):
    adjoint, tape = (
        weights_after(records, make_config(horizon=((1.0, 3),), gradient=gradient, noise=0.05), 2)
        for gradient in ("adjoint", "tape")
    )
    for one, other in zip(adjoint, tape, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("mode", ["autoregressive", "classic", "direct", "basis"])
def test_every_mode_lowers_the_loss(records, make_config, mode):
    config = make_config(mode, learning_rate=5e-3)
    manifest, surrogate, trainer = make(records, config)
    trainer.compile(optimizer=keras.optimizers.Adam(5e-3))
    data = training_batches(surrogate, config.training, manifest, records)
    history = trainer.fit(data, epochs=4, steps_per_epoch=10, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]


def test_the_curriculum_lengthens_the_windows(make_config):
    config = make_config(steps=10, steps_per_epoch=10, horizon=((0.4, 1), (0.8, 4), (1.0, 0))).training
    length = horizon_at(config, frames=25)
    assert [int(length(index)) for index in range(0, 20, 2)] == [1] * 4 + [4] * 4 + [24] * 2


def test_windows_are_no_longer_than_the_discharge(make_config):
    config = make_config(horizon=((0.5, 9), (1.0, 0))).training
    assert window_lengths(config, frames=6) == [5, 5]


def test_bfloat16_convolutions_train_like_float32_ones(records, make_config):
    """Losses within 1 % over some steps; weights and states are float32."""
    losses = {}
    for precision in ("float32", "mixed_bfloat16"):
        config = make_config(horizon=((1.0, 2),), precision=precision)
        manifest = open_manifest(records)
        keras.utils.set_random_seed(0)
        parts = (config.network, manifest.parameters, manifest.statistics, manifest.voxel_size_m, precision)
        surrogate = make_predictor(*parts)
        assert {weight.dtype for weight in surrogate.weights} == {"float32"}
        trainer = Trainer(surrogate, config.training)
        trainer.compile(optimizer=keras.optimizers.SGD(1e-3))
        data = training_batches(surrogate, config.training, manifest, records)
        losses[precision] = trainer.fit(data, epochs=1, steps_per_epoch=6, verbose=0).history["loss"][0]
    assert losses["mixed_bfloat16"] == pytest.approx(losses["float32"], rel=0.01)


@pytest.mark.parametrize(("kinds", "off"), [(["CPU"], False), (["CPU", "GPU"], True)])
def test_the_layout_optimizer_is_off_where_there_is_a_gpu(records, make_config, monkeypatch, kinds, off):
    # With it, the first step of a network of one pass is a segmentation fault there.
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind="CPU": [kind] * (kind in kinds))
    make(records, make_config())
    try:
        assert (tf.config.optimizer.get_experimental_options().get("layout_optimizer") is False) == off
    finally:
        tf.config.optimizer.set_experimental_options({"layout_optimizer": True})
