"""Reduced models behind the calls of every model: near the simulator, under loads, on any voxels."""

import json
from pathlib import Path

import numpy as np
import pytest

import tfmsnet
from tfmsnet.electrode import AM, PhaseImage, Recipe, generate
from tfmsnet.electrode.writing import write_image
from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.load import FRAMES_TO_FULL, CRate, End, Every, Load, Rest, Voltage, constant_current
from tfmsnet.materials import parameter_set
from tfmsnet.records import read_sample
from tfmsnet.serving.scored import Scored

PULSES = Load((CRate(2.0, End(time_s=120)), Rest(End(time_s=180)), CRate(-1.0, End(time_s=120))), Every(30.0))
# Ends by voltage, taper, time and charge.
HELD = Load(
    (
        CRate(1.5, End(voltage_v=3.9)),
        Voltage(3.9, End(taper_c_rate=0.2)),
        Rest(End(time_s=300)),
        CRate(-1.0, End(voltage_v=4.0, charge=1.0)),
        Voltage(4.0, End(charge=0.02, time_s=600)),
    ),
    Every(100.0),
)


@pytest.fixture(scope="module")
def held(electrode):
    return tfmsnet.simulate(electrode, HELD)


@pytest.fixture(scope="module")
def electrode():
    return generate(Recipe(90.0, 10.0, (16, 16, 32), seed=5))


@pytest.fixture(scope="module")
def resolved():
    return tfmsnet.load_model("resolved-particles")


def vrmse(answer, known):
    """Of the concentration, per frame."""
    am = known.am_mask if hasattr(known, "am_mask") else known.image.phase == 1
    pairs = zip(answer.concentration[1:], known.concentration[1:], strict=True)
    return [float(np.sqrt(((a[am] - b[am]) ** 2).mean()) / b[am].std()) for a, b in pairs]


@pytest.mark.parametrize("load", [1.0, PULSES])
def test_it_is_near_the_simulator(resolved, electrode, load):
    known = tfmsnet.simulate(electrode, load)
    answer = resolved.predict(electrode, load)
    assert np.abs(answer.voltage_v - known.voltage_v).max() < 1e-3
    np.testing.assert_allclose(answer.dol, known.dol, atol=1e-5)
    if load == 1.0:
        assert np.median(vrmse(answer, known)) < 0.006
        coarse = tfmsnet.load_model("porous-electrode").curve(electrode, load)
        assert np.abs(coarse.voltage_v - known.voltage_v).max() < 5e-3


@pytest.mark.parametrize(
    ("name", "cell"),
    [("resolved-particles", "nmc111"), ("porous-electrode", "nmc111"), ("porous-electrode", "lco")],
)
def test_it_says_how_far_off_it_may_be(name, cell, electrode):
    parameters = parameter_set(cell).parameters
    known = tfmsnet.simulate(electrode, 2.0, parameters)
    answer = tfmsnet.load_model(name).of_cell(parameters).fields(electrode, 2.0)
    assert answer.voltage_error_v.shape == answer.concentration_vrmse.shape == answer.voltage_v.shape
    curve_v, most = answer.error
    off_v = answer.voltage_v[1:] - known.voltage_v[1:]
    assert np.sqrt((off_v**2).mean()) < curve_v < 0.01
    assert np.median(vrmse(answer, known)) < most
    assert not answer.doubtful


def test_the_capacity_down_to_a_voltage_is_the_simulator_s(resolved, electrode):
    load = constant_current(2.0, FRAMES_TO_FULL, 3.0)
    known, answer = tfmsnet.simulate(electrode, load), resolved.curve(electrode, load)
    assert known.ends[0].reason == "voltage"
    assert answer.dol[-1] - answer.dol[0] == pytest.approx(known.dol[-1] - known.dol[0], rel=6e-3)
    common = min(len(answer.dol), len(known.dol)) - 1
    assert np.abs(answer.voltage_v[:common] - known.voltage_v[:common]).max() < 3e-3


