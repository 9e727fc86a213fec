"""Error bars of networks: nine of ten held-out answers are nearer, and everyone who asks is told."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.predictors.store import read_description, weights_digest, write_errors
from tfmsnet.records import Split, write_records
from tfmsnet.records.hdf5 import write_sample
from tfmsnet.seals import read_sealed, write_sealed
from tfmsnet.serving import calibration, export, load_model
from tfmsnet.serving.calibration import FEWEST, MOST, bound, calibrate, calibrated, curve_and_vrmse
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


@given(st.permutations([*range(18), math.nan]))
def test_what_is_no_number_is_as_large_as_can_be(errors):
    assert bound(errors) == 17
    assert bound([*errors[:-1], math.nan, math.nan, math.nan]) == math.inf


def written(samples, folder, split):
    for number, sample in enumerate(samples):
        write_sample(sample, folder / f"{number:03d}.h5")
    write_records(sorted(folder.glob("*.h5")), folder / "records", split=split)
    return folder / "records"


@pytest.fixture(scope="module")
def many(make_sample, tmp_path_factory):
    """Records with ten electrodes for the validation, of a discharge each."""
    samples = [make_sample(seed=seed, grid=(8, 8, 12)) for seed in range(12)]
    return written(samples, tmp_path_factory.mktemp("many"), "10/1")


@pytest.fixture(scope="module")
def told(run, many, tmp_path_factory):
    """A run that knows how far off it may be."""
    copy = shutil.copytree(run, tmp_path_factory.mktemp("told") / "run")
    calibrate(copy, many)
    return copy


@pytest.fixture
def errors_are(monkeypatch):
    """Whatever a model answers, it is so far off; a list of whose it was is returned."""

    def make(error_of):
        asked = []

        def errors(model, sample):
            asked.append(sample)
            return error_of(sample)

        monkeypatch.setattr(calibration, "_errors", errors)
        return asked

    return make


def test_the_bar_is_that_of_its_answers(told, run, many):
    model, errors = load_model(run), read_description(told)["errors"]
    found = [curve_and_vrmse(model.fields(image_of(s), load_of(s)), s) for s in Split(many, "validation")]
    assert errors["samples"] == errors["geometries"] == len(found) == 10
    assert errors["voltage_v"] == pytest.approx(max(v for v, _ in found), rel=1e-4)
    assert errors["concentration_vrmse"] == pytest.approx(max(c for _, c in found), rel=1e-4)
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
    assert "(10 discharges of 10 electrodes)" in out
    np.save(image, sample.phase)
    status, _, err = tfmsnet(
        "predict", image, "--voxel-size-um", 0.5, "--c-rate", 1, "--model", copy, "--out", tmp_path / "answer"
    )
    assert status == 0, err
    said = json.loads((tmp_path / "answer" / "answer.json").read_text())["error"]
    assert said["voltage_v"] == pytest.approx(read_description(told)["errors"]["voltage_v"], rel=1e-4)


def test_training_says_how_far_off_it_may_be(many, tfmsnet, tmp_path):
    """Of both its weights; the same command again leaves that, and a calibration of one's own, as it is."""
    values = {"filters": 2, "convolutions": 1, "scales": 2, "steps": 2, "steps_per_epoch": 1}
    sets = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    train = ("train", many, "--out", tmp_path / "run", "--mode", "basis", *sets)
    status, _, err = tfmsnet(*train)
    assert status == 0, err
    assert "nine of ten" in err
    assert calibrated(tmp_path / "run")
    assert calibrated(tmp_path / "run" / "best")
    mine = {"voltage_v": 1.0, "concentration_vrmse": 2.0, "samples": 20, "geometries": 20}
    write_errors(tmp_path / "run", mine, weights_digest(tmp_path / "run"))
    status, _, err = tfmsnet(*train)
    assert status == 0, err
    assert read_description(tmp_path / "run")["errors"] == mine


