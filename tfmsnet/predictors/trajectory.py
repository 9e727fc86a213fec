"""Many steps from one, and the gradient of their loss: by the discrete adjoint, or by one tape over all.

Gradients take the step `(t, state) -> (state, loss, record)`: the next state, the loss of the frame
(a scalar to be averaged over the frames) and a vector of scalars to be averaged over the frames and
handed back (loss per scale and the like).  They return `(loss, record, gradients)`.

The tape keeps every activation of every step.  The adjoint keeps the states alone: forward without a
tape, then backward one step at a time, the sensitivity of the loss to the state handed from step to
step.  That costs one more evaluation of the step, and memory that doesn't grow with the number of
steps but for the states themselves.
"""

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


def _tensorflow(variables):
    """The tf.Variables that Keras variables wrap: what a tape can watch."""
    return [variable if isinstance(variable, tf.Variable) else variable.value for variable in variables]


def tape_gradient(step, initial, steps, variables, records):
    """Loss, record and gradients of the mean over `steps` frames, by one tape over the whole rollout.

    `steps` must be an int; `records`, the length of the step's record, is checked.
    """
    variables = _tensorflow(variables)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        state, losses, kept = initial, [], []
        for t in range(steps):
            state, loss, record = step(tf.constant(t), state)
            losses.append(loss)
            kept.append(tf.ensure_shape(record, [records]))
        mean = tf.add_n(losses) / float(steps)
    return mean, tf.add_n(kept) / float(steps), tape.gradient(mean, variables)


def adjoint_gradient(step, initial, steps, variables, records):
    """Loss, record and gradients of the mean over `steps` frames, by the discrete adjoint.

    `steps` may be an int or an int32 scalar, `records` is the length of the step's record.  Memory is that
    of one step and of all states.
    """
    variables = _tensorflow(variables)
    states = _forward(step, initial, steps)
    scale = 1.0 / tf.cast(steps, tf.float32)

    def back(t, sensitivity, gradients, loss_sum, record_sum):
        before = states.read(t)
        before.set_shape(initial.shape)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([before, *variables])
            after, loss, record = step(t, before)
            objective = loss * scale + tf.reduce_sum(sensitivity * after)
        sensitivity, *here = tape.gradient(
            objective, [before, *variables], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        gradients = [total + part for total, part in zip(gradients, here, strict=True)]
        return t - 1, sensitivity, gradients, loss_sum + loss * scale, record_sum + record * scale

    start = (
        tf.convert_to_tensor(steps) - 1,
        tf.zeros_like(initial),
        [tf.zeros(variable.shape, variable.dtype) for variable in variables],
        tf.constant(0.0),
        tf.zeros([records]),
    )
    _, _, gradients, loss, record = tf.while_loop(lambda t, *_: t >= 0, back, start, parallel_iterations=1)
    return loss, record, gradients


def _forward(step, initial, steps):
    """The state before each step; the last step itself is left to the backward pass."""
    states = tf.TensorArray(initial.dtype, size=steps, clear_after_read=False, element_shape=initial.shape)
    states = states.write(0, initial)

    def advance(t, state, states):
        state, _, _ = step(t, state)
        state = tf.stop_gradient(state)
        return t + 1, state, states.write(t + 1, state)

    *_, states = tf.while_loop(
        lambda t, *_: t < steps - 1, advance, (tf.constant(0), initial, states), parallel_iterations=1
    )
    return states