@pytest.mark.parametrize("name", ["resolved-particles", "porous-electrode"])
def test_held_voltages_are_near_the_simulators(name, electrode, held):
    answer = tfmsnet.load_model(name).predict(electrode, HELD)
    assert [end.reason for end in answer.ends] == [end.reason for end in held.ends]
    off_s = [a.time_s - b.time_s for a, b in zip(answer.ends, held.ends, strict=True)]
    assert np.abs(off_s).max() < 0.01 * held.times_s[-1]
    resolved = name == "resolved-particles"
    assert abs(len(answer.times_s) - len(held.times_s)) <= (0 if resolved else 1)
    # A porous electrode, 1 mV off, begins to hold some seconds later.
    _, ours, theirs = np.intersect1d(answer.times_s.round(-1), held.times_s.round(-1), return_indices=True)
    assert len(ours) > 0.8 * len(held.times_s)
    off_v = answer.voltage_v[ours] - held.voltage_v[theirs]
    assert np.abs(off_v).max() < (0.5e-3 if resolved else 2e-3)
    tolerance = {"rtol": 0.02, "atol": 1e-3} if resolved else {"rtol": 0.05, "atol": 0.02}
    np.testing.assert_allclose(answer.c_rate_profile[ours], held.c_rate_profile[theirs], **tolerance)
    assert answer.dol[-1] - answer.dol[0] == pytest.approx(held.dol[-1] - held.dol[0], abs=1e-4)
    # What flows while a voltage is held is found, and goes into the active material.
    parameters, hours = Parameters(), np.diff(answer.times_s) / 3600
    passed = np.cumsum(answer.c_rate_profile[1:] * hours) * (1 - parameters.initial_dol)
    np.testing.assert_allclose(answer.dol[1:] - answer.dol[0], passed, atol=1e-6)
    mean = answer.concentration[:, electrode.phase == AM].mean(1, dtype=np.float64) / parameters.c_max_mol_m3
    np.testing.assert_allclose(mean, answer.dol, atol=1e-6)


@pytest.mark.parametrize(
    ("cell", "low_v", "high_v"),
    [
        ("nmc111", 2.9, 4.25),
        pytest.param("nmc811", 2.9, 4.25, marks=pytest.mark.slow),
        pytest.param("lfp", 2.6, 3.7, marks=pytest.mark.slow),
        pytest.param("graphite", 0.01, 0.6, marks=pytest.mark.slow),
    ],
)
def test_from_full_surfaces_it_goes_on_as_the_simulator(resolved, electrode, cell, low_v, high_v):
    load = Load(
        (
            CRate(3.0 if cell != "lfp" else 0.5, End(voltage_v=low_v)),
            Voltage(low_v, End(taper_c_rate=0.2, time_s=1200)),
            Rest(End(time_s=300)),
            CRate(-1.0, End(voltage_v=high_v)),
        ),
        Every(100.0),
    )
    parameters = parameter_set(cell).parameters
    known = tfmsnet.simulate(electrode, load, parameters)
    answer = resolved.of_cell(parameters).curve(electrode, load)
    assert [end.reason for end in answer.ends] == [end.reason for end in known.ends]
    ours_s, theirs_s = ([end.time_s for end in run.ends] for run in (answer, known))
    np.testing.assert_allclose(ours_s, theirs_s, atol=2e-3 * theirs_s[-1])
    ours, theirs = (np.isin(run.times_s, [end.time_s for end in run.ends]) for run in (answer, known))
    np.testing.assert_allclose(answer.dol[ours], known.dol[theirs], atol=1e-3)
    off_v = np.abs(answer.voltage_v[ours] - known.voltage_v[theirs])
    # While the voltage collapses, single precision tells it to some mV; where surfaces are full it is any.
    assert off_v[0] < 0.02 or known.ends[0].reason == "saturated"
    assert off_v[1:].max() < 1e-3


def test_fields_curve_and_summary_go_together(resolved, electrode):
    fields, curve = resolved.fields(electrode, PULSES), resolved.curve(electrode, PULSES)
    np.testing.assert_allclose(curve.voltage_v, fields.voltage_v, rtol=1e-6)
    assert curve.summary == pytest.approx(fields.summary, rel=1e-4)
    assert [end.reason for end in curve.ends] == ["time"] * 3
    assert (fields.concentration[:, electrode.phase != 1] == 0).all()
    foil = electrode.phase[:, :, 0] != 0
    np.testing.assert_allclose(fields.potential[:, :, :, 0][:, foil].mean(1), fields.voltage_v, atol=1e-4)
    thinned = resolved.fields(electrode, PULSES, frame_stride=5, region=(0, 4, 2, 9, 0, 32))
    np.testing.assert_allclose(thinned.potential, fields.potential[::5, 0:4, 2:9], rtol=1e-6)


def test_any_voxels_without_a_warning(resolved, electrode):
    finer = PhaseImage(electrode.phase, 0.35e-6)
    assert resolved.outside(finer, PULSES) == []
    assert resolved.curve(finer, 1.0).voltage_v[-1] > resolved.curve(electrode, 1.0).voltage_v[-1]