def test_too_few_electrodes_are_said(run, make_sample, tfmsnet, tmp_path):
    """However many discharges there are of them."""
    cases = [(seed, c_rate) for seed in range(6) for c_rate in (1, 2, 3)]
    samples = [make_sample(seed=seed, grid=(8, 8, 12), c_rate=c_rate) for seed, c_rate in cases]
    status, _, err = tfmsnet("calibrate", run, written(samples, tmp_path, "4/1"))
    assert status == 2
    assert "has 4 electrodes for the validation" in err
    assert f"at least {FEWEST}" in err
    assert not calibrated(run)


def test_what_it_was_trained_on_is_left_out(altered, run, many, errors_are):
    geometries = sorted({sample.geometry_id for sample in Split(many, "validation")})
    errors_are(lambda sample: (1e-3, 0.1))

    def seen(taught, chose):
        return lambda content: content.update(
            train_geometries=[*taught, *chose], validation_geometries=list(chose)
        )

    knows = altered("knows", seen(geometries[:1], geometries[1:]))
    assert calibrate(knows, many)["geometries"] == 9
    knows_two = altered("knows-two", seen(geometries[:2], geometries[2:]))
    with pytest.raises(UserError, match="has 8 electrodes"):
        calibrate(knows_two, many)


def test_many_are_drawn_by_lot_of_all_loads(run, make_sample, errors_are, tmp_path):
    rates = (0.5, 1.0, 2.0)
    samples = [
        make_sample(seed=seed, grid=(4, 4, 6), frames=3, c_rate=rate) for seed in range(42) for rate in rates
    ]
    records = written(samples, tmp_path, "40/1")
    asked = errors_are(lambda sample: (1e-3 * sample.c_rate, 0.1))
    copy = shutil.copytree(run, tmp_path / "run")
    errors = calibrate(copy, records)
    assert errors["samples"] == len(asked) == MOST
    shares = [sum(sample.c_rate == pytest.approx(rate) for sample in asked) / MOST for rate in rates]
    assert min(shares) > 0.2
    assert errors["voltage_v"] == pytest.approx(2e-3, rel=1e-3)


def test_answers_that_are_missing_count(told, many, errors_are):
    answers = iter([(math.inf, math.inf), *[(1e-3, 0.1)] * 9])
    errors_are(lambda sample: next(answers))
    before = read_description(told)
    with pytest.raises(UserError, match="no answer to 1 of 10 discharges"):
        calibrate(told, many)
    assert read_description(told) == before


def test_errors_of_other_weights_are_not_written(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    errors = {"voltage_v": 1.0, "concentration_vrmse": 2.0, "samples": 20, "geometries": 20}
    with pytest.raises(UserError, match="trained on meanwhile"):
        write_errors(copy, errors, "0" * 64)
    assert not calibrated(copy)


def test_fine_tuning_goes_on_after_its_start_was_calibrated(run, many, make_config, tmp_path):
    from tfmsnet.training.run import train

    start, tuned = shutil.copytree(run, tmp_path / "start"), tmp_path / "tuned"
    config = make_config(steps=2, horizon=((1.0, 1),))
    train(many, tuned, config, init=start)
    errors = {"voltage_v": 1.0, "concentration_vrmse": 2.0, "samples": 20, "geometries": 20}
    write_errors(start, errors, weights_digest(start))
    train(many, tuned, config, init=start)
    assert not calibrated(tuned)


@pytest.mark.parametrize("value", [-1.0, 1e39])
def test_errors_that_cannot_be_are_refused(told, tmp_path, value):
    copy = Path(shutil.copytree(told, tmp_path / "run"))
    content = read_sealed(copy / "surrogate.json", "a description")
    content["errors"]["voltage_v"] = value
    write_sealed(copy / "surrogate.json", content)
    with pytest.raises(UserError, match="errors: voltage_v: expected 0 to"):
        load_model(copy)
