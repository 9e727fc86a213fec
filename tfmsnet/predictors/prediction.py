"""A predictor's answer, frame by frame: only what is asked for is kept, so memory doesn't grow with them."""

from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from tfmsnet.fields import FIELDS
from tfmsnet.predictors.domain import smallest_edge
from tfmsnet.predictors.state import phase_mean
from tfmsnet.predictors.static_inputs import crop_space, pad_space

if TYPE_CHECKING:
    from tfmsnet.predictors.predictor import Predictor


# Of an interval of shifts, down to float32's rounding of concentrations.
_HALVINGS = 30


class Window(NamedTuple):
    """Which part of the fields is kept: every `stride`-th frame of a box.

    Attributes:
        stride: int32 scalar.
        begin, size: (3,) int32, voxels.
    """

    stride: tf.Tensor
    begin: tf.Tensor
    size: tf.Tensor

    @classmethod
    def of_all(cls, phase: tf.Tensor) -> "Window":
        """All frames of all voxels."""
        return cls(tf.constant(1), tf.zeros(3, tf.int32), tf.shape(phase)[1:])

    def crop(self, values: tf.Tensor) -> tf.Tensor:
        """(batch, x, y, z) -> the box."""
        return tf.slice(values, tf.concat([[0], self.begin], 0), tf.concat([[-1], self.size], 0))

    def kept(self, values: tf.Tensor) -> tf.Tensor:
        """(batch, frame, x, y, z) -> every `stride`-th frame of the box."""
        thinned = values[:, :: self.stride]
        begin, size = tf.concat([[0, 0], self.begin], 0), tf.concat([[-1, -1], self.size], 0)
        return tf.slice(thinned, begin, size)


def within_bounds(values, mask, maximum: float):
    """The possible values nearest to some, with as much lithium: their projection on 0..maximum and the mean.

    They are `clip(values + shift, 0, maximum)`, with the shift that keeps the mean over the mask; where all
    are possible nothing changes.

    Args:
        values: (batch, x, y, z) float32, 0 outside the mask.
        mask: (batch, x, y, z) bool.
        maximum: of the values.
    """
    mask = tf.cast(mask, values.dtype)

    def projected():
        wanted = tf.clip_by_value(phase_mean(values, mask), 0.0, maximum)
        low = tf.reduce_min(values, axis=(1, 2, 3))
        high = tf.reduce_max(values, axis=(1, 2, 3))
        # All full at the largest shift, all empty at the smallest.
        most, least = maximum - tf.minimum(low, 0.0), -tf.maximum(high, 0.0)

        def shifted(shift):
            return tf.clip_by_value(values + shift[:, None, None, None], 0.0, maximum) * mask

        def halved(k, least, most):
            middle = 0.5 * (least + most)
            more = phase_mean(shifted(middle), mask) < wanted
            return k + 1, tf.where(more, middle, least), tf.where(more, most, middle)

        _, least, most = tf.while_loop(
            lambda k, least, most: k < _HALVINGS, halved, (0, least, most), parallel_iterations=1
        )
        return shifted(0.5 * (least + most))

    possible = tf.reduce_all((values >= 0.0) & (values <= maximum))
    return tf.cond(possible, lambda: values, projected)


