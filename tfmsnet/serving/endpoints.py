"""The signatures of a surrogate as TensorFlow functions; `tfmsnet predict` and the SavedModel share them."""

import inspect
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.load import FRAME_SECONDS_AT_1C, FRAMES
from tfmsnet.materials.parameters import C_M2_PER_MAH_CM2, FARADAY_C_MOL
from tfmsnet.predictors.description import ERRORS as DESCRIBED_ERRORS
from tfmsnet.predictors.domain import smallest_edge
from tfmsnet.predictors.prediction import Prediction, Window
from tfmsnet.predictors.predictor import Predictor
from tfmsnet.predictors.state import phase_mean
from tfmsnet.serving import checks
from tfmsnet.serving.limits import Limits, network_cost
from tfmsnet.serving.quantities import (
    CALENDERING,
    VALID_FRAMES,
    VOXEL,
    Quantity,
    Signature,
    signatures,
)

# The inputs that a request may leave out: all frames of all voxels, of an electrode that isn't calendered.
WHOLE = {
    "frame_stride": np.array([1], np.int32),
    "region": np.zeros((1, 6), np.int32),
    CALENDERING.name: np.zeros(1, np.float32),
}


class Endpoints:
    """What a surrogate answers; `quantities.signatures` says what goes in and comes out.

    Args:
        predictor: the model.
        max_voxels: most voxels of a request, batch included; None for no limit.
        max_gib: most memory of an answer, GiB, see `limits`; None for no limit.
        documents: file name -> text, for the signature `card`.
        errors: how far off its answers may be, by the names of `quantities.ERRORS`; None where that isn't
            known.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        max_voxels: int | None = None,
        max_gib: float | None = None,
        documents: dict[str, str] | None = None,
        errors: dict[str, float] | None = None,
    ):
        self.predictor, self.max_voxels = predictor, max_voxels
        self._limits = Limits(network_cost(predictor.config), max_voxels, max_gib)
        self.documents = documents or {}
        self._errors = errors or {}
        self.signatures = signatures(predictor.config, predictor.voxel_size_m is None, bool(errors))

    def functions(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Name -> function and input signature; defaults become those of the SavedModel's inputs."""
        answers = {
            "serving_default": self.curve,
            "fields": self.fields,
            "step": self.step,
            "card": self.card,
            "profile": self.profile,
        }
        return {
            name: (named(answers[name], [quantity.name for quantity in signature.inputs]), specs(signature))
            for name, signature in self.signatures.items()
        }

    def curve(self, phase, c_rate, **electrode):
        """`serving_default`: times_s, dol, voltage_v (batch, 25) and the summary (batch,)."""
        phase, c_rate = self._checked(phase, c_rate)
        return self._discharge(phase, electrode, *constant_load(c_rate))

    def fields(self, phase, c_rate, frame_stride, region, **electrode):
        """`fields`: the curve, and concentration and potential (batch, kept frame, x, y, z)."""
        phase, c_rate = self._checked(phase, c_rate)
        window = window_of(phase, frame_stride, region)
        return self._discharge(phase, electrode, *constant_load(c_rate), window)

    def profile(self, phase, c_rate_profile, times_s, frame_stride, region, **electrode):
        """`profile`: the same under a C-rate that changes with time."""
        phase = self._checked_phase(phase)
        load = checks.checked_profile(c_rate_profile, times_s, phase, self.predictor.constant_current)
        load = checks.within_capacity(*load, self.predictor.parameters)
        return self._discharge(phase, electrode, *load, window_of(phase, frame_stride, region))

    def step(self, phase, c_rate, time_s, **given):
        """`step`: the fields and the curve's point one frame later, (batch, x, y, z) and (batch,)."""
        phase, c_rate = self._checked(phase, c_rate)
        time_s = checks.checked_time(time_s, c_rate)
        fields = {
            name: checks.checked_field(given[name], phase, name) for name in self.predictor.config.fields
        }
        # Constant current from the start to the given frame, and for one frame more.
        later = time_s + FRAME_SECONDS_AT_1C / c_rate
        times_s = tf.stack([tf.zeros_like(time_s), time_s, later], axis=1)
        profile = tf.stack([tf.zeros_like(c_rate), c_rate, c_rate], axis=1)
        (phase,) = checks.after(self._limits.checks(phase, 2, 2 * tf.size(phase)), phase)
        voxel_size_m, calendering = self._electrode(phase, given)
        prediction = Prediction(self.predictor, phase, voxel_size_m, profile, times_s, calendering)
        answer = prediction.fields(prediction.advance(2, prediction.state(fields, 1)), 2)
        return {"times_s": later, **prediction.curve(answer, 2), **answer}

    def card(self, name):
        """`card`: the documents that are asked for by their names."""
        return card(self.documents, name)

    def _checked_phase(self, phase):
        return checks.checked_phase(phase, smallest_edge(self.predictor.config.scales), self.max_voxels)

    def _checked(self, phase, c_rate):
        phase = self._checked_phase(phase)
        return phase, checks.checked_c_rate(c_rate, phase)

    def _electrode(self, phase, given: dict):
        """What a request says of its electrodes beside the image, checked.

        Returns:
            Edge of the voxels, (batch,) m, that which the model was trained on where it was one; calendering,
            %, one number, NaN where the model doesn't ask.
        """

        def told(quantity, fits, expected):
            if quantity.name not in given:
                return None
            value = checks.one_for_all(given[quantity.name], 1, phase, quantity.name)
            check = checks.require(fits(value), f"{quantity.name}: expected {expected}, found", value)
            return checks.after([check], value)[0]

        edge = told(VOXEL, lambda value: (value > 0) & tf.math.is_finite(value), "a number above 0")
        percent = told(CALENDERING, lambda value: (value >= 0) & (value < 100), "0 to below 100")
        return self.predictor.voxels(phase, edge), float("nan") if percent is None else percent

    def _discharge(self, phase, electrode, profile, times_s, window: Window | None = None):
        kept = kept_values(phase, times_s, window) if window else 0
        (phase,) = checks.after(self._limits.checks(phase, tf.shape(times_s)[1], kept), phase)
        voxel_size_m, calendering = self._electrode(phase, electrode)
        prediction = Prediction(self.predictor, phase, voxel_size_m, profile, times_s, calendering)
        answer, last = prediction.run(window)
        scalars = summary(
            phase,
            times_s,
            answer["dol"],
            answer.get("voltage_v"),
            last.get("concentration"),
            self.predictor.parameters,
            voxel_size_m,
        )
        valid = prediction.conditions.valid_frames
        ended = {} if valid is None else {VALID_FRAMES.name: valid}
        bars = {name: tf.fill(tf.shape(times_s), value) for name, value in self._errors.items()}
        return {"times_s": times_s, **answer, **scalars, **ended, **bars}


