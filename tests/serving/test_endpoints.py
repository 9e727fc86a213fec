"""The signatures: the numbers of the surrogate that was exported, for any size, thinned out and cropped."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfmsnet.electrode import PhaseImage
from tfmsnet.load import equal_charge_frames
from tfmsnet.materials.parameters import FARADAY_C_MOL
from tfmsnet.predictors.config import NetworkConfig
from tfmsnet.predictors.store import load_predictor
from tfmsnet.serving.endpoints import Endpoints
from tfmsnet.serving.local import load_model
from tfmsnet.serving.quantities import signatures

WHOLE = {"frame_stride": tf.constant([1]), "region": tf.constant([[0] * 6])}


def electrode(shape, seed):
    """Random labels with all that an image needs."""
    phase = np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)
    phase[:, 0, 0, 0], phase[:, -1, -1, -1] = 1, 0
    return phase


@pytest.fixture(scope="module")
def from_run(run):
    return load_model(run)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grid=st.tuples(*[st.integers(2, 14)] * 3),
    seed=st.integers(0, 1000),
    c_rate=st.floats(0.125, 20.0, width=32),
)
def test_any_size_is_answered_as_tfmsnet_predict_answers(local, from_run, grid, seed, c_rate):
    image = PhaseImage(electrode((1, *grid), seed)[0])
    one, other = from_run.predict(image, c_rate), local.predict(image, c_rate)
    for name in ("concentration", "potential", "dol", "voltage_v"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-6)


@pytest.fixture(scope="module")
def batch(loaded):
    """Two images at two C-rates, and the answer of `fields` with everything."""
    inputs = {"phase": tf.constant(electrode((2, 9, 6, 11), 1)), "c_rate": tf.constant([1.0, 2.5])}
    return inputs, loaded.signatures["fields"](**inputs, **WHOLE)


def test_it_is_the_surrogate(run, batch):
    inputs, answer = batch
    profiles, times = zip(*(equal_charge_frames(c_rate) for c_rate in (1.0, 2.5)), strict=True)
    truth = load_predictor(run)(
        {
            "phase": inputs["phase"],
            "c_rate_profile": tf.constant(profiles, tf.float32),
            "times_s": tf.constant(times, tf.float32),
        }
    )
    for name, value in truth.items():
        np.testing.assert_allclose(answer[name], value, rtol=1e-6)
    np.testing.assert_allclose(answer["times_s"], times, rtol=1e-6)


def test_a_batch_is_its_images(loaded, batch):
    inputs, answer = batch
    for i in range(2):
        one = loaded.signatures["fields"](**{k: v[i : i + 1] for k, v in inputs.items()}, **WHOLE)
        for name, value in one.items():
            np.testing.assert_allclose(value[0], answer[name][i], rtol=2e-6)


def test_the_default_signature_is_small_and_the_same(loaded, batch):
    inputs, answer = batch
    curve = loaded.signatures["serving_default"](**inputs)
    assert set(answer) - set(curve) == {"concentration", "potential"}
    assert sum(value.numpy().nbytes for value in curve.values()) < 1000
    for name, value in curve.items():
        np.testing.assert_allclose(value, answer[name], rtol=1e-6)


@pytest.mark.parametrize("stride", [1, 5, 24, 100])
def test_stride_and_region_cut_the_answer_alone(loaded, batch, stride):
    inputs, answer = batch
    x0, x1, y0, y1, z0, z1 = box = (2, 9, 0, 1, 3, 7)
    cut = loaded.signatures["fields"](
        **inputs, frame_stride=tf.constant([stride] * 2), region=tf.constant([box])
    )
    for name, value in cut.items():
        whole = answer[name]
        if name in ("concentration", "potential"):
            whole = whole[:, ::stride, x0:x1, y0:y1, z0:z1]
        np.testing.assert_array_equal(value, whole)


def test_the_fields_are_zero_outside_of_their_phases(batch):
    phase = batch[0]["phase"].numpy()[:, None]
    concentration, potential = batch[1]["concentration"].numpy(), batch[1]["potential"].numpy()
    assert not (concentration * (phase != 1)).any()
    assert not (potential * (phase == 0)).any()


def test_the_summary_is_what_its_names_say(run, batch):
    inputs, answer = batch
    answer = {name: value.numpy().astype(np.float64) for name, value in answer.items()}
    phase, parameters = inputs["phase"].numpy(), load_predictor(run).parameters
    for label, name in enumerate(("electrolyte_fraction", "am_fraction", "cbd_fraction")):
        np.testing.assert_allclose(answer[name], (phase == label).mean(axis=(1, 2, 3)), rtol=1e-6)
    for i in range(2):
        dol, voltage = answer["dol"][i], answer["voltage_v"][i]
        lithium_mol_m2 = parameters.c_max_mol_m3 * (dol[-1] - dol[0]) * (phase[i] == 1).mean() * 11 * 0.5e-6
        mah_cm2 = lithium_mol_m2 * FARADAY_C_MOL / 3.6 / 1e4
        energy = np.trapezoid(voltage, dol) if hasattr(np, "trapezoid") else np.trapz(voltage, dol)  # noqa: NPY201
        mean = energy / (dol[-1] - dol[0])
        last = answer["concentration"][i, -1][phase[i] == 1] / parameters.c_max_mol_m3
        assert answer["areal_capacity_mah_cm2"][i] == pytest.approx(mah_cm2, rel=1e-5)
        assert answer["mean_voltage_v"][i] == pytest.approx(mean, rel=1e-5)
        assert answer["areal_energy_mwh_cm2"][i] == pytest.approx(mah_cm2 * mean, rel=1e-5)
        assert answer["end_dol_std"][i] == pytest.approx(last.std(), rel=1e-3)


def test_steps_make_the_rollout(loaded, batch):
    inputs, answer = batch
    for frame in (0, 3):
        step = loaded.signatures["step"](
            **inputs,
            time_s=answer["times_s"][:, frame],
            concentration=answer["concentration"][:, frame],
            potential=answer["potential"][:, frame],
        )
        for name, value in step.items():
            # The fields come back as float32 in V: 4 V are known to 0.5 uV, near the ohmic drop in the solid.
            np.testing.assert_allclose(value, answer[name][:, frame + 1], rtol=1e-4)


def test_a_constant_profile_is_the_constant_current(loaded, batch):
    inputs, answer = batch
    c_rate = inputs["c_rate"][:, None]
    profile = loaded.signatures["profile"](
        phase=inputs["phase"],
        c_rate_profile=tf.repeat(c_rate, 25, axis=1),
        times_s=answer["times_s"],
        **WHOLE,
    )
    for name, value in profile.items():
        np.testing.assert_allclose(value, answer[name], rtol=1e-6)


def test_a_pulse_moves_the_lithium_that_it_passes(loaded, batch):
    times = np.array([[0, 60, 120, 240]] * 2, np.float32)
    c_rates = np.array([[np.nan, 3.0, 0.0, -1.0]] * 2, np.float32)  # element 0 is not looked at
    answer = loaded.signatures["profile"](
        phase=batch[0]["phase"], c_rate_profile=tf.constant(c_rates), times_s=tf.constant(times), **WHOLE
    )
    dol = answer["dol"].numpy()[0]
    charge = np.array([0, 180, 180, 60]) / 3600
    np.testing.assert_allclose(dol, dol[0] + (1 - dol[0]) * charge, rtol=1e-4)


@pytest.fixture(scope="module")
def untrained(records, make_config):
    """Surrogates of other configurations, with the weights that they start from."""
    from tfmsnet.predictors.predictor import make_predictor
    from tfmsnet.records import open_manifest

    def make(mode, **values):
        manifest = open_manifest(records)
        config = make_config(mode).with_values(values, "test").network
        return make_predictor(config, manifest.parameters, manifest.statistics, manifest.voxel_size_m)

    return make


def test_a_model_of_one_field_has_its_answers_alone(untrained):
    endpoints = Endpoints(untrained("autoregressive", fields=["concentration"]))
    names = {quantity.name for quantity in endpoints.signatures["fields"].outputs}
    answer = endpoints.fields(tf.constant(electrode((1, 4, 4, 4), 0)), tf.constant([1.0]), *WHOLE.values())
    assert set(answer) == names
    assert not names & {"potential", "voltage_v", "mean_voltage_v"}
    assert [quantity.name for quantity in endpoints.signatures["step"].inputs][3:] == ["concentration"]


@pytest.mark.parametrize("percent", [-1.0, 100.0, np.inf])
def test_calendering_that_cannot_be_is_refused(untrained, percent):
    endpoints = Endpoints(untrained("basis", reference="porous-electrode"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="calendering_percent: expected 0 to below 100"):
        endpoints.curve(
            tf.constant(electrode((1, 4, 4, 4), 0)),
            tf.constant([1.0]),
            calendering_percent=tf.constant([percent]),
        )


def test_a_network_with_a_time_basis_has_no_steps(untrained):
    surrogate = untrained("basis")
    endpoints = Endpoints(surrogate)
    assert set(endpoints.signatures) == {"serving_default", "fields", "profile", "card"}
    phase = tf.constant(electrode((1, 6, 5, 7), 0))
    answer = endpoints.fields(phase, tf.constant([2.0]), *WHOLE.values())
    profile, times_s = (tf.constant(values[None], tf.float32) for values in equal_charge_frames(2.0))
    truth = surrogate({"phase": phase, "c_rate_profile": profile, "times_s": times_s})
    for name, value in truth.items():
        np.testing.assert_allclose(answer[name], value, rtol=1e-6)
    same = endpoints.profile(phase, profile, times_s, *WHOLE.values())
    for name, value in answer.items():
        np.testing.assert_allclose(same[name], value, rtol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected one C-rate in all intervals"):
        endpoints.profile(phase, tf.where(times_s > 500, -profile, profile), times_s, *WHOLE.values())


@pytest.mark.parametrize(
    ("reference", "answers"),
    [("uniform", {"concentration"}), ("porous-electrode", {"concentration", "potential"})],
)
def test_a_network_on_a_reduced_model_answers_both_fields_and_steps_from_its_own(reference, answers):
    config = NetworkConfig(fields=("concentration",), reference=reference)
    found = signatures(config)
    fields = {quantity.name for quantity in found["fields"].outputs}
    assert answers == fields & {"concentration", "potential"}
    assert ("voltage_v" in fields) == ("potential" in answers)
    given = {quantity.name for quantity in found["step"].inputs}
    assert given & {"concentration", "potential"} == {"concentration"}
