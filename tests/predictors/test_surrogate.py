"""The surrogate: masks through a rollout, lithium conserved, any size, weights on disk."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.predictors.config import PAPER_NETWORK, NetworkConfig
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.predictors.store import WEIGHTS, load_predictor
from tfmsnet.predictors.trajectory import trajectory

STATISTICS = {
    "concentration": {"minimum": 2.2e4, "maximum": 4.2e4, "pattern_rms": 0.006},
    "potential": {"minimum": 3.6, "maximum": 4.2, "pattern_rms": 1e-4, "level_rms": 0.03},
}
SMALL = NetworkConfig.of(filters=4, convolutions=2)


def make(config=SMALL):
    return make_predictor(config, Parameters(), STATISTICS, 0.5e-6)


def discharge(surrogate, phase, c_rate=1.0):
    profile, times_s = equal_charge_frames(c_rate)
    answer = surrogate(
        {
            "phase": tf.constant(phase[None]),
            "c_rate_profile": tf.constant(profile[None], tf.float32),
            "times_s": tf.constant(times_s[None], tf.float32),
        }
    )
    return {name: value.numpy()[0] for name, value in answer.items()}


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        replace(SMALL, autoregressive=False),
        replace(SMALL, autoregressive=False, basis=3),
        PAPER_NETWORK.with_values({"filters": 4, "growth": 2.0, "fields": ["concentration", "potential"]}),
    ],
)
@pytest.mark.parametrize("shape", [(8, 8, 12), (7, 9, 13)])
def test_fields_are_exactly_zero_outside_their_phase_in_every_frame(config, shape, rng):
    phase = rng.integers(0, 3, shape).astype(np.uint8)
    answer = discharge(make(config), phase)
    assert answer["concentration"].shape == (25, *shape)
    assert (answer["concentration"][:, phase != 1] == 0).all()
    assert (answer["potential"][:, phase == 0] == 0).all()
    assert np.isfinite(answer["concentration"]).all()


@pytest.mark.parametrize("c_rate", [0.5, 2.0])
def test_lithium_is_conserved_whatever_the_weights(c_rate, rng):
    """The mean degree of lithiation follows the charge passed to 0.001 %, untrained."""
    phase = rng.integers(0, 3, (8, 8, 12)).astype(np.uint8)
    answer = discharge(make(), phase, c_rate)
    parameters = Parameters()
    charge = np.arange(25) * 100 / 3600
    expected = parameters.initial_dol + (1 - parameters.initial_dol) * charge
    np.testing.assert_allclose(answer["dol"], expected, rtol=1e-5)
    mean = answer["concentration"][:, phase == 1].mean(1, dtype=np.float64) / parameters.c_max_mol_m3
    np.testing.assert_allclose(mean, expected, rtol=1e-5)


def test_a_batch_is_its_members(rng):
    surrogate = make()
    phases = rng.integers(0, 3, (2, 8, 8, 8)).astype(np.uint8)
    profile, times_s = equal_charge_frames(1.0)
    both = surrogate(
        {
            "phase": tf.constant(phases),
            "c_rate_profile": tf.constant(np.stack([profile, 2 * profile]), tf.float32),
            "times_s": tf.constant(np.stack([times_s, times_s / 2]), tf.float32),
        }
    )
    for i, rate in enumerate((1.0, 2.0)):
        alone = discharge(surrogate, phases[i], rate)
        np.testing.assert_allclose(both["potential"][i], alone["potential"], atol=1e-5)


def test_a_rollout_is_its_step_over_and_over():
    states = trajectory(lambda t, state: state * 2 + tf.cast(t, tf.float32), tf.ones((1, 1, 1, 1, 1)), 3)
    np.testing.assert_array_equal(states.numpy().ravel(), [2, 5, 12])


def test_weights_come_back_from_disk(run, sample):
    one, other = load_predictor(run), load_predictor(run)
    assert one.network.count_params() > 0
    np.testing.assert_array_equal(
        discharge(one, sample.phase)["potential"], discharge(other, sample.phase)["potential"]
    )


def test_other_peoples_directories_and_weights_are_refused(run, tmp_path):
    with pytest.raises(UserError, match="expected a run made by"):
        load_predictor(tmp_path)
    for path in run.glob("surrogate*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(UserError, match=r"weights\.h5: changed since it was written"):
        load_predictor(tmp_path)


def test_the_true_potential_on_the_foil_is_the_collectors_voltage(samples):
    """Why the curve takes the mean there: the mean over all of the solid is off by the ohmic drop."""
    for sample in samples:
        on_the_foil = sample.potential[..., 0][:, sample.solid_mask[..., 0]].mean(1, dtype=np.float64)
        np.testing.assert_allclose(on_the_foil, sample.voltage_v, atol=5e-5)
