"""The walk through time: from segment to segment of a load, from frame to frame, in steps of a `ReducedCell`.

Every sample of a batch walks by itself, its segments, steps and frames at times of its own.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmsnet.load import FAILED, FRAME_SECONDS_AT_1C, HOUR_S, SATURATED
from tfmsnet.references.planes import Control
from tfmsnet.references.reduced_cell import NEVER_S, ReducedCell, ReducedState, chosen, shaped
from tfmsnet.references.segments import REASONS, Segments

# The first step after a jump of the control, as a share of a usual one: until the next frame, but not longer
# than between two of the paper's frames.
_FIRST_SHARE = 0.05
# How much longer the second step may be than the first, and any other than the one before.
_SECOND_GROWTH = np.float64(3.0)
_GROWTH = np.float64(2.0)
# Shortest step, as a share of a usual one; where the voltage collapses towards its limit.
_SHORTEST, _SHORTEST_COLLAPSING = np.float64(2.0**-9), np.float64(2.0**-20)
# A segment ends within so much of its end: V, hours of 1C and DOL, share of the taper.
_END_V, _END_CHARGE, _END_TAPER = 5e-5, 1e-6, 1e-3
# A search that has come down to this share of a usual step has found it.
_NARROW = 1e-7
# A held voltage whose current has come down to this, 1/h, is the equilibrium: nothing more will come.
_EQUILIBRIUM_C_RATE = 1e-6
# Times that differ by less than this share are the same.
_SAME = 1e-9
# A frame that is closer than this to a segment's end, s, is the one there.
_MERGED_S = 1e-6
# `tf.where` takes the type of its first value.
_INF, _NAN = np.float64("inf"), np.float64("nan")


class Walk(NamedTuple):
    """Where each sample is.

    Attributes:
        state: of the cells.
        segment: (batch,) int32.
        start_s, start_charge: (batch,) float64, time and charge at the segment's start.
        usual_s, planned_s: (batch,) float64, a usual step, and the next one.
        frame_s: (batch,) float64, of the last frame.
        led: (batch,) int32, segment that led to it.
        low_s, high_s, below, above: (batch,) float64, while the end of a segment is searched within a step:
            lengths of steps on both sides of it, and how far these are from it; `high_s` is infinite
            outside of a search, `below` NaN where no length is known to be too short.
        halve: (batch,) bool, whether the search halves next.
        alive: (batch,) bool, false where the last step has no solution.
        reason, ended_s: (batch, segment), how and when segments ended, see `segments.ended`.
    """

    state: ReducedState
    segment: tf.Tensor
    start_s: tf.Tensor
    start_charge: tf.Tensor
    usual_s: tf.Tensor
    planned_s: tf.Tensor
    frame_s: tf.Tensor
    led: tf.Tensor
    low_s: tf.Tensor
    high_s: tf.Tensor
    below: tf.Tensor
    above: tf.Tensor
    halve: tf.Tensor
    alive: tf.Tensor
    reason: tf.Tensor
    ended_s: tf.Tensor


class _Leg(NamedTuple):
    """The present segment of each sample; (batch,) each.

    Attributes:
        control: current or voltage.
        c_rate: 1/h; NaN where a voltage is held.
        end_s: when it ends at the latest, infinite where that isn't known.
        known: int32, which of `REASONS` that is.
        limited: bool, whether a voltage ends it.
    """

    control: Control
    c_rate: tf.Tensor
    end_s: tf.Tensor
    known: tf.Tensor
    limited: tf.Tensor


class Walker:
    """Takes a batch of cells through a load.

    Args:
        cell: their equations.
        segments: of the load.
    """

    def __init__(self, cell: ReducedCell, segments: Segments) -> None:
        self._cell, self._segments = cell, segments
        self._count = tf.shape(segments.value)[1]
        self._initial_dol = cell.initial_dol

    def at_rest(self) -> Walk:
        """Equilibrium, before the first segment."""
        state = self._cell.at_rest()
        zero = tf.zeros_like(state.time_s)
        walk = Walk(
            state=state,
            segment=tf.zeros_like(zero, tf.int32),
            start_s=zero,
            start_charge=zero,
            usual_s=zero,
            planned_s=zero,
            frame_s=zero,
            led=tf.zeros_like(zero, tf.int32),
            low_s=zero,
            high_s=zero + _INF,
            below=zero + _NAN,
            above=zero,
            halve=tf.zeros_like(zero, tf.bool),
            alive=self._cell.reacts,
            reason=tf.fill(tf.shape(self._segments.value), -1),
            ended_s=tf.zeros_like(self._segments.value),
        )
        return self._jumped(walk, walk.alive)

    def goes_on(self, walk: Walk) -> tf.Tensor:
        """(batch,) bool, whether there is more to come."""
        return walk.alive & (walk.segment < self._count)

    def to_frame(self, walk: Walk) -> Walk:
        """To the next frame of each sample; where none comes, `goes_on` is false and no time has passed."""
        last_s = walk.frame_s

        def underway(walk):
            return self.goes_on(walk) & (walk.frame_s == last_s)

        (walk,) = tf.while_loop(
            lambda walk: tf.reduce_any(underway(walk)),
            lambda walk: (shaped(self._advance(walk, underway(walk)), walk),),
            (walk,),
            parallel_iterations=1,
        )
        return walk

    def c_rate(self, walk: Walk, before: Walk) -> tf.Tensor:
        """(batch,) 1/h, since the frame before: the mean where a voltage was held; 0 where no frame came."""
        led = tf.minimum(walk.led, self._count - 1)
        holds, value = (tf.gather(part, led, batch_dims=1) for part in self._segments[:2])
        passed_s = walk.frame_s - before.frame_s
        moved = (walk.state.charge - before.state.charge) / (1.0 - self._initial_dol)
        mean = HOUR_S * moved / tf.where(passed_s > 0.0, passed_s, 1.0)
        return tf.where(passed_s > 0.0, tf.where(holds, mean, value), 0.0)

    def _leg(self, walk: Walk) -> _Leg:
        holds, value, ends = (
            tf.gather(values, tf.minimum(walk.segment, self._count - 1), batch_dims=1)
            for values in self._segments[:3]
        )
        seconds, limit_v, charge, dol, _ = tf.unstack(ends, axis=1)
        moves = ~holds & (value != 0.0)
        rate = tf.where(moves, value, 1.0)
        gap = (dol - self._initial_dol - walk.start_charge) / (1.0 - self._initial_dol)
        never = tf.fill(tf.shape(value), _INF)
        known_s = tf.stack(
            [
                seconds,
                never,
                tf.where(moves, HOUR_S * charge / tf.abs(rate), never),
                tf.where(moves, HOUR_S * gap / rate, never),
            ],
            axis=1,
        )
        known_s = tf.where(tf.math.is_nan(known_s), _INF, known_s)
        return _Leg(
            control=Control(holds, tf.where(holds, value, self._cell.current(value))),
            c_rate=tf.where(holds, _NAN, value),
            end_s=walk.start_s + tf.reduce_min(known_s, axis=1),
            known=tf.argmin(known_s, axis=1, output_type=tf.int32),
            limited=moves & ~tf.math.is_nan(limit_v),
        )

    def _beyond(self, walk: Walk, leg: _Leg, state: ReducedState) -> tuple[tf.Tensor, tf.Tensor]:
        """How far beyond the nearest end that has to be searched for, and which of `REASONS` that is.

        1 is accepted, before it below 0; minus infinity where there is none.
        """
        ends = tf.gather(self._segments.ends, tf.minimum(walk.segment, self._count - 1), batch_dims=1)
        _, limit_v, charge, dol, taper = tf.unstack(ends, axis=1)
        holds, full = leg.control.holds, 1.0 - self._initial_dol
        none = tf.fill(tf.shape(limit_v), _NAN)
        rate = tf.abs(self._cell.c_rate(state.total))
        passed = tf.abs(state.charge - walk.start_charge) / full
        gap = dol - self._initial_dol
        margins = tf.stack(
            [
                none,
                tf.where(leg.limited, tf.sign(leg.c_rate) * (limit_v - state.voltage) / _END_V, none),
                tf.where(holds, (passed - charge) / _END_CHARGE, none),
                tf.where(holds, tf.sign(gap - walk.start_charge) * (state.charge - gap) / _END_CHARGE, none),
                tf.where(holds, (1.0 - rate / taper) / _END_TAPER, none),
            ],
            axis=1,
        )
        margins = tf.where(tf.math.is_nan(margins), -_INF, margins)
        return tf.reduce_max(margins, axis=1), tf.argmax(margins, axis=1, output_type=tf.int32)

    def _stop_s(self, walk: Walk, leg: _Leg) -> tf.Tensor:
        """(batch,), the next moment that a step has to meet: a frame or the segment's end."""
        now, every_s = walk.state.time_s, self._segments.every_s
        since = now - walk.start_s
        number = tf.math.floor(tf.where(every_s < _INF, since / every_s, 0.0) + 1e-6) + 1.0
        regular = walk.start_s + number * every_s
        at_s = self._segments.at_s
        given = tf.where(at_s > (now * (1.0 + _SAME) + _MERGED_S)[:, None], at_s, _INF)
        stop = tf.reduce_min(tf.concat([regular[:, None], given], axis=1), axis=1)
        return tf.where(stop < leg.end_s - _MERGED_S, stop, leg.end_s)

    def _jumped(self, walk: Walk, jumps: tf.Tensor) -> Walk:
        """With a new start of the time steps where the control jumps."""
        leg, state = self._leg(walk), walk.state
        held = tf.where(leg.control.holds, tf.ones_like(leg.c_rate), tf.abs(leg.c_rate))
        rate = tf.maximum(held, tf.abs(self._cell.c_rate(state.total)))
        usual = tf.minimum(self._stop_s(walk, leg) - state.time_s, _paper_step_s(rate))
        return walk._replace(
            state=state._replace(step_s=tf.where(jumps, np.float64(NEVER_S), state.step_s)),
            usual_s=tf.where(jumps, usual, walk.usual_s),
            planned_s=tf.where(jumps, _FIRST_SHARE * usual, walk.planned_s),
        )

    def _advance(self, walk: Walk, going: tf.Tensor) -> Walk:
        """One try of a step, kept where it holds."""
        leg, now = self._leg(walk), walk.state
        at_once = going & (leg.end_s <= now.time_s)  # the DOL is there already
        going &= ~at_once
        stop_s = self._stop_s(walk, leg)
        searches = walk.high_s < _INF
        step_s = tf.where(searches, self._middle_s(walk), self._step_s(walk, leg, stop_s))
        new, solved = self._cell.step(now, tf.where(going, step_s, tf.ones_like(step_s)), leg.control)
        at_stop = new.time_s > stop_s * (1.0 - _SAME)
        new = new._replace(time_s=tf.where(at_stop, stop_s, new.time_s))
        beyond, nearest = self._beyond(walk, leg, new)
        solved &= going
        narrow = searches & (walk.high_s - walk.low_s < _NARROW * walk.usual_s)
        over = solved & (beyond > 1.0) & ~narrow
        short = solved & searches & (beyond < -1.0)
        kept = solved & ~over & ~short

        failed = going & ~solved
        half = 0.5 * step_s
        shortest = tf.where(leg.limited, _SHORTEST_COLLAPSING, _SHORTEST)
        stuck = failed & (half < shortest * walk.usual_s)
        # Right after a jump the end may lie before the shortest step.
        fresh = now.step_s >= NEVER_S
        hit = over & fresh & tf.math.is_nan(walk.below) & (0.25 * step_s < _SHORTEST * walk.usual_s)
        growth = tf.where(fresh, _SECOND_GROWTH, _GROWTH)
        before, _ = self._beyond(walk, leg, now)
        before = tf.where(fresh, _NAN, before)
        renewed = walk._replace(
            state=chosen(kept, new, now),
            planned_s=tf.where(kept, growth * step_s, tf.where(failed, half, walk.planned_s)),
            low_s=tf.where(short, step_s, tf.where(searches & ~kept & ~failed, walk.low_s, 0.0)),
            below=tf.where(short, beyond, tf.where(searches & ~kept & ~failed, walk.below, before)),
            high_s=tf.where(over, step_s, tf.where(kept | failed, _INF, walk.high_s)),
            above=tf.where(over, beyond, walk.above),
            halve=(over | short) & searches & ~walk.halve,
        )
        spent = kept & leg.control.holds & (leg.end_s == _INF)
        spent &= tf.abs(self._cell.c_rate(new.total)) < _EQUILIBRIUM_C_RATE
        timely = kept & (new.time_s >= leg.end_s)
        found = kept & ~timely & (beyond >= -1.0)
        collapsed = stuck & leg.limited
        failed = (stuck & ~leg.limited) | (spent & ~timely & ~found)
        reason = tf.where(timely | at_once, leg.known, nearest)
        reason = tf.where(
            collapsed, REASONS.index(SATURATED), tf.where(failed, REASONS.index(FAILED), reason)
        )
        done = at_once | timely | found | hit | collapsed
        time_s = renewed.state.time_s
        here = tf.equal(tf.range(self._count), walk.segment[:, None]) & (done | failed)[:, None]
        frame = (kept & at_stop) | done
        renewed = renewed._replace(
            frame_s=tf.where(frame, time_s, walk.frame_s),
            led=tf.where(frame & (time_s > walk.frame_s), walk.segment, walk.led),
            alive=walk.alive & ~failed,
            reason=tf.where(here, reason[:, None], walk.reason),
            ended_s=tf.where(here, time_s[:, None], walk.ended_s),
            segment=walk.segment + tf.cast(done, tf.int32),
            start_s=tf.where(done, time_s, walk.start_s),
            start_charge=tf.where(done, renewed.state.charge, walk.start_charge),
            high_s=tf.where(done, _INF, renewed.high_s),
        )
        following = self._leg(renewed).control
        same = (following.holds == leg.control.holds) & (following.value == leg.control.value)
        return self._jumped(renewed, done & (hit | collapsed | ~same))

    def _step_s(self, walk: Walk, leg: _Leg, stop_s: tf.Tensor) -> tf.Tensor:
        now = walk.state
        left = stop_s - now.time_s
        rate = tf.abs(tf.where(leg.control.holds, self._cell.c_rate(now.total), leg.c_rate))
        fresh_hold = leg.control.holds & (now.step_s >= NEVER_S)
        step = tf.minimum(walk.planned_s, tf.where(fresh_hold, _INF, _paper_step_s(rate)))
        # Rather two equal steps than a tiny last one.
        split = tf.where(left < 1.5 * step, 0.5 * left, step)
        return tf.where(left <= step * (1.0 + _SAME), left, split)

    @staticmethod
    def _middle_s(walk: Walk) -> tf.Tensor:
        """Within a search: where the end is expected by a straight line, every other time in the middle."""
        width = walk.high_s - walk.low_s
        straight = walk.low_s + width * walk.below / (walk.below - walk.above)
        unknown = tf.math.is_nan(walk.below)
        return tf.where(unknown, 0.25 * walk.high_s, tf.where(walk.halve, walk.low_s + 0.5 * width, straight))


def _paper_step_s(c_rate: tf.Tensor) -> tf.Tensor:
    """Seconds between two of the paper's frames; infinite at rest."""
    moves = c_rate > 0.0
    return tf.where(moves, FRAME_SECONDS_AT_1C / tf.where(moves, c_rate, 1.0), _INF)
