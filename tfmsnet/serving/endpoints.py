"""The signatures of a surrogate as TensorFlow functions; `tfmsnet predict` and the SavedModel share them."""

from collections.abc import Callable

import tensorflow as tf

from tfmsnet.load import FRAME_SECONDS_AT_1C, FRAMES
from tfmsnet.predictors.surrogate import Surrogate
from tfmsnet.serving import checks
from tfmsnet.serving.march import March, Window
from tfmsnet.serving.quantities import Quantity, Signature, signatures
from tfmsnet.serving.summary import summary


class Endpoints:
    """What a surrogate answers; `quantities.signatures` says what goes in and comes out.

    Args:
        surrogate: the model.
        max_voxels: most voxels of a request, batch included; None for no limit.
        profile: whether to answer a C-rate that changes with time.
        documents: file name -> text, for the signature `card`.
    """

    def __init__(
        self,
        surrogate: Surrogate,
        *,
        max_voxels: int | None = None,
        profile: bool = False,
        documents: dict[str, str] | None = None,
    ):
        self.surrogate, self.max_voxels = surrogate, max_voxels
        self.documents = documents or {}
        self.signatures = signatures(surrogate.config, profile)

    def functions(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Name -> function and input signature; defaults become those of the SavedModel's inputs."""
        whole = tf.constant([1], tf.int32), tf.constant([[0] * 6], tf.int32)

        # Closures, not methods: TensorFlow takes the inputs' defaults from the signature of a function.
        def fields(phase, c_rate, frame_stride=whole[0], region=whole[1]):
            return self.fields(phase, c_rate, frame_stride, region)

        def profile(phase, c_rate_profile, times_s, frame_stride=whole[0], region=whole[1]):
            return self.profile(phase, c_rate_profile, times_s, frame_stride, region)

        functions = {
            "serving_default": self.curve,
            "fields": fields,
            "step": self.step,
            "card": self.card,
            "profile": profile,
        }
        return {name: (functions[name], _specs(signature)) for name, signature in self.signatures.items()}

    def curve(self, phase, c_rate):
        """`serving_default`: times_s, dol, voltage_v (batch, 25) and the summary (batch,)."""
        return self._discharge(*self._checked(phase, c_rate))

    def fields(self, phase, c_rate, frame_stride, region):
        """`fields`: the curve, and concentration and potential (batch, kept frame, x, y, z)."""
        phase, c_rate = self._checked(phase, c_rate)
        return self._discharge(phase, c_rate, _window(phase, frame_stride, region))

    def profile(self, phase, c_rate_profile, times_s, frame_stride, region):
        """`profile`: curve and fields under a C-rate that changes with time."""
        phase = self._checked_phase(phase)
        load = checks.checked_profile(c_rate_profile, times_s, phase)
        load = checks.within_capacity(*load, self.surrogate.conditions(*load).mean_dol)
        answer, _ = March(self.surrogate, phase, *load).run(_window(phase, frame_stride, region))
        return {"times_s": load[1], **answer}

    def step(self, phase, c_rate, time_s, *fields):
        """`step`: the fields and the curve's point one frame later, (batch, x, y, z) and (batch,)."""
        phase, c_rate = self._checked(phase, c_rate)
        time_s = checks.checked_time(time_s, c_rate)
        given = {
            name: checks.checked_field(values, phase, name)
            for name, values in zip(self.surrogate.config.fields, fields, strict=True)
        }
        # Constant current from the start to the given frame, and for one frame more.
        later = time_s + FRAME_SECONDS_AT_1C / c_rate
        times_s = tf.stack([tf.zeros_like(time_s), time_s, later], axis=1)
        march = March(
            self.surrogate, phase, tf.stack([tf.zeros_like(c_rate), c_rate, c_rate], axis=1), times_s
        )
        answer = march.fields(march.step(march.state(given, 1), 2), 2)
        return {"times_s": later, **march.curve(answer, 2), **answer}

    def card(self, name):
        """`card`: the documents that are asked for by their names."""
        name = checks.of_rank(name, 1, "name")
        known = tf.equal(name[:, None], tf.constant(list(self.documents))[None])
        check = tf.debugging.Assert(
            tf.reduce_all(tf.reduce_any(known, axis=1)),
            [f"name: expected some of {', '.join(self.documents)}, found", name],
        )
        with tf.control_dependencies([check]):
            index = tf.argmax(tf.cast(known, tf.int32), axis=1)
        return {"content": tf.gather(tf.constant(list(self.documents.values())), index)}

    def _checked_phase(self, phase):
        return checks.checked_phase(phase, 2 ** (self.surrogate.config.scales - 1), self.max_voxels)

    def _checked(self, phase, c_rate):
        phase = self._checked_phase(phase)
        return phase, checks.checked_c_rate(c_rate, phase)

    def _discharge(self, phase, c_rate, window: Window | None = None):
        profile, times_s = _constant_load(c_rate)
        answer, last = March(self.surrogate, phase, profile, times_s).run(window)
        scalars = summary(
            phase,
            answer["dol"],
            answer.get("voltage_v"),
            last.get("concentration"),
            self.surrogate.parameters,
            self.surrogate.voxel_size_m,
        )
        return {"times_s": times_s, **answer, **scalars}


def _constant_load(c_rate):
    """(batch,) -> C-rate profile and times (batch, frame), as `tfmsnet.load.equal_charge_frames` has them."""
    current = c_rate[:, None]
    profile = tf.concat([tf.zeros_like(current), tf.repeat(current, FRAMES - 1, axis=1)], axis=1)
    return profile, tf.range(FRAMES, dtype=tf.float32)[None] * FRAME_SECONDS_AT_1C / current


def _window(phase, frame_stride, region) -> Window:
    return Window(checks.checked_stride(frame_stride, phase), *checks.checked_region(region, phase))


def _specs(signature: Signature) -> list[tf.TensorSpec]:
    return [_spec(quantity) for quantity in signature.inputs]


def _spec(quantity: Quantity) -> tf.TensorSpec:
    shape = [axis if isinstance(axis, int) else None for axis in quantity.axes]
    return tf.TensorSpec(shape, quantity.dtype, quantity.name)
