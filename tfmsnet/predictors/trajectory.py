"""Many steps from one: a trajectory is a function of a step."""

import tensorflow as tf


def trajectory(step, initial, steps):
    """The states that a step makes, one after the other.

    Args:
        step: `(t, state) -> state`, t an int32 scalar counted from 0.
        initial: (batch, x, y, z, channel), the state before the first step.
        steps: how many steps, an int or an int32 scalar.

    Returns:
        (batch, steps, x, y, z, channel), the initial state left out.
    """
    frames = tf.TensorArray(initial.dtype, size=steps, element_shape=initial.shape)

    def advance(t, state, frames):
        state = step(t, state)
        return t + 1, state, frames.write(t, state)

    *_, frames = tf.while_loop(
        lambda t, *_: t < steps, advance, (tf.constant(0), initial, frames), parallel_iterations=1
    )
    stacked = frames.stack()
    return tf.transpose(stacked, [1, 0, 2, 3, 4, 5])
