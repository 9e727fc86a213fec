"""A `tfmsnet.load.Load` as tensors, for a batch of cells."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmsnet.load import FAILED, SATURATED, At, Ended, Every, Load, Voltage, c_rate_of

# What ends a segment: the ends that `Segments.ends` holds in this order, and what else may.
ENDS = ("time_s", "voltage_v", "charge", "mean_dol", "taper_c_rate")
REASONS = ("time", "voltage", "charge", "mean_dol", "taper", SATURATED, FAILED)


class Segments(NamedTuple):
    """What cells are asked to do, one segment after the other, and the moments that are kept.

    A frame stands at the end of every segment.  Where a sample has fewer segments than others of its batch,
    the last ones take no time.

    Attributes:
        holds: (batch, segment) bool, a voltage; else a current.
        value: (batch, segment) float64, V, or C-rate, 1/h.
        ends: (batch, segment, 5) float64, see `ENDS` and `tfmsnet.load.End`; NaN where there is none.
        every_s: (batch,) float64, s between frames from the start of each segment; infinite for none.
        at_s: (batch, frame) float64, s, frames at these times; infinite for none.
    """

    holds: tf.Tensor
    value: tf.Tensor
    ends: tf.Tensor
    every_s: tf.Tensor
    at_s: tf.Tensor


# Of any number of cells, segments and frames.
SPECIFICATION = Segments(
    tf.TensorSpec([None, None], tf.bool),
    tf.TensorSpec([None, None], tf.float64),
    tf.TensorSpec([None, None, len(ENDS)], tf.float64),
    tf.TensorSpec([None], tf.float64),
    tf.TensorSpec([None, None], tf.float64),
)


def of_load(load: Load, a_m2_per_c_rate: float, initial_dol: float) -> Segments:
    """Those of a load, as a batch of one.

    Args:
        load: what to do.
        a_m2_per_c_rate: what 1C is, A/m2, see `tfmsnet.halfcell.one_c_a_m2`.
        initial_dol: of the cell.
    """
    holds = [isinstance(segment, Voltage) for segment in load.segments]
    value, ends = [], np.full((len(holds), len(ENDS)), np.nan)
    for segment, found in zip(load.segments, ends, strict=True):
        if isinstance(segment, Voltage):
            value.append(segment.voltage_v)
        else:
            value.append(c_rate_of(segment, a_m2_per_c_rate))
        for k, name in enumerate(ENDS):
            if name in segment.until.given:
                found[k] = getattr(segment.until, name)
        if segment.until.taper_a_m2 is not None:
            found[ENDS.index("taper_c_rate")] = segment.until.taper_a_m2 / a_m2_per_c_rate
    every_s, at_s = np.inf, ()
    if isinstance(load.frames, Every):
        every_s = load.frames.seconds
    elif isinstance(load.frames, At):
        at_s = load.frames.times_s
    else:  # at equal steps of charge, of one segment that is known beforehand
        (end,) = load.known_ends(a_m2_per_c_rate, initial_dol)
        at_s = tuple(load.frames.within(0.0, end.time_s))
    return Segments(
        tf.constant([holds]),
        tf.constant([value], tf.float64),
        tf.constant(ends[None]),
        tf.constant([every_s], tf.float64),
        tf.constant(at_s, tf.float64)[None],
    )


def of_profile(c_rate_profile: tf.Tensor, times_s: tf.Tensor) -> Segments:
    """A segment of constant current between each frame and the next.

    Args:
        c_rate_profile: (batch, time) 1/h, during the interval that ends at each frame.  Element 0
            isn't looked at.
        times_s: (batch, time) s, rising.
    """
    value, seconds = c_rate_profile[:, 1:], times_s[:, 1:] - times_s[:, :-1]
    others = tf.fill([*tf.unstack(tf.shape(seconds)), len(ENDS) - 1], tf.constant(np.nan, tf.float64))
    return Segments(
        tf.zeros_like(value, tf.bool),
        value,
        tf.concat([seconds[..., None], others], axis=2),
        tf.fill(tf.shape(times_s)[:1], tf.constant(np.inf, tf.float64)),
        times_s[:, :0],
    )


def ended(reason: np.ndarray, time_s: np.ndarray) -> tuple[Ended, ...]:
    """How segments ended, of one sample, up to the last that was reached.

    Args:
        reason: (segment,) place in `REASONS`, -1 where it wasn't reached.
        time_s: (segment,) s.
    """
    reached = zip(reason, time_s, strict=True)
    return tuple(
        Ended(number, float(time), REASONS[kind]) for number, (kind, time) in enumerate(reached) if kind >= 0
    )
