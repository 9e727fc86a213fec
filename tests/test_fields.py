"""The table of fields: what others say of them follows from it."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.electrode import CBD, ELECTROLYTE
from tfmsnet.fields import FIELDS, Field
from tfmsnet.halfcell import Parameters
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.state import ReferenceDeviation
from tfmsnet.predictors.static_inputs import field_masks
from tfmsnet.records.hdf5 import SCHEMA
from tfmsnet.records.statistics import statistics
from tfmsnet.references import Uniform
from tfmsnet.serving.quantities import FIELDS as ANSWERED

FORMAT = (Path(__file__).parents[1] / "records" / "FORMAT.md").read_text()


def test_masks_are_alike_in_numpy_and_tensorflow(rng):
    phase = rng.integers(0, 3, (3, 4, 5)).astype(np.uint8)
    for field in FIELDS.values():
        np.testing.assert_array_equal(field.mask(phase), field.mask(tf.constant(phase)))
        assert set(np.unique(phase[field.mask(phase)])) == set(field.labels)


def test_samples_are_zero_outside_the_masks_and_nowhere_else(sample):
    for name, field in FIELDS.items():
        values, mask = getattr(sample, name), field.mask(sample.phase)
        assert (values[:, ~mask] == 0).all()
        assert (values[:, mask] != 0).all()


def test_files_records_and_answers_have_them(sample):
    assert {field.name for field in SCHEMA if len(field.axes) == 4} == set(FIELDS)
    assert {quantity.name: quantity.unit for quantity in ANSWERED} == {n: f.unit for n, f in FIELDS.items()}
    assert set(statistics([sample])) == set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_the_format_says_what_the_table_says(name):
    field = FIELDS[name]
    row = re.search(rf"^\| `{name}` \|(.*)$", FORMAT, re.MULTILINE).group(1)
    dtype, axes, unit, meaning = (cell.strip() for cell in row.strip("|").split("|"))
    assert (dtype, axes) == ("float32", "time, x, y, z")
    assert unit.split(" ")[0] == field.unit
    assert field.phases in meaning.replace("active material", "AM")


def test_a_further_field_is_one_entry(monkeypatch, rng):
    salt = Field(
        name="salt",
        symbol="c_l",
        unit="mol/m3",
        meaning="concentration of the electrolyte",
        labels=(ELECTROLYTE, CBD),
        parts=("pattern", "level"),
        amount=lambda parameters: parameters.initial_salt_mol_m3,
        shown_unit="mol/l",
        shown_factor=1e-3,
        error_unit="mol/m3",
        error_factor=1.0,
    )
    monkeypatch.setitem(FIELDS, "salt", salt)
    assert NetworkConfig.of(fields=["salt"]).fields == ("salt",)
    state = ReferenceDeviation.from_statistics(
        ("salt",), Parameters(), {"salt": {"pattern_rms": 0.1, "level_rms": 0.2}}
    )
    assert [channel.part for channel in state.channels] == ["pattern", "level"]
    phase = tf.constant(rng.integers(0, 3, (1, 4, 5, 6)), tf.uint8)
    masks = field_masks(phase, tuple(channel.field for channel in state.channels))
    load = tf.constant([[0.0, 1.0]]), tf.constant([[0.0, 100.0]])
    conditions = Uniform(Parameters()).conditions(phase, None, *load)
    conditions = conditions._replace(fields={"salt": tf.fill([1, 2, 1, 1, 1], 1000.0)})
    values = tf.where(salt.mask(phase)[:, None], rng.normal(1100, 50, (1, 2, 4, 5, 6)).astype("f4"), 0.0)
    encoded = state.encode({"salt": values}, masks, conditions)
    np.testing.assert_allclose(state.decode(encoded, masks, conditions)["salt"], values, rtol=1e-5)