def errors_of(description: dict) -> dict[str, float] | None:
    """What a surrogate.json says of the errors of answers, by the names of `quantities.ERRORS`."""
    found = description.get(DESCRIBED_ERRORS)
    return found and {
        "voltage_error_v": found["voltage_v"],
        "concentration_vrmse": found["concentration_vrmse"],
    }


def named(function: Callable, names: list[str], defaults: dict[str, np.ndarray] = WHOLE) -> Callable:
    """A function whose arguments have the names of a signature's inputs, and their defaults.

    TensorFlow reads both off a function's signature, and makes the defaults those of the SavedModel.
    """

    def answer(*values):
        return function(**dict(zip(names, values, strict=True)))

    kind, none = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    given = {name: tf.constant(value) for name, value in defaults.items()}
    answer.__signature__ = inspect.Signature(
        [inspect.Parameter(name, kind, default=given.get(name, none)) for name in names]
    )
    return answer


def card(documents: dict[str, str], name):
    """The documents that are asked for by their names, (file,) string."""
    name = checks.of_rank(name, 1, "name")
    count = tf.shape(name)[0]
    message = f"name: expected at most {len(documents)} names, found"
    (name,) = checks.after([checks.require(count <= len(documents), message, count)], name)
    known = tf.equal(name[:, None], tf.constant(list(documents))[None])
    check = checks.require(
        tf.reduce_all(tf.reduce_any(known, axis=1)),
        f"name: expected some of {', '.join(documents)}, found",
        name,
    )
    with tf.control_dependencies([check]):
        index = tf.argmax(tf.cast(known, tf.int32), axis=1)
    return {"content": tf.gather(tf.constant(list(documents.values())), index)}