class Prediction:
    """What a predictor says of some images under some load, in physical fields.

    Args:
        predictor: the model.
        phase: (batch, x, y, z) uint8.
        voxel_size_m: (batch,) float32, m.
        c_rate_profile, times_s: (batch, frame) float32, 1/h and s.
        calendering_percent: one number or (batch,); NaN if unknown.
    """

    def __init__(
        self,
        predictor: "Predictor",
        phase,
        voxel_size_m,
        c_rate_profile,
        times_s,
        calendering_percent=float("nan"),
    ):
        self.predictor, self.phase = predictor, phase
        self.conditions = predictor.conditions(
            phase, voxel_size_m, c_rate_profile, times_s, calendering_percent
        )
        features = predictor.features(phase, voxel_size_m)
        self.static = predictor.static_inputs(phase, features, self.conditions)
        self.first = predictor.state.initial(self.static.masks[0], self.conditions)
        self.advance = predictor.walk(self.static, self.conditions)

    def fields(self, state, frame) -> dict:
        """State (batch, padded x, y, z, channel) -> field: (batch, x, y, z) in the fields' units."""
        masks, conditions = self.static.masks[0], self.conditions.frames(frame, 1)
        fields = self.predictor.state.decode(state[:, None], masks, conditions)
        fields = {name: crop_space(values, self.phase, axis=2)[:, 0] for name, values in fields.items()}
        if "concentration" in fields:
            am = FIELDS["concentration"].mask(self.phase)
            most = self.predictor.parameters.c_max_mol_m3
            fields["concentration"] = within_bounds(fields["concentration"], am, most)
        for name in self.predictor.config.answers:
            if name not in fields:  # the reference's
                fields[name] = crop_space(conditions.fields[name], self.phase, axis=2)[:, 0]
        return fields

    def state(self, fields: dict, frame):
        """The inverse of `fields`."""
        multiple = smallest_edge(len(self.static.masks))
        padded = {name: pad_space(values, multiple, axis=1)[:, None] for name, values in fields.items()}
        conditions = self.conditions.frames(frame, 1)
        return self.predictor.state.encode(padded, self.static.masks[0], conditions)[:, 0]

    def curve(self, fields: dict, frame) -> dict:
        """dol and, with the potential, voltage_v, (batch,) each.

        The degree of lithiation is the mean concentration (Faraday's without one), the voltage the mean
        potential of the solid on the foil.  The paper takes the mean over all of the solid; on the foil it is
        the collector's voltage, without the ohmic drop within the electrode.
        """
        found = {"dol": self.conditions.mean_dol[:, frame]}
        if "concentration" in fields:
            mean = phase_mean(fields["concentration"], FIELDS["concentration"].mask(self.phase))
            found["dol"] = mean / self.predictor.parameters.c_max_mol_m3
        if "potential" in fields:
            foil = FIELDS["potential"].mask(self.phase[..., :1])
            found["voltage_v"] = phase_mean(fields["potential"][..., :1], foil)
        return found

    def run(self, window: Window | None = None) -> tuple[dict, dict]:
        """All frames.

        Args:
            window: what to keep of the fields; None for nothing.

        Returns:
            dol and voltage_v (batch, frame), and the kept fields (batch, kept frame, x, y, z); the fields
            of the last frame (batch, x, y, z).
        """
        frames = tf.shape(self.conditions.c_rate)[1]
        names = list(self.curve(self.fields(self.first, 0), 0))
        rows = tf.TensorArray(tf.float32, size=frames, element_shape=(None, len(names)))
        kept = {}
        if window is not None:
            box = (None, None, None, None)
            kept = {
                name: tf.TensorArray(tf.float32, size=(frames - 1) // window.stride + 1, element_shape=box)
                for name in self.predictor.config.answers
            }

        def record(frame, state, rows, kept):
            fields = self.fields(state, frame)
            rows = rows.write(frame, tf.stack(list(self.curve(fields, frame).values()), axis=-1))
            if window is None:
                return rows, kept
            wanted = tf.equal(frame % window.stride, 0)
            index = frame // window.stride
            keep = {name: array.write(index, window.crop(fields[name])) for name, array in kept.items()}
            return rows, tf.cond(wanted, lambda: keep, lambda: kept)

        def advance(frame, state, rows, kept):
            state = self.advance(frame, state)
            return frame + 1, state, *record(frame, state, rows, kept)

        rows, kept = record(tf.constant(0), self.first, rows, kept)
        _, last, rows, kept = tf.while_loop(
            lambda frame, *_: frame < frames,
            advance,
            (tf.constant(1), self.first, rows, kept),
            parallel_iterations=1,
        )
        curve = dict(
            zip(names, tf.unstack(tf.transpose(rows.stack(), [2, 1, 0]), num=len(names)), strict=True)
        )
        fields = {name: tf.transpose(array.stack(), [1, 0, 2, 3, 4]) for name, array in kept.items()}
        return {**curve, **fields}, self.fields(last, frames - 1)
