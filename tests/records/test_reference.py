"""What records hold of a reference: what it says, in its windows, and no other version of it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.records import Split, open_manifest, sample_files, write_records
from tfmsnet.records.statistics import statistics
from tfmsnet.references import make_reference
from tfmsnet.training.data import conditions_of, training_batches, validation_batches

NAME = "porous-electrode"


@pytest.fixture(scope="module")
def stored(data, tmp_path_factory):
    """Records with a reference's answers, a geometry for each split."""
    out = tmp_path_factory.mktemp("stored") / "records"
    write_records(sample_files(data), out, split="1/1", reference=NAME)
    return out


@pytest.fixture(scope="module")
def predictor(stored, make_config):
    manifest, config = open_manifest(stored), make_config("basis").with_values({"reference": NAME}, "test")
    of_records = (manifest.parameters, manifest.statistics_of(NAME), manifest.voxel_size_m)
    return make_predictor(config.network, *of_records)


def test_training_sees_what_an_answer_computes(stored, predictor):
    batches = list(validation_batches(predictor, open_manifest(stored), stored))
    for sample, batch in zip(Split(stored, "validation"), batches, strict=True):
        load = (tf.cast(array[None], tf.float32) for array in (sample.c_rate_profile, sample.times_s))
        computed, read = predictor.reference.conditions(sample.phase[None], *load), conditions_of(batch)
        for name, field in FIELDS.items():
            unit = field.amount(sample.parameters)
            np.testing.assert_allclose(
                read.fields[name] / unit, computed.fields[name] / unit, atol=1e-5, err_msg=name
            )
        np.testing.assert_allclose(read.planes, computed.planes, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(read.static, computed.static, rtol=1e-4, atol=1e-4)


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
    assert of_reference["potential"]["level_rms"] < 0.2 * of_uniform["potential"]["level_rms"]
    assert manifest.statistics_of("resolved-particles") == of_uniform
    reference = make_reference(NAME, manifest.parameters, manifest.voxel_size_m)
    squares = []
    for sample in Split(stored, "train"):
        load = (tf.cast(array[None], tf.float32) for array in (sample.c_rate_profile, sample.times_s))
        known = reference.conditions(sample.phase[None], *load).fields["concentration"].numpy()[0]
        deviation = (sample.concentration - known)[1:, sample.am_mask].astype(float)
        scale = sample.parameters.c_max_mol_m3 * sample.c_rate
        squares.append(np.square((deviation - deviation.mean(1, keepdims=True)) / scale).ravel())
    rms = np.sqrt(np.concatenate(squares).mean())
    assert of_reference["concentration"]["pattern_rms"] == pytest.approx(rms, rel=1e-4)


def test_another_version_of_it_is_refused(stored, predictor, make_config, monkeypatch):
    monkeypatch.setattr("tfmsnet.records.reference._CODE", ())
    with pytest.raises(UserError, match="what another version of the reference porous-electrode said"):
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
