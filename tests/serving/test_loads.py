"""A model under loads: current that changes, limits of the voltage, what it can't answer."""

import numpy as np
import pytest

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.halfcell import one_c_a_m2
from tfmsnet.load import CRate, CurrentDensity, End, Every, Load, Rest, Voltage, cccv, constant_current, hppc
from tfmsnet.predictors.store import load_predictor
from tfmsnet.references.faraday import mean_dol
from tfmsnet.serving.local import load_model

PULSES = Load(
    (CRate(1.0, End(time_s=300)), Rest(End(time_s=200)), CRate(-0.5, End(time_s=200))), Every(100.0), "pulses"
)


@pytest.fixture(scope="module")
def image(samples):
    return PhaseImage(samples[0].phase)


def test_fields_and_curve_are_the_predictors_under_the_same_profile(run, local, image):
    profile, times_s, _ = PULSES.schedule()
    inputs = {
        "phase": image.phase[None],
        "c_rate_profile": profile[None].astype(np.float32),
        "times_s": times_s[None].astype(np.float32),
    }
    truth = load_predictor(run)(inputs)
    answer = local.fields(image, PULSES)
    for name in ("concentration", "potential", "dol", "voltage_v"):
        np.testing.assert_allclose(getattr(answer, name), truth[name][0], rtol=2e-6)
    curve = local.curve(image, PULSES)
    np.testing.assert_allclose(curve.voltage_v, answer.voltage_v, rtol=1e-6)
    assert curve.summary == pytest.approx(answer.summary, rel=1e-6)
    np.testing.assert_allclose(answer.c_rate_profile, [0, 1, 1, 1, 0, 0, -0.5, -0.5])
    np.testing.assert_allclose(answer.dol, mean_dol(profile, times_s, local.parameters), rtol=1e-5)


def test_a_load_may_begin_with_a_rest_or_a_charge(local, image):
    answer = local.curve(image, hppc(levels=1, rest_s=600.0))
    assert answer.c_rate_profile[1] == 0
    assert answer.dol[1] == pytest.approx(answer.dol[0], abs=1e-6)
    assert np.isfinite(answer.voltage_v).all()
    charged = local.curve(image, constant_current(-0.5, 3))
    assert charged.dol[-1] < charged.dol[0]


def test_a_client_answers_loads_as_the_model_does(client, local, image):
    here, there = local.fields(image, PULSES), client.fields(image, PULSES)
    np.testing.assert_allclose(there.potential, here.potential, rtol=1e-6)
    assert client.curve(image, PULSES).summary == pytest.approx(here.summary, rel=1e-6)


def test_the_summary_counts_what_was_charged_back(local, image):
    """Net charge over the area of the foil, and the energy that goes with it."""
    curve = local.curve(image, PULSES)
    hours = np.diff(curve.times_s.astype(float)) / 3600
    ma_cm2 = one_c_a_m2(image, local.parameters) / 10 * curve.c_rate_profile[1:]
    means = (curve.voltage_v[1:].astype(float) + curve.voltage_v[:-1]) / 2
    assert curve.summary["areal_capacity_mah_cm2"] == pytest.approx((ma_cm2 * hours).sum(), rel=1e-3)
    assert curve.summary["areal_energy_mwh_cm2"] == pytest.approx((ma_cm2 * hours * means).sum(), rel=1e-3)


def test_a_current_density_is_the_c_rate_that_it_means(local, image):
    end = End(time_s=300)
    density = Load((CurrentDensity(one_c_a_m2(image, local.parameters), end),), Every(100.0))
    c_rate = Load((CRate(1.0, end),), Every(100.0))
    one, other = local.fields(image, density), local.fields(image, c_rate)
    np.testing.assert_allclose(one.concentration, other.concentration, rtol=1e-5)


def test_the_voltage_limit_ends_it_at_the_last_frame_before(local, image):
    whole = local.curve(image, 1.0)
    limit = float(whole.voltage_v[10] + whole.voltage_v[11]) / 2
    beyond = int(np.flatnonzero(whole.voltage_v < limit)[0])
    cut = local.curve(image, constant_current(1.0, cutoff_voltage_v=limit))
    assert [end.reason for end in cut.ends] == ["voltage"]
    assert [end.reason for end in whole.ends] == ["charge"]
    assert len(cut.times_s) == beyond
    np.testing.assert_allclose(cut.voltage_v, whole.voltage_v[:beyond], rtol=1e-5)
    assert cut.summary["areal_capacity_mah_cm2"] < whole.summary["areal_capacity_mah_cm2"]
    sample = local.predict(image, constant_current(1.0, cutoff_voltage_v=limit))
    assert sample.frames == beyond
    assert sample.complete
    assert sample.ends == cut.ends


def test_what_a_network_cannot_know_is_refused(local, image):
    with pytest.raises(UserError, match="isn't known beforehand"):
        local.curve(image, cccv())
    held = Load((Voltage(4.0, End(time_s=60.0)),), Every(30.0))
    with pytest.raises(UserError, match="its current isn't known beforehand"):
        local.curve(image, held)
    first = CRate(1.0, End(time_s=900.0, voltage_v=4.5))
    with pytest.raises(UserError, match=r"the limit of segment 0, 4\.5 V, and what follows isn't known"):
        local.curve(image, Load((first, Rest(End(time_s=60.0))), Every(100.0)))
    with pytest.raises(UserError, match="at most 20, the largest at least 1e-06, found 30"):
        local.curve(image, 30.0)


def test_a_time_basis_answers_constant_current_alone(basis_run, image):
    own = load_model(basis_run)
    with pytest.raises(UserError, match="has a time basis, which answers constant current alone"):
        own.curve(image, PULSES)
    short = own.curve(image, constant_current(1.0, frames=7))
    np.testing.assert_allclose(short.voltage_v, own.curve(image, 1.0).voltage_v[:7], rtol=1e-5)