def test_it_ends_where_the_material_is_full(resolved, electrode):
    load = constant_current(4.0, 37, cutoff_voltage_v=2.0)
    answer = resolved.predict(electrode, load)
    known = tfmsnet.simulate(electrode, load)
    assert answer.frames < 37
    assert answer.ends[-1].reason == known.ends[-1].reason != "charge"
    assert answer.times_s[-1] == pytest.approx(known.times_s[-1], rel=1e-3)


def test_a_directory_of_its_name_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resolved-particles").mkdir()
    assert tfmsnet.load_model("resolved-particles").title == "resolved-particles"
    for directory in ("./resolved-particles", tmp_path / "resolved-particles", Path("resolved-particles")):
        with pytest.raises(UserError, match="expected a run"):
            tfmsnet.load_model(directory)


def test_before_the_first_frame_nothing_can_be_answered(resolved, electrode):
    with pytest.raises(UserError, match="before the first frame"):
        resolved.curve(electrode, Load((CRate(300.0, End(time_s=60.0)),), Every(30.0)))


def test_an_answer_that_ends_early_scores_infinity(resolved, sample):
    class Short:
        def fields(self, image, load):
            found = resolved.fields(image, load)
            return type(found)(**{**vars(found), "concentration": found.concentration[:3]})

    fields = Scored(Short())(sample)
    assert fields.concentration.shape == sample.concentration.shape
    assert np.isnan(fields.concentration[3:]).all()


@pytest.mark.slow
@pytest.mark.parametrize("fields", [["concentration", "potential"], ["concentration"]])
def test_networks_start_from_a_reduced_model(fields, judged, make_config, electrode, tmp_path):
    """Untrained, the answer is the reference's; what a network doesn't predict stays so."""
    config = make_config("direct", steps=2, learning_rate=1e-12, horizon=((1.0, 1),))
    values = {"reference": "porous-electrode", "filters": 2, "fields": fields}
    config = config.with_values(values, "test")
    tfmsnet.train(judged, tmp_path / "run", config)
    model = tfmsnet.load_model(tmp_path / "run")
    assert model.network.reference == "porous-electrode"
    image = PhaseImage(electrode.phase[:12, :12, :16])
    answer, start = model.curve(image, 1.0), tfmsnet.load_model("porous-electrode").curve(image, 1.0)
    np.testing.assert_allclose(answer.dol, start.dol, atol=1e-4)
    tfmsnet.export(tmp_path / "run", tmp_path / "served")
    served = tfmsnet.load_model(tmp_path / "served")
    np.testing.assert_allclose(served.curve(image, 1.0).voltage_v, answer.voltage_v, atol=1e-5)
    whole, known = (a.fields(image, 1.0) for a in (served, tfmsnet.load_model("porous-electrode")))
    np.testing.assert_allclose(whole.potential, known.potential, atol=1e-5)
    if fields == ["concentration"]:
        np.testing.assert_allclose(answer.voltage_v, start.voltage_v, atol=1e-5)


def test_what_is_doubtful_says_so_and_the_simulator_may_answer(electrode, tmp_path, monkeypatch, request):
    command = request.getfixturevalue("tfmsnet")
    write_image(electrode, tmp_path / "e.tif")
    ask = ("predict", tmp_path / "e.tif", "--c-rate", 1, "--model", "porous-electrode")
    monkeypatch.setattr("tfmsnet.serving.model.DOUBTFUL_V", 1e-9)
    status, _, err = command(*ask, "--out", tmp_path / "doubtful")
    assert status == 0
    assert "don't believe porous-electrode: its curve may be off by" in err
    about = json.loads((tmp_path / "doubtful/answer.json").read_text())
    assert about["error"]["voltage_v"] > 1e-9
    assert any("--fallback simulate takes the simulator" in text for text in about["warnings"])
    simulated = (*ask, "--fallback", "simulate", "--out", tmp_path / "simulated")
    for _ in range(2):  # the same question may be asked again
        assert command(*simulated)[0] == 0
    about = json.loads((tmp_path / "simulated/answer.json").read_text())
    assert (about["model"], about["answered_by"]) == ("porous-electrode", "simulator")
    assert "error" not in about
    known = tfmsnet.simulate(PhaseImage(electrode.phase), 1.0)  # images know no calendering
    np.testing.assert_allclose(read_sample(tmp_path / "simulated/fields.h5").voltage_v, known.voltage_v)
