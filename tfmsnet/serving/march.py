"""A discharge frame by frame: only what is asked for is kept, so memory doesn't grow with the frames."""

from typing import NamedTuple

import tensorflow as tf

from tfmsnet.electrode import AM, ELECTROLYTE
from tfmsnet.predictors.scene import crop_space, pad_space
from tfmsnet.predictors.state import Conditions
from tfmsnet.predictors.surrogate import Surrogate


class Window(NamedTuple):
    """Which part of the fields is kept: every `stride`-th frame of a box.

    Attributes:
        stride: int32 scalar.
        begin, size: (3,) int32, voxels.
    """

    stride: tf.Tensor
    begin: tf.Tensor
    size: tf.Tensor

    def crop(self, values: tf.Tensor) -> tf.Tensor:
        """(batch, x, y, z) -> the box."""
        return tf.slice(values, tf.concat([[0], self.begin], 0), tf.concat([[-1], self.size], 0))


def _at(conditions: Conditions, frame) -> Conditions:
    """The conditions of one frame; what holds for the whole discharge stays."""
    return type(conditions)(*(v[:, frame : frame + 1] if v.shape.rank == 2 else v for v in conditions))


def _mean(values, mask):
    """(batch, x, y, z) each -> (batch,)."""
    mask = tf.cast(mask, tf.float32)
    return tf.reduce_sum(values * mask, axis=(1, 2, 3)) / tf.reduce_sum(mask, axis=(1, 2, 3))


class March:
    """The surrogate's steps over some images under some load, in physical fields.

    Args:
        surrogate: the model.
        phase: (batch, x, y, z) uint8.
        c_rate_profile, times_s: (batch, frame) float32, 1/h and s.
    """

    def __init__(self, surrogate: Surrogate, phase, c_rate_profile, times_s):
        self.surrogate, self.phase = surrogate, phase
        self.scene = surrogate.scene(phase, surrogate.features(phase))
        self.conditions = surrogate.conditions(c_rate_profile, times_s)
        self.drive = surrogate.state.drive(self.conditions)
        self.first = surrogate.state.initial(self.scene.masks[0], self.conditions)
        # A network with a time basis makes all frames in one pass and has no steps.
        whole = surrogate.config.basis > 0
        self.states = surrogate.states(self.scene, self.conditions, self.first) if whole else None

    def fields(self, state, frame) -> dict:
        """State (batch, padded x, y, z, channel) -> field: (batch, x, y, z) in mol/m3 and V."""
        masks, conditions = self.scene.masks[0], _at(self.conditions, frame)
        fields = self.surrogate.state.decode(state[:, None], masks, conditions)
        return {name: crop_space(values, self.phase, axis=2)[:, 0] for name, values in fields.items()}

    def state(self, fields: dict, frame):
        """The inverse of `fields`."""
        multiple = 2 ** (self.surrogate.config.scales - 1)
        padded = {name: pad_space(values, multiple, axis=1)[:, None] for name, values in fields.items()}
        return self.surrogate.state.encode(padded, self.scene.masks[0], _at(self.conditions, frame))[:, 0]

    def curve(self, fields: dict, frame) -> dict:
        """dol and, with the potential, voltage_v, (batch,) each: as `Surrogate.call` has them."""
        found = {"dol": self.conditions.mean_dol[:, frame]}
        if "concentration" in fields:
            mean = _mean(fields["concentration"], self.phase == AM)
            found["dol"] = mean / self.surrogate.parameters.c_max_mol_m3
        if "potential" in fields:
            foil = self.phase[..., :1] != ELECTROLYTE
            found["voltage_v"] = _mean(fields["potential"][..., :1], foil)
        return found

    def step(self, state, frame):
        """The state of a frame from that of the frame before."""
        if self.states is not None:
            return self.states[:, frame - 1]
        return self.surrogate.step(self.scene, self.drive[:, frame], state)[0]

    def run(self, window: Window | None = None) -> tuple[dict, dict]:
        """All frames.

        Args:
            window: what to keep of the fields; None for nothing.

        Returns:
            dol and voltage_v (batch, frame), and the kept fields (batch, kept frame, x, y, z); the fields
            of the last frame (batch, x, y, z).
        """
        frames = tf.shape(self.drive)[1]
        names = list(self.curve(self.fields(self.first, 0), 0))
        rows = tf.TensorArray(tf.float32, size=frames, element_shape=(None, len(names)))
        kept = {}
        if window is not None:
            box = (None, None, None, None)
            kept = {
                name: tf.TensorArray(tf.float32, size=(frames - 1) // window.stride + 1, element_shape=box)
                for name in self.surrogate.config.fields
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
            state = self.step(state, frame)
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
