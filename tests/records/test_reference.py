"""What records hold of a reference: what it says, in its windows, and no other version of it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.records import Split, open_manifest, sample_files, write_records
from tfmsnet.records.reference import StoredReference
from tfmsnet.records.statistics import statistics
from tfmsnet.references import Uniform, make_reference, register_reference
from tfmsnet.references.registry import _REFERENCES, REDUCED
from tfmsnet.references.registry import registered as registered_reference
from tfmsnet.training.data import conditions_of, training_batches, validation_batches
from tfmsnet.training.trainer import Trainer

NAME = "sloped"


VOXEL, CALENDERING = tf.constant([0.5e-6]), tf.constant([np.nan])


class Sloped(Uniform):
    """The 0-D cell with a potential that falls with depth and the current, and something to tell of it."""

    def conditions(self, phase, voxel_size_m, c_rate, times_s, calendering_percent):
        found = super().conditions(phase, voxel_size_m, c_rate, times_s, calendering_percent)
        depth = tf.linspace(0.0, 1.0, tf.shape(phase)[3])
        solid, am = (tf.cast(phase > 0, tf.float32), tf.cast(phase == 1, tf.float32))
        drop = 0.01 * c_rate[:, :, None, None, None] * (1.0 + depth)
        fields = {
            "concentration": found.fields["concentration"] * am[:, None],
            "potential": (found.fields["potential"] - drop) * solid[:, None],
        }
        planes = tf.stack([found.mean_dol[..., None] + 0.0 * depth, c_rate[..., None] * depth], axis=-1)
        return found._replace(fields=fields, planes=planes, static=(solid * depth)[..., None])


@pytest.fixture(scope="module", autouse=True)
def registered():
    register_reference(NAME, Sloped, plane_numbers=2, voxel_numbers=1)
    yield
    del _REFERENCES[NAME]


@pytest.fixture(scope="module")
def stored(registered, data, tmp_path_factory):
    """Records with a reference's answers, a geometry for each split."""
    out = tmp_path_factory.mktemp("stored") / "records"
    write_records(sample_files(data), out, split="1/1", reference=NAME)
    return out


@pytest.fixture(scope="module")
def predictor(stored, make_config):
    manifest, config = open_manifest(stored), make_config("basis").with_values({"reference": NAME}, "test")
    of_records = (manifest.parameters, manifest.statistics_of(NAME), manifest.voxel_size_m)
    return make_predictor(config.network, *of_records)


def test_networks_train_on_what_records_hold(stored, predictor, make_config):
    """The iterator knows less of the arrays' shapes than eager tensors do."""
    training = make_config("basis").with_values({"reference": NAME, "symmetries": True}, "test").training
    batches = training_batches(predictor, training, open_manifest(stored), stored)
    trainer = Trainer(predictor, training)

    @tf.function(input_signature=[batches.element_spec])
    def loss(batch):
        static, conditions, true = trainer.window(batch)
        assert static.features[0].shape[-1] == len(predictor.config.channels) + 1
        return predictor.loss_and_gradients(static, conditions, true, batch["index"], training.objective)[0]

    assert np.isfinite(loss(next(iter(batches))))


