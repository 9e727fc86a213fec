"""The SavedModel: the numbers of the run it came from, without tfmsnet, and input that is refused."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.model.store import DESCRIPTION, load_surrogate
from tfmsnet.serving.export import export
from tfmsnet.serving.predict import load_model


@pytest.fixture(scope="module")
def served(run, tmp_path_factory):
    """OUT/NAME with version 1."""
    base = tmp_path_factory.mktemp("served") / "cathode"
    assert export(load_surrogate(run), run / DESCRIPTION, base) == base / "1"
    return base


@pytest.mark.parametrize("shape", [(12, 12, 16), (9, 11, 13)])
def test_it_answers_as_the_run_does(served, run, shape, rng):
    image = PhaseImage(rng.integers(0, 3, shape).astype(np.uint8))
    one, other = load_model(run).predict(image, 1.5), load_model(served).predict(image, 1.5)
    np.testing.assert_allclose(one.concentration, other.concentration, rtol=1e-6)
    np.testing.assert_allclose(one.potential, other.potential, rtol=1e-6)
    np.testing.assert_allclose(one.voltage_v, other.voltage_v, rtol=1e-6)


def test_the_default_signature_is_the_curve_of_the_fields(served, sample):
    signatures = tf.saved_model.load(str(served / "1")).signatures
    inputs = {
        "phase": tf.constant(np.stack([sample.phase] * 2)),
        "c_rate": tf.constant([1.0, 2.0], tf.float32),
    }
    curve, fields = signatures["serving_default"](**inputs), signatures["fields"](**inputs)
    assert set(curve) == {"times_s", "dol", "voltage_v"}
    assert set(fields) == set(curve) | {"concentration", "potential"}
    assert fields["concentration"].shape == (2, 25, *sample.grid)
    for name in curve:
        np.testing.assert_array_equal(curve[name], fields[name])
    np.testing.assert_allclose(curve["times_s"][1], np.arange(25) * 50.0)
    on_the_foil = fields["potential"].numpy()[0][..., 0][:, sample.solid_mask[..., 0]]
    mean = on_the_foil.mean(1, dtype=np.float64)
    np.testing.assert_allclose(curve["voltage_v"][0], mean, rtol=1e-5)


def test_it_loads_without_tfmsnet_and_keras(served, sample, tmp_path):
    np.save(tmp_path / "phase.npy", sample.phase[None])
    script = """
import sys, numpy as np, tensorflow as tf
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tfmsnet", "keras"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
answer = tf.saved_model.load(sys.argv[1]).signatures["serving_default"](
    phase=tf.constant(np.load(sys.argv[2])), c_rate=tf.constant([1.0]))
print(float(answer["voltage_v"][0, 5]))
"""
    command = [sys.executable, "-c", script, str(served / "1"), str(tmp_path / "phase.npy")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-1000:]
    expected = load_model(served).predict(PhaseImage(sample.phase), 1.0).voltage_v[5]
    assert float(result.stdout) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("label", "c_rate", "message"),
    [
        (85, 1.0, "expected labels 0, 1 and 2"),
        (1, 0.0, "expected 0 < c_rate <= 20"),
        (1, -1.0, "expected 0 < c_rate <= 20"),
        (1, np.nan, "expected 0 < c_rate <= 20"),
        (0, 1.0, "no active material"),
    ],
)
def test_wrong_input_is_refused_in_the_graph(served, label, c_rate, message):
    signature = tf.saved_model.load(str(served / "1")).signatures["serving_default"]
    phase = np.full((1, 8, 8, 8), label, np.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signature(phase=tf.constant(phase), c_rate=tf.constant([c_rate], tf.float32))


def test_the_next_export_is_the_next_version_and_foreign_directories_are_kept(served, run, tmp_path):
    assert export(load_surrogate(run), run / DESCRIPTION, served) == served / "2"
    assert not list(served.glob(".*"))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"expected nothing but version directories .*'notes.txt'"):
        export(load_surrogate(run), run / DESCRIPTION, tmp_path)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="expected a run made by"):
        load_model(tmp_path)
