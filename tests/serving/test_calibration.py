"""Error bars of networks: nine of ten held-out answers are nearer, and everyone who asks is told."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmsnet.predictors.store import read_description
from tfmsnet.records import Split, write_records
from tfmsnet.records.hdf5 import write_sample
from tfmsnet.serving import export, load_model
from tfmsnet.serving.calibration import FEWEST, bound, calibrate, calibrated, off
from tfmsnet.serving.scored import image_of, load_of


@given(st.lists(st.floats(0, 1e3), min_size=FEWEST + 1, max_size=60))
def test_nine_of_ten_of_any_errors_are_within_the_bound_of_the_others(errors):
    """The guarantee itself: over which of them is the new one."""
    within = sum(error <= bound(errors[:k] + errors[k + 1 :]) for k, error in enumerate(errors))
    assert within >= 0.9 * len(errors) - 1e-9


@given(st.lists(st.floats(0, 1e3), max_size=FEWEST - 1))
def test_too_few_bound_nothing(errors):
    assert bound(errors) is None


def test_the_bound_is_no_larger_than_it_has_to_be(rng):
    held = [(rng.random() <= bound(rng.random(19).tolist())) for _ in range(2000)]
    assert 0.88 < np.mean(held) < 0.92


@pytest.fixture(scope="module")
def many(make_sample, tmp_path_factory):
    """Records with ten discharges for the validation."""
    data = tmp_path_factory.mktemp("many")
    for seed in range(12):
        write_sample(replace(make_sample(seed=seed, grid=(8, 8, 12))), data / f"{seed:02d}.h5")
    write_records(sorted(data.glob("*.h5")), data / "records", split="10/1")
    return data / "records"


@pytest.fixture(scope="module")
def told(run, many, tmp_path_factory):
    """A run that knows how far off it may be."""
    copy = shutil.copytree(run, tmp_path_factory.mktemp("told") / "run")
    calibrate(copy, many)
    return copy


def test_the_bar_is_that_of_its_answers(told, run, many):
    model, errors = load_model(run), read_description(told)["errors"]
    found = [off(model.fields(image_of(s), load_of(s)), s) for s in Split(many, "validation")]
    assert errors["samples"] == len(found) == 10
    assert errors["voltage_v"] == pytest.approx(sorted(v for v, _ in found)[-1], rel=1e-4)
    assert errors["concentration_vrmse"] == pytest.approx(sorted(c for _, c in found)[-1], rel=1e-4)
    assert not calibrated(run)
    assert calibrated(told)


def test_everyone_who_asks_is_told(told, run, sample, tmp_path):
    errors = read_description(told)["errors"]
    expected = (errors["voltage_v"], errors["concentration_vrmse"])
    served = export(told, tmp_path / "served")
    for model in (load_model(told), load_model(served)):
        fields = model.fields(image_of(sample), 1.0)
        assert fields.error == pytest.approx(expected, rel=1e-5)
        assert fields.voltage_error_v.shape == fields.times_s.shape
        assert model.curve(image_of(sample), load_of(sample)).error == pytest.approx(expected, rel=1e-5)
    assert load_model(run).curve(image_of(sample), 1.0).error is None
    outputs = json.loads((served / "assets" / "signatures.json").read_text())["signatures"]
    assert "voltage_error_v" in outputs["profile"]["outputs"]
    assert f"{1e3 * errors['voltage_v']:.2g} mV" in (served / "assets" / "MODEL_CARD.md").read_text()


def test_the_command_line(told, run, many, sample, tfmsnet, tmp_path):
    copy, image = shutil.copytree(run, tmp_path / "run"), tmp_path / "image.npy"
    status, out, err = tfmsnet("calibrate", copy, many)
    assert status == 0, err
    assert "(10 discharges)" in out
    assert calibrated(copy)
    np.save(image, sample.phase)
    status, _, err = tfmsnet(
        "predict", image, "--voxel-size-um", 0.5, "--c-rate", 1, "--model", copy, "--out", tmp_path / "answer"
    )
    assert status == 0, err
    said = json.loads((tmp_path / "answer" / "answer.json").read_text())["error"]
    assert said["voltage_v"] == pytest.approx(read_description(told)["errors"]["voltage_v"], rel=1e-4)


def test_training_says_how_far_off_it_may_be(many, tfmsnet, tmp_path):
    values = {"filters": 2, "convolutions": 1, "scales": 2, "steps": 2, "steps_per_epoch": 1, "mode": "basis"}
    sets = [part for key, value in values.items() if key != "mode" for part in ("--set", f"{key}={value}")]
    status, _, err = tfmsnet("train", many, "--out", tmp_path / "run", "--mode", "basis", *sets)
    assert status == 0, err
    assert "nine of ten" in err
    assert calibrated(tmp_path / "run")
    assert calibrated(tmp_path / "run" / "best")


def test_too_few_for_the_validation_are_said(run, records, tfmsnet):
    status, _, err = tfmsnet("calibrate", run, records)
    assert status == 2
    assert f"at least {FEWEST}" in err or "validation" in err
    assert not calibrated(run)


def test_answers_that_are_missing_count(told, many, monkeypatch):
    from tfmsnet.serving import calibration

    answers = iter([(math.inf, math.inf), *[(1e-3, 0.1)] * 9])
    monkeypatch.setattr(calibration, "_off", lambda model, sample: next(answers))
    with pytest.raises(calibration.UserError, match="no answer for more than one in ten"):
        calibrate(told, many)
