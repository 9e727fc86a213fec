"""The loss: the paper's, over the phase, blind to what is outside it."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.networks.msnet import coarsened
from tfmsnet.predictors.objective import RELATIVE_FLOOR, frame_losses, vrmse


@pytest.fixture
def frame(rng):
    mask = (rng.random((2, 4, 4, 8, 2)) < 0.5).astype(np.float32)
    target = rng.standard_normal(mask.shape).astype(np.float32) * mask
    output = rng.standard_normal(mask.shape).astype(np.float32) * mask
    return mask, target, output


def test_it_is_the_mean_square_over_the_phase_on_every_scale(frame):
    mask, target, output = frame
    losses = frame_losses(coarsened(output, 2), target, coarsened(mask, 2), "mse").numpy()
    fine = [
        sum(((output - target) ** 2)[i, ..., f][mask[i, ..., f] > 0].mean() for f in (0, 1)) for i in (0, 1)
    ]
    np.testing.assert_allclose(losses[:, 0], fine, rtol=1e-5)
    assert losses.shape == (2, 2)


def test_a_perfect_prediction_costs_nothing(frame):
    mask, target, _ = frame
    losses = frame_losses(coarsened(target, 3), target, coarsened(mask, 3), "relative")
    np.testing.assert_allclose(losses, 0, atol=1e-10)


def test_the_relative_loss_of_predicting_no_deviation_is_one_per_field(frame):
    mask, target, _ = frame
    big = 100 * target
    losses = frame_losses(coarsened(0 * big, 1), big, coarsened(mask, 1), "relative")
    np.testing.assert_allclose(losses, 2.0, rtol=2 * RELATIVE_FLOOR / 5e3)


def test_vrmse_of_the_frames_mean_is_one(frame):
    mask, target, _ = frame
    target, mask = target[..., 0], mask[..., 0]  # two frames of one field
    mean = target.sum((1, 2, 3), keepdims=True) / mask.sum((1, 2, 3), keepdims=True) * mask
    found = [
        vrmse(tf.constant(m[None, None]), t[None, None], k[None])
        for m, t, k in zip(mean, target, mask, strict=True)
    ]
    np.testing.assert_allclose(np.ravel(found), 1, rtol=1e-5)


def test_vrmse_of_a_deviation_is_over_the_whole_fields_spread(rng):
    """Potentials of 4 V that differ by some 10 uV, of which a reduced model knows most."""
    shape = (1, 3, 6, 5, 8)
    mask = (rng.random((1, *shape[2:])) < 0.6).astype(np.float32)
    known = (4.0 + 2e-5 * rng.standard_normal(shape)).astype(np.float32) * mask[:, None]
    deviation, error = (size * rng.standard_normal(shape).astype(np.float32) for size in (2e-6, 1e-6))
    found = vrmse(*(tf.constant(a * mask[:, None]) for a in (deviation + error, deviation)), mask, known)
    inside = mask[0] > 0
    whole = (known.astype(float) + deviation)[0][:, inside]
    expected = np.sqrt((error[0][:, inside].astype(float) ** 2).mean(1)) / whole.std(1)
    np.testing.assert_allclose(found[0], expected, rtol=0.02)  # float32 has 4 V to 0.2 uV
    everywhere = tf.fill([1, 3, 1, 1, 1], 4.0)
    alone, beside = (vrmse(deviation + error, deviation, mask, level) for level in (0.0, everywhere))
    np.testing.assert_allclose(alone, beside, rtol=1e-3)


def test_frames_with_a_time_axis_cost_what_they_cost_one_by_one(frame, rng):
    mask, target, output = frame
    more = np.stack([target, 2 * target, rng.standard_normal(target.shape) * mask], axis=1).astype(np.float32)
    outputs = np.stack([output] * 3, axis=1)
    flat = [coarsened(outputs[:, t], 2) for t in range(3)]
    together = [np.stack([np.asarray(one[n]) for one in flat], axis=1) for n in range(2)]
    found = frame_losses(
        [tf.constant(part) for part in together], tf.constant(more), coarsened(mask, 2), True
    )
    for t in range(3):
        alone = frame_losses(flat[t], tf.constant(more[:, t]), coarsened(mask, 2), True)
        np.testing.assert_allclose(found[:, t], alone, rtol=1e-5)