def kept_values(phase, times_s, window: Window):
    """Voxels and frames of a field that a window keeps, batch included."""
    frames = (tf.shape(times_s, tf.int64)[1] - 1) // tf.cast(window.stride, tf.int64) + 1
    box = tf.reduce_prod(tf.cast(window.size, tf.int64))
    return tf.shape(phase, tf.int64)[0] * frames * box


def constant_load(c_rate):
    """(batch,) -> C-rate profile and times (batch, frame), as `tfmsnet.load.equal_charge_frames` has them."""
    current = c_rate[:, None]
    profile = tf.concat([tf.zeros_like(current), tf.repeat(current, FRAMES - 1, axis=1)], axis=1)
    return profile, tf.range(FRAMES, dtype=tf.float32)[None] * FRAME_SECONDS_AT_1C / current


def window_of(phase, frame_stride, region) -> Window:
    """The frames and the box that are asked for."""
    return Window(checks.checked_stride(frame_stride, phase), *checks.checked_region(region, phase))


def specs(signature: Signature) -> list[tf.TensorSpec]:
    """Of its inputs."""
    return [_spec(quantity) for quantity in signature.inputs]


def _spec(quantity: Quantity) -> tf.TensorSpec:
    shape = [axis if isinstance(axis, int) else None for axis in quantity.axes]
    return tf.TensorSpec(shape, quantity.dtype, quantity.name)


def summary(phase, times_s, dol, voltage_v, last_concentration, parameters, voxel_size_m) -> dict:
    """The scalars of a discharge; `quantities.SUMMARY` explains them.

    Args:
        phase: (batch, x, y, z) uint8.
        times_s, dol: (batch, frame).
        voltage_v: (batch, frame), or None for a model without the potential.
        last_concentration: (batch, x, y, z) at the last frame, mol/m3, or None for a model without it.
        parameters: of the cell.
        voxel_size_m: m, a number or (batch,).

    Returns:
        name -> (batch,) float32.
    """
    fractions = {
        name: tf.reduce_mean(tf.cast(phase == label, tf.float32), axis=(1, 2, 3))
        for name, label in (("electrolyte_fraction", ELECTROLYTE), ("am_fraction", AM), ("cbd_fraction", CBD))
    }
    thickness_m = tf.cast(tf.shape(phase)[3], tf.float32) * voxel_size_m
    capacity_c_m3 = FARADAY_C_MOL * parameters.c_max_mol_m3 / C_M2_PER_MAH_CM2
    passed = capacity_c_m3 * (dol[:, -1] - dol[:, 0]) * fractions["am_fraction"] * thickness_m
    found = {"areal_capacity_mah_cm2": passed, **fractions}
    if voltage_v is not None:
        # The current is constant in an interval, and so is the charge per time: the trapezoidal rule.
        means = (voltage_v[:, 1:] + voltage_v[:, :-1]) / 2.0
        charges = dol[:, 1:] - dol[:, :-1]
        energy, charge = tf.reduce_sum(means * charges, axis=1), tf.reduce_sum(charges, axis=1)
        some = tf.abs(charge) > 1e-3 * tf.reduce_sum(tf.abs(charges), axis=1)
        mean = tf.where(some, energy / tf.where(some, charge, 1.0), _time_mean(means, times_s))
        per_dol = capacity_c_m3 * fractions["am_fraction"] * thickness_m
        found |= {"mean_voltage_v": mean, "areal_energy_mwh_cm2": per_dol * energy}
    if last_concentration is not None:
        found["end_dol_std"] = _spread(last_concentration, phase == AM) / parameters.c_max_mol_m3
    return found


def _time_mean(means, times_s):
    """(batch, frame - 1), (batch, frame) -> (batch,)."""
    return tf.reduce_sum(means * (times_s[:, 1:] - times_s[:, :-1]), axis=1) / (
        times_s[:, -1] - times_s[:, 0]
    )


def _spread(values, mask):
    """Standard deviation over a mask, (batch, x, y, z) each -> (batch,)."""
    mask = tf.cast(mask, tf.float32)
    mean = phase_mean(values * mask, mask)[:, None, None, None]
    return tf.sqrt(phase_mean(tf.square(values - mean) * mask, mask))
