"""Checkpoints: whole or absent, found by their names, two of them kept."""

import resource
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.training.checkpoints import Checkpoints


class Weights(tf.Module):
    def __init__(self):
        super().__init__()
        self.values = tf.Variable(np.zeros(100_000, np.float32))


@pytest.fixture
def store(tmp_path):
    trainer = SimpleNamespace(predictor=Weights(), optimizer=Weights())
    checkpoints = Checkpoints(trainer, tmp_path)
    for step in (2, 4, 6):
        trainer.predictor.values.assign(np.full(100_000, step, np.float32))
        checkpoints.save(step, [step / 3, 0.1])
    trainer.predictor.values.assign(np.zeros(100_000, np.float32))
    return checkpoints, trainer.predictor.values


def names(checkpoints):
    return [path.name for path in sorted(checkpoints.folder.iterdir())]


def test_the_last_two_are_kept_and_the_newest_is_restored(store):
    checkpoints, values = store
    assert names(checkpoints) == ["step-000000004", "step-000000006"]
    assert checkpoints.restore() == (6, [2.0, 0.1])
    np.testing.assert_array_equal(values, 6)


def test_no_index_file_can_be_lost(store):
    """Which checkpoints there are is read off the directories, not off a list beside them."""
    checkpoints, values = store
    assert not [path for path in checkpoints.folder.iterdir() if path.is_file()]
    shutil.rmtree(checkpoints.folder / "step-000000006")
    assert checkpoints.restore()[0] == 4
    np.testing.assert_array_equal(values, 4)


@pytest.mark.parametrize("part", ["position.json", "state.index", "state.data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_one_that_cannot_be_read_costs_the_steps_since_the_one_before(store, part, damage):
    checkpoints, values = store
    path = checkpoints.folder / "step-000000006" / part
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    assert checkpoints.restore()[0] == 4
    np.testing.assert_array_equal(values, 4)
    checkpoints.save(6, [])  # the steps done again
    assert checkpoints.restore()[0] == 6


def test_lost_checkpoints_of_a_trained_run_are_no_new_run(store):
    checkpoints, _ = store
    shutil.rmtree(checkpoints.folder)
    assert checkpoints.restore() == (0, [])
    checkpoints.weights.write_bytes(b"weights")
    with pytest.raises(UserError, match=r"expected the checkpoints of the run .* found none"):
        checkpoints.restore()


def full_by_tensorflow(monkeypatch):
    def write(self, path):
        with open(path + ".index", "w") as file:
            file.write("half")
        raise tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device")

    monkeypatch.setattr(tf.train.Checkpoint, "write", write)


def full_by_the_system(monkeypatch):
    """A limit on the size of files, as good as a full disk: writing beyond it fails."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))


@pytest.mark.parametrize("fill", [full_by_tensorflow, full_by_the_system])
def test_a_full_disk_is_said_and_breaks_nothing(store, monkeypatch, fill):
    checkpoints, _ = store
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill(monkeypatch)
    try:
        with pytest.raises(
            RunFailed, match=r"step-000000008: couldn't be written .* whole up to step-000000006"
        ):
            checkpoints.save(8, [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    monkeypatch.undo()
    assert names(checkpoints) == ["step-000000004", "step-000000006"]
    assert checkpoints.restore()[0] == 6
