"""The discrete adjoint against the tape: two ways to one gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmsnet.networks.config import MSNetConfig
from tfmsnet.networks.msnet import MSNet, coarsened
from tfmsnet.predictors.trajectory import adjoint_gradient, tape_gradient


def rollout_problem(autoregressive=True):
    """A masked MSNet rollout with losses on all scales, as the trainer has it."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(1)
    shape = (2, 8, 8, 8)
    features = coarsened(tf.constant(rng.random((*shape, 3)), tf.float32), 2)
    masks = coarsened(tf.constant(rng.random((*shape, 2)) < 0.5, tf.float32), 2)
    target = tf.constant(rng.standard_normal((5, *shape, 2)), tf.float32) * masks[0]
    operating_point = tf.constant(rng.random((5, 2, 1)), tf.float32)
    network = MSNet(2, MSNetConfig(filters=4, convolutions=2), scales=2, autoregressive=autoregressive)

    def step(t, state):
        outputs = network(features, masks, operating_point[t], state)
        losses = tf.stack(
            [
                tf.reduce_mean((output - true) ** 2)
                for output, true in zip(outputs, coarsened(target[t], 2), strict=True)
            ]
        )
        return outputs[0], tf.reduce_sum(losses), losses

    initial = masks[0] * 0.1
    step(tf.constant(0), initial)
    return step, initial, network.trainable_variables


@pytest.mark.parametrize("autoregressive", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_adjoint_equals_tape(steps, autoregressive):
    step, initial, variables = rollout_problem(autoregressive)
    by_tape = tf.function(lambda: tape_gradient(step, initial, steps, variables, 2))()
    by_adjoint = tf.function(lambda: adjoint_gradient(step, initial, steps, variables, 2))()
    np.testing.assert_allclose(by_adjoint[0], by_tape[0], rtol=1e-6)
    np.testing.assert_allclose(by_adjoint[1], by_tape[1], rtol=1e-6)
    scale = float(tf.linalg.global_norm(by_tape[2]))
    assert scale > 1e-3
    for one, other in zip(by_adjoint[2], by_tape[2], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * scale)


def test_the_number_of_steps_may_be_a_tensor():
    step, initial, variables = rollout_problem()
    gradient = tf.function(lambda n: adjoint_gradient(step, initial, n, variables, 2))
    expected = adjoint_gradient(step, initial, 3, variables, 2)
    np.testing.assert_allclose(gradient(tf.constant(3))[0], expected[0], rtol=1e-6)


def test_the_gradient_is_the_slope_of_the_loss():
    step, initial, variables = rollout_problem()
    loss, _, gradients = adjoint_gradient(step, initial, 4, variables, 2)
    size = 1e-2 / float(tf.linalg.global_norm(gradients))
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_add(size * gradient)
    uphill = float(adjoint_gradient(step, initial, 4, variables, 2)[0])
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(2 * size * gradient)
    downhill = float(adjoint_gradient(step, initial, 4, variables, 2)[0])
    slope = (uphill - downhill) / (2 * size)
    assert slope == pytest.approx(float(tf.linalg.global_norm(gradients)) ** 2, rel=0.02)
    assert downhill < float(loss) < uphill