def test_training_sees_what_an_answer_computes(stored, predictor):
    batches = list(validation_batches(predictor, open_manifest(stored), stored))
    for sample, batch in zip(Split(stored, "validation"), batches, strict=True):
        load = (tf.cast(array[None], tf.float32) for array in (sample.c_rate_profile, sample.times_s))
        computed, read = (
            predictor.reference.conditions(sample.phase[None], VOXEL, *load, CALENDERING),
            conditions_of(batch),
        )
        for name, field in FIELDS.items():
            unit = field.amount(sample.parameters)
            np.testing.assert_allclose(
                read.fields[name] / unit, computed.fields[name] / unit, atol=1e-5, err_msg=name
            )
        np.testing.assert_allclose(read.planes, computed.planes, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(read.static, computed.static, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", REDUCED)
def test_what_is_stored_of_a_reduced_model_is_what_it_answers_in_a_batch(samples, name):
    one, other = samples[:2]
    stored = StoredReference(name, one.parameters).of(one)
    pair = [
        np.stack([getattr(s, key) for s in (one, other)]) for key in ("phase", "c_rate_profile", "times_s")
    ]
    reference = make_reference(name, one.parameters)
    found = tf.function(reference.conditions)(
        pair[0], tf.repeat(VOXEL, 2), *(tf.cast(array, tf.float32) for array in pair[1:])
    )
    for key, field in FIELDS.items():
        unit = field.amount(one.parameters)
        np.testing.assert_allclose(stored[key] / unit, found.fields[key][0] / unit, atol=1e-5, err_msg=key)
    np.testing.assert_allclose(stored["planes"], found.planes[0], atol=1e-3)
    np.testing.assert_allclose(stored["static"], found.static[0], atol=1e-3)
    assert stored["planes"].shape == (one.frames, one.grid[2], registered_reference(name).plane_numbers)
    assert stored["static"].shape == (*one.grid, registered_reference(name).voxel_numbers)


def test_a_window_of_it_belongs_to_the_window_of_the_fields(stored, predictor, make_config):
    config = make_config("basis", horizon=((1.0, 3),), symmetries=True, steps=6).training
    batches = training_batches(predictor, config, open_manifest(stored), stored).take(6)
    for batch in batches:
        am = batch["phase"][:, None] == 1
        assert batch["reference_planes"].shape[1] == batch["reference_concentration"].shape[1] == 4
        # Both are the same discharge at the same moments, turned alike: they differ by little.
        apart = tf.abs(batch["reference_concentration"] - batch["concentration"])
        assert tf.reduce_max(tf.where(am, apart, 0.0)) < 0.15 * predictor.parameters.c_max_mol_m3
        np.testing.assert_array_equal(batch["reference_concentration"] > 0, batch["concentration"] > 0)


def test_statistics_are_of_the_deviation_from_it(stored):
    manifest = open_manifest(stored)
    of_uniform, of_reference = manifest.statistics, manifest.statistics_of(NAME)
    assert of_uniform == statistics(Split(stored, "train"))
    assert of_reference["potential"]["level_rms"] != of_uniform["potential"]["level_rms"]
    assert manifest.statistics_of("uniform") == of_uniform
    reference = make_reference(NAME, manifest.parameters)
    squares = []
    for sample in Split(stored, "train"):
        load = (tf.cast(array[None], tf.float32) for array in (sample.c_rate_profile, sample.times_s))
        known = (
            reference.conditions(sample.phase[None], VOXEL, *load, CALENDERING)
            .fields["concentration"]
            .numpy()[0]
        )
        deviation = (sample.concentration - known)[1:, sample.am_mask].astype(float)
        scale = sample.parameters.c_max_mol_m3 * sample.c_rate
        squares.append(np.square((deviation - deviation.mean(1, keepdims=True)) / scale).ravel())
    rms = np.sqrt(np.concatenate(squares).mean())
    assert of_reference["concentration"]["pattern_rms"] == pytest.approx(rms, rel=1e-4)


def test_another_version_of_it_is_refused(stored, predictor, make_config, monkeypatch):
    monkeypatch.setattr("tfmsnet.records.reference._CODE", ())
    with pytest.raises(UserError, match="what another version of the reference sloped said"):
        training_batches(predictor, make_config("basis").training, open_manifest(stored), stored)


def test_records_without_one_are_as_they_were(records):
    assert "reference" not in json.loads((records / "manifest.json").read_text())
    assert not open_manifest(records).holds(NAME)


def test_an_interrupted_writing_with_another_reference_starts_anew(data, tmp_path, monkeypatch):
    def stop(*_):
        raise UserError("stopped")

    monkeypatch.setattr("tfmsnet.records.staging.StagingDirectory.finish", stop)
    with pytest.raises(UserError, match="stopped"):
        write_records(sample_files(data), tmp_path / "records", split="0/1")
    monkeypatch.undo()
    manifest = write_records(sample_files(data), tmp_path / "records", split="0/1", reference=NAME)
    assert manifest.holds(NAME)
    assert next(iter(manifest.splits.values()))
