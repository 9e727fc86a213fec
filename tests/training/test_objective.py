"""The loss: the paper's, over the phase, blind to what is outside it."""

import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.model.msnet import coarsened
from tfmsnet.training.objective import RELATIVE_FLOOR, frame_losses, vrmse_by_field


@pytest.fixture
def frame(rng):
    mask = (rng.random((2, 4, 4, 8, 2)) < 0.5).astype(np.float32)
    target = rng.standard_normal(mask.shape).astype(np.float32) * mask
    output = rng.standard_normal(mask.shape).astype(np.float32) * mask
    return mask, target, output


def test_it_is_the_mean_square_over_the_phase_on_every_scale(frame):
    mask, target, output = frame
    losses = frame_losses(coarsened(output, 2), target, coarsened(mask, 2), relative=False).numpy()
    fine = [
        sum(((output - target) ** 2)[i, ..., f][mask[i, ..., f] > 0].mean() for f in (0, 1)) for i in (0, 1)
    ]
    np.testing.assert_allclose(losses[:, 0], fine, rtol=1e-5)
    assert losses.shape == (2, 2)


def test_a_perfect_prediction_costs_nothing(frame):
    mask, target, _ = frame
    losses = frame_losses(coarsened(target, 3), target, coarsened(mask, 3), relative=True)
    np.testing.assert_allclose(losses, 0, atol=1e-10)


def test_the_relative_loss_of_predicting_no_deviation_is_one_per_field(frame):
    mask, target, _ = frame
    big = 100 * target
    losses = frame_losses(coarsened(0 * big, 1), big, coarsened(mask, 1), relative=True)
    np.testing.assert_allclose(losses, 2.0, rtol=2 * RELATIVE_FLOOR / 5e3)


def test_vrmse_of_the_frames_mean_is_one(frame):
    mask, target, _ = frame
    space = (1, 2, 3)
    mean = target.sum(space, keepdims=True) / mask.sum(space, keepdims=True) * mask
    np.testing.assert_allclose(vrmse_by_field(tf.constant(mean), target, mask), 1, rtol=1e-5)
