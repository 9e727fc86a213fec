"""The table of fields: what others say of them follows from it."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.fields import FIELDS
from tfmsnet.records.hdf5 import SCHEMA
from tfmsnet.records.statistics import statistics
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
