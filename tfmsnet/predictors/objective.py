"""What training makes small: the paper's eqs. (17) and (18), over the field's own phase.

Arrays may have a time axis after the batch, or none; masks are the same at all times.
"""

import tensorflow as tf

from tfmsnet.networks.msnet import coarsened
from tfmsnet.predictors.state import phase_mean

# Mean square of the state below which a frame's relative error isn't counted in full.
RELATIVE_FLOOR = 0.02
# Share of a discharge's largest standard deviation that errors are at least relative to.
SMALLEST_SPREAD = 0.05
# Relative squared error below which the root of it is no longer sharper than a parabola.
ROOT_FLOOR = 1e-4


def frame_losses(outputs, target, masks, kind):
    """Error of frames, per sample and scale, summed over the channels.

    On every scale the squared error is averaged over the phase: "mse".  "relative" divides it by the
    mean square of the true state at the finest scale (plus a floor).  "relative-root" is the root of
    that, which neither a channel that is hard to predict nor a sample that is can drown the others with.

    Args:
        outputs: list over scales, finest first, of (batch, [time,] x/2^n, ..., channel).
        target: (batch, [time,] x, y, z, channel), zero outside the phases.
        masks: list over scales of (batch, x/2^n, ..., channel).
        kind: "mse", "relative" or "relative-root".

    Returns:
        (batch, [time,] scale) float32.
    """
    targets = _coarsened(target, len(outputs))
    weight = 1.0
    if kind != "mse":
        weight = 1.0 / (phase_mean(target**2, masks[0]) + RELATIVE_FLOOR)
    errors = [
        phase_mean((output - true) ** 2, mask) * weight
        for output, true, mask in zip(outputs, targets, masks, strict=True)
    ]
    if kind == "relative-root":
        errors = [tf.sqrt(error + ROOT_FLOOR) - ROOT_FLOOR**0.5 for error in errors]
    return tf.stack([tf.reduce_sum(error, axis=-1) for error in errors], axis=-1)


def _coarsened(target, scales):
    """On all scales; pooling knows no time, so it takes the frames as a larger batch."""
    if len(target.shape) == 5:
        return coarsened(target, scales)
    lead = tf.shape(target)[:2]
    merged = tf.reshape(target, tf.concat([[-1], tf.shape(target)[2:]], axis=0))
    return [
        tf.reshape(part, tf.concat([lead, tf.shape(part)[1:]], axis=0)) for part in coarsened(merged, scales)
    ]


def vrmse(output, target, mask, known=0.0):
    """Root of the squared error over the frame's variance, per sample (1: no better than the mean).

    The variance counts as no less than (5 %)^2 of the discharge's largest: after a rest little is left of it.

    Args:
        output, target: (batch, time, x, y, z), of one field, or what it is beyond `known`; any unit, any
            uniform offset.
        mask: (batch, x, y, z), of its phase.
        known: what output and target are deviations from, (batch, time, x, y, z) in the same unit or one
            number for all voxels: the variance is the whole field's.

    Returns:
        (batch, time) float32.
    """

    def pattern(field):
        for _ in range(2):  # the mean of 4 V in float32 is off by as much as some patterns are large
            inside = field * mask[:, None]
            field = (inside - phase_mean(inside, mask)[:, :, None, None, None]) * mask[:, None]
        return field

    # Each by itself: float32 would lose the deviation in what is known.
    variance = phase_mean((pattern(target) + pattern(known)) ** 2, mask)
    error = phase_mean((output - target) ** 2 * mask[:, None], mask)
    smallest = SMALLEST_SPREAD**2 * tf.reduce_max(variance, axis=1, keepdims=True)
    return tf.sqrt(error / tf.maximum(variance, tf.maximum(smallest, 1e-30)))
