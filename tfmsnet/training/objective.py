"""The loss of a window of frames: the paper's eqs. (17) and (18), over the field's own phase."""

import tensorflow as tf

from tfmsnet.model.msnet import coarsened

# Mean square of the state below which a frame's relative error isn't counted in full.
RELATIVE_FLOOR = 0.02


def frame_losses(outputs, target, masks, relative):
    """Squared error of one frame, per sample and scale, summed over the fields.

    On every scale the squared error is averaged over the phase.  With `relative` it is divided by the
    mean square of the true state at the finest scale (plus a floor).

    Args:
        outputs: list over scales, finest first, of (batch, x/2^n, ..., field).
        target: (batch, x, y, z, field), zero outside the phases.
        masks: list over scales of (batch, x/2^n, ..., field).
        relative: whether errors are relative.

    Returns:
        (batch, scale) float32.
    """
    targets = coarsened(target, len(outputs))
    weight = 1.0
    if relative:
        weight = 1.0 / (_phase_mean(target**2, masks[0]) + RELATIVE_FLOOR)
    errors = [
        tf.reduce_sum(_phase_mean((output - true) ** 2, mask) * weight, axis=-1)
        for output, true, mask in zip(outputs, targets, masks, strict=True)
    ]
    return tf.stack(errors, axis=-1)


def _phase_mean(values, mask):
    """(batch, x, y, z, field) -> (batch, field)."""
    space = (1, 2, 3)
    return tf.reduce_sum(values, space) / tf.maximum(tf.reduce_sum(mask, space), 1.0)


def vrmse_by_field(output, target, mask):
    """Root of the squared error over the frame's variance, per sample and field (1: no better than the mean).

    Args:
        output, target, mask: (batch, x, y, z, field).

    Returns:
        (batch, field) float32.
    """
    mean = _phase_mean(target, mask)[:, None, None, None, :] * mask
    variance = _phase_mean((target - mean) ** 2, mask)
    return tf.sqrt(_phase_mean((output - target) ** 2, mask) / tf.maximum(variance, 1e-12))
