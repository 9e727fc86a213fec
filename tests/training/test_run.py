"""Run directories: whole, resumable with the same result, and never mixed up."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.files import locked, replacing
from tfmsnet.predictors.store import load_predictor
from tfmsnet.records import open_manifest
from tfmsnet.training import callbacks
from tfmsnet.training.run import train
from tfmsnet.training.run_directory import LOCK


def test_a_run_holds_all_of_itself(run):
    names = {path.name for path in run.iterdir()}
    assert {"run.json", "surrogate.json", "surrogate.weights.h5", "checkpoints", "tensorboard"} <= names
    with open(run / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"loss", "loss_scale_0", "gradient_norm", "learning_rate", "val_vrmse_potential"} <= set(rows[0])
    assert all(row["val_vrmse_potential"] == "" for row in rows)  # no validation split


def test_a_run_knows_what_it_was_trained_on(run, records):
    known = json.loads((run / "surrogate.json").read_text())["train_geometries"]
    samples = open_manifest(records).samples("train")
    assert known == sorted({sample["geometry_id"] for sample in samples})


def test_tensorboard_gets_the_scalars(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(run / "tensorboard"))
    accumulator.Reload()
    tags = set(accumulator.Tags()["tensors"])
    assert {f"training/{name}" for name in ("loss", "loss_scale_0", "gradient_norm", "learning_rate")} <= tags
    assert {"speed/frames_per_s", "speed/voxels_per_s", "discharge curve"} <= tags
    assert "concentration (true, predicted, error)" in tags


class Stop(Exception):
    pass


def test_an_interrupted_run_ends_with_the_same_weights(records, run, make_config, tmp_path, monkeypatch):
    original = callbacks.Saving.on_epoch_end

    def stop_after_the_first(self, epoch, logs=None):
        original(self, epoch, logs)
        raise Stop

    monkeypatch.setattr(callbacks.Saving, "on_epoch_end", stop_after_the_first)
    with pytest.raises(Stop):
        train(records, tmp_path / "run", make_config())
    monkeypatch.undo()
    train(records, tmp_path / "run", make_config())
    for one, other in zip(
        load_predictor(run).get_weights(), load_predictor(tmp_path / "run").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_killed_process_leaves_a_run_that_continues(records, run, make_config, tmp_path):
    make_config().save(tmp_path / "config.json")
    command = [
        sys.executable,
        "-c",
        "from tfmsnet.cli.main import main; main()",
        *("train", str(records), "--out", str(tmp_path / "run"), "--config", str(tmp_path / "config.json")),
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "run" / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    train(records, tmp_path / "run", make_config())
    for one, other in zip(
        load_predictor(run).get_weights(), load_predictor(tmp_path / "run").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def rows(run):
    with open(run / "log.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("end", [1000, -10])
def test_a_broken_checkpoint_costs_an_epoch_not_the_run(records, run, make_config, tmp_path, end):
    broken = shutil.copytree(run, tmp_path / "run")
    newest = broken / "checkpoints" / "step-000000004" / "state.data-00000-of-00001"
    newest.write_bytes(newest.read_bytes()[:end])
    train(records, broken, make_config())
    assert [row["epoch"] for row in rows(broken)] == ["0", "1"]
    assert rows(broken)[1]["loss"] == rows(run)[1]["loss"]
    for one, other in zip(
        load_predictor(run).get_weights(), load_predictor(broken).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_broken_checkpoints_are_named(records, run, make_config, tmp_path, part):
    broken = shutil.copytree(run, tmp_path / "run")
    for path in (broken / "checkpoints").glob(f"step-*/state.{part}"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="step-000000004: not readable as a checkpoint"):
        train(records, broken, make_config())


def test_a_wrong_value_leaves_no_directory(records, make_config, tmp_path):
    with pytest.raises(UserError, match="strategy: expected one of"):
        train(records, tmp_path / "run", make_config(), strategy="many")
    assert not (tmp_path / "run").exists()


def test_what_a_killed_process_left_is_no_foreign_file(records, make_config, tmp_path):
    (tmp_path / ".run.json.1-2.partial").write_text("{")
    train(records, tmp_path, make_config(steps=2))
    assert (tmp_path / "surrogate.weights.h5").is_file()


def test_another_run_and_a_foreign_directory_are_refused(records, run, make_config, tmp_path):
    with pytest.raises(UserError, match="holds another run"):
        train(records, run, make_config(seed=5))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="expected a new or empty directory"):
        train(records, tmp_path, make_config())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_divergence_is_said_and_no_broken_checkpoint_is_kept(records, make_config, tmp_path):
    config = make_config(learning_rate=0.99, clip_norm=0.0, schedule="constant", steps=40, loss="mse")
    with pytest.raises(callbacks.Diverged) as stop:
        train(records, tmp_path / "run", config.with_values({"noise": 1e30}, "test"))
    said = str(stop.value)
    assert re.match(r"the (loss|gradient_norm) became (inf|nan) in step 1, on \S+_[12]C, \S+_[12]C; ", said)
    assert "there is no checkpoint yet" in said
    assert "smaller learning_rate" in said
    assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_a_profile_holds_the_operations_of_five_steps(records, make_config, tmp_path):
    train(records, tmp_path / "run", make_config(steps=8, steps_per_epoch=8), profile=True)
    (trace,) = (tmp_path / "run" / "tensorboard" / "plugins" / "profile").glob("*/*.xplane.pb")
    assert b"Conv3D" in trace.read_bytes()


def test_a_run_directory_is_one_process_s_at_a_time(records, run, make_config, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    with locked(copy / LOCK, ""), pytest.raises(UserError, match="another process is training it"):
        train(records, copy, make_config())
    train(records, copy, make_config())


@pytest.mark.parametrize("name", ["run[1]", "run*", "run?", "a\\b"])
def test_names_that_tensorflow_takes_for_patterns_are_refused(records, make_config, tmp_path, name):
    with pytest.raises(UserError, match="in the name of a directory: TensorFlow takes"):
        train(records, tmp_path / name, make_config())
    assert list(tmp_path.iterdir()) == []


def test_a_position_that_was_changed_is_not_taken(records, run, make_config, tmp_path):
    broken = shutil.copytree(run, tmp_path / "run")
    path = broken / "checkpoints" / "step-000000004" / "position.json"
    path.write_text(path.read_text().replace('"step": 4', '"step": 3'))
    train(records, broken, make_config())
    for one, other in zip(
        load_predictor(run).get_weights(), load_predictor(broken).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_leftovers_of_a_killed_training_go(records, run, make_config, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with replacing(copy / "any") as partial:
        partial.write_text("")
        ending = partial.name.split("-")[1]
    left = [copy / f".run.json.{dead.pid}-{ending}", copy / "checkpoints" / f".step-1.{dead.pid}-{ending}"]
    left[0].write_text("{")
    left[1].mkdir()
    train(records, copy, make_config())
    assert not any(path.exists() for path in left)
