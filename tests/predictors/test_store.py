"""Only what was written is used: description and weights are sealed, and their values must be possible."""

import json

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.files import write_json
from tfmsnet.predictors.description import DESCRIPTION
from tfmsnet.predictors.store import (
    WEIGHTS,
    load_predictor,
    network_of,
    read_description,
    save_predictor,
    seal_predictor,
)
from tfmsnet.seals import read_sealed, write_sealed


@pytest.fixture
def copy(altered):
    return altered("copy", lambda content: None)


def test_a_changed_byte_is_noticed_anywhere(copy, rng):
    for name in (WEIGHTS, DESCRIPTION):
        path = copy / name
        original = path.read_bytes()
        for position in rng.integers(len(original), size=20):
            content = bytearray(original)
            content[position] ^= 1 << int(rng.integers(8))
            path.write_bytes(bytes(content))
            with pytest.raises(UserError, match=name):
                load_predictor(copy)
        path.write_bytes(original)
    load_predictor(copy)


def test_without_a_seal_it_is_refused_until_it_is_sealed(copy, run):
    content = read_sealed(copy / DESCRIPTION, "a description", "")
    content.pop("weights_sha256")
    write_json(copy / DESCRIPTION, content)
    with pytest.raises(UserError, match=f"where you trust it, `tfmsnet seal {copy}`"):
        load_predictor(copy)
    seal_predictor(copy)
    assert (copy / DESCRIPTION).read_bytes() == (run / DESCRIPTION).read_bytes()
    with pytest.raises(UserError, match="is sealed already, and unchanged since"):
        seal_predictor(copy)


def test_older_descriptions_had_zeros_around_the_images(altered):
    """They are from before there was a choice."""
    assert network_of(altered("older", lambda content: content["network"].pop("padding"))).padding == "zero"


def test_what_is_no_model_is_not_sealed(copy):
    content = json.loads((copy / DESCRIPTION).read_text())
    content.pop("checksum")
    write_json(copy / DESCRIPTION, content)
    (copy / WEIGHTS).write_bytes((copy / WEIGHTS).read_bytes()[:-2000])
    with pytest.raises(UserError, match="not the weights of"):
        seal_predictor(copy)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("voxel_size_m",), 0.0),
        (("voxel_size_m",), -5e-7),
        (("voxel_size_m",), 1.0),
        (("voxel_size_m",), float("nan")),
        (("statistics", "potential", "std"), float("nan")),
        (("statistics", "potential", "pattern_rms"), -1.0),
        (("statistics", "concentration", "maximum"), -1.0),
        (("statistics", "potential"), None),
        (("statistics",), []),
        (("domain", "ranges", "c_rate"), [2.0, 1.0]),
        (("domain", "ranges"), {"c_rate": [1.0]}),
        (("network", "scales"), -1),
        (("network", "kernel"), "three"),
        (("network", "filters"), 10**6),
        (("network", "growth"), 1e300),
        (("parameters", "temperature_k"), "warm"),
        (("parameters",), 7),
        (("train_geometries",), [1]),
        (("format",), 2),
    ],
)
def test_values_that_cannot_be_are_named(altered, place, value):
    def change(content):
        for key in place[:-1]:
            content = content[key]
        content[place[-1]] = value

    with pytest.raises(UserError, match=r"surrogate\.json"):
        load_predictor(altered("odd", change))


def test_weights_that_are_not_numbers_are_refused(run, tmp_path):
    predictor, content = load_predictor(run), read_description(run)
    predictor.trainable_variables[0].assign(np.full(predictor.trainable_variables[0].shape, np.nan))
    save_predictor(predictor, tmp_path, statistics=content["statistics"])
    with pytest.raises(UserError, match="expected finite weights"):
        load_predictor(tmp_path)


def test_at_any_moment_of_a_replacement_there_is_a_pair(run, tmp_path, monkeypatch):
    """A kill between the writing of the two files."""
    predictor, content = load_predictor(run), read_description(run)
    save_predictor(predictor, tmp_path, statistics=content["statistics"])
    moments = []

    def seen(path, content):
        write_sealed(path, content)
        moments.append(read_description(tmp_path))

    monkeypatch.setattr("tfmsnet.predictors.store.write_sealed", seen)
    predictor.trainable_variables[0].assign_add(np.ones(predictor.trainable_variables[0].shape))
    save_predictor(predictor, tmp_path, statistics=content["statistics"])
    assert len(moments) == 2
