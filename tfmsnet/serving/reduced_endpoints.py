"""The signatures of a reduced model as TensorFlow functions: no network, and the cell is an input."""

from collections.abc import Callable
from types import SimpleNamespace

import tensorflow as tf

from tfmsnet.fields import FIELDS as TABLE
from tfmsnet.materials import Parameters
from tfmsnet.materials.functions import cubics
from tfmsnet.references.materials import Materials
from tfmsnet.references.reduced import discharge
from tfmsnet.references.registry import reference_class
from tfmsnet.serving import cell, checks
from tfmsnet.serving.cost import REDUCED_COST
from tfmsnet.serving.endpoints import (
    WHOLE,
    card,
    constant_load,
    kept_values,
    named,
    specs,
    summary,
    window_of,
)
from tfmsnet.serving.limits import Limits
from tfmsnet.serving.quantities import (
    C_RATE,
    CARD,
    CURVE,
    ERRORS,
    FIELDS,
    FRAME_STRIDE,
    PHASE,
    PROFILE,
    REGION,
    SUMMARY,
    VALID_FRAMES,
    Signature,
)

SMALLEST_EDGE = 2
_WINDOW = (FRAME_STRIDE, REGION)
_ANSWER = (VALID_FRAMES, *CURVE, *ERRORS, *SUMMARY)
SIGNATURES = {
    "serving_default": Signature(
        "the discharge curve and its summary: a small answer", (PHASE, C_RATE, *cell.QUANTITIES), _ANSWER
    ),
    "fields": Signature(
        "curve, summary and the fields at every voxel",
        (PHASE, C_RATE, *_WINDOW, *cell.QUANTITIES),
        (*_ANSWER, *FIELDS),
    ),
    "profile": Signature(
        "the same under a C-rate that changes with time",
        (PHASE, *PROFILE, *_WINDOW, *cell.QUANTITIES),
        (*_ANSWER, *FIELDS),
    ),
    "card": CARD,
}


class ReducedEndpoints:
    """What a reduced model answers.

    Args:
        name: of `tfmsnet.references.registry.REDUCED`.
        parameters: of the cell where a request names none.
        max_voxels: most voxels of a request, batch included; None for no limit.
        max_gib: most memory of an answer, GiB, see `limits`; None for no limit.
        documents: file name -> text, for the signature `card`.
    """

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        *,
        max_voxels: int | None = None,
        max_gib: float | None = None,
        documents: dict[str, str] | None = None,
    ):
        self._kind, self.documents = reference_class(name).kind, documents or {}
        self._limits = Limits(REDUCED_COST[name], max_voxels, max_gib)
        self._defaults = WHOLE | cell.values(parameters, float("nan"), cell.VOXEL_M)
        # One graph for all signatures: it is large.
        self._discharge = tf.function(self._discharged, autograph=False, reduce_retracing=True)

    def functions(self) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
        """Name -> function and input signature; defaults become those of the SavedModel's inputs."""
        answers = {
            name: (self._named(signature), specs(signature))
            for name, signature in SIGNATURES.items()
            if name != "card"
        }
        return answers | {"card": (lambda name: card(self.documents, name), specs(CARD))}

    def _named(self, signature: Signature) -> Callable:
        """`answer` with the inputs of a signature for arguments, with their defaults."""
        names = [quantity.name for quantity in signature.inputs]
        fields = any(quantity in FIELDS for quantity in signature.outputs)

        def function(**inputs):
            return self.answer(inputs, fields)

        return named(function, names, self._defaults)

    def answer(self, inputs: dict[str, tf.Tensor], fields: bool) -> dict[str, tf.Tensor]:
        """The outputs of a signature; after the end of a discharge frames repeat the last one that holds.

        Args:
            inputs: name -> tensor.
            fields: whether those are wanted, in the window that the inputs say.
        """
        phase = checks.checked_phase(inputs["phase"], SMALLEST_EDGE, self._limits.max_voxels)
        voxel_size_m, known = _checked_cell(inputs, phase)
        if "c_rate" in inputs:
            load = constant_load(checks.checked_c_rate(inputs["c_rate"], phase))
        else:
            load = checks.checked_profile(inputs["c_rate_profile"], inputs["times_s"], phase, constant=False)
            load = checks.within_capacity(*load, CellTensors(known))
        kept, window = 0, None
        if fields:
            window = window_of(phase, inputs["frame_stride"], inputs["region"])
            kept = kept_values(phase, load[1], window)
        (phase,) = checks.after(self._limits.checks(phase, tf.shape(load[1])[1], kept), phase)
        found = self._discharge(phase, voxel_size_m, *load, known)
        valid, times_s = found["ended"], load[1]
        last_s = tf.gather(times_s, valid - 1, batch_dims=1)
        curve = {name: tf.cast(found[name], tf.float32) for name in ("dol", "voltage_v")}
        scalars = summary(
            phase,
            tf.minimum(times_s, last_s[:, None]),
            *curve.values(),
            found["concentration"][:, -1],
            Materials(CellTensors(known)).single,
            tf.cast(voxel_size_m, tf.float32),
        )
        values = {name: window.kept(found[name]) for name in TABLE} if window else {}
        errors = {quantity.name: tf.cast(found[quantity.name], tf.float32) for quantity in ERRORS}
        return {VALID_FRAMES.name: valid, "times_s": times_s, **curve, **errors, **scalars, **values}

    def _discharged(self, phase, voxel_size_m, c_rate_profile, times_s, known) -> dict[str, tf.Tensor]:
        unknown = tf.fill([tf.shape(phase)[0]], float("nan"))
        materials = Materials(CellTensors(known))
        found = discharge(self._kind, materials, phase, voxel_size_m, c_rate_profile, times_s, unknown)
        errors = [quantity.name for quantity in ERRORS]
        return {name: found[name] for name in (*TABLE, *errors, "dol", "voltage_v", "ended")}


class CellTensors:
    """Inputs as the `Parameters` that `tfmsnet.references.materials.Materials` reads; all tensors.

    Args:
        inputs: name of a quantity -> its tensor, checked.
    """

    cbd_strain = ((0.0, 0.0),)
    cbd_conductivity_per_strain_s_m = 0.0

    def __init__(self, inputs: dict[str, tf.Tensor]) -> None:
        for name in (*cell.NUMBERS, "salt_range_mol_m3"):
            setattr(self, name, inputs[name])
        for name in cell.FUNCTIONS:
            x, y, slope = tf.unstack(inputs[name])
            table = SimpleNamespace(x=x, cubics=cubics(x, y, slope, tf.stack))
            setattr(self, name, SimpleNamespace(polynomial=(), tanh=(), exponential=(), table=table))

    def at_temperature(self) -> "CellTensors":
        """Itself: the inputs hold at the cell's temperature."""
        return self


def _checked_cell(inputs: dict[str, tf.Tensor], phase: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The voxels' edge (batch,), m, and the inputs of `CellTensors`, when they can be used."""
    voxel = checks.of_rank(inputs["voxel_size_m"], 1, "voxel_size_m")
    voxel = checks.one_for_all(voxel, 1, phase, "voxel_size_m")
    voxel = _positive(voxel, "voxel_size_m", zero=False)
    numbers = {
        name: _positive(checks.one_for_all(inputs[name], 1, phase, name), name, name in cell.MAY_BE_ZERO)
        for name in cell.NUMBERS
    }
    dol = numbers["initial_dol"]
    (numbers["initial_dol"],) = checks.after(
        [checks.require(dol < 1, "initial_dol: expected 0 < initial_dol < 1, found", dol)], dol
    )
    limits = checks.one_for_all(inputs["salt_range_mol_m3"], 2, phase, "salt_range_mol_m3")
    salt = numbers["initial_salt_mol_m3"]
    inside = (limits[0] > 0) & (limits[0] < salt) & (salt < limits[-1])
    message = "salt_range_mol_m3: expected 0 < low < initial_salt_mol_m3 < high, found"
    (limits,) = checks.after([checks.require(inside, message, limits, "around", salt)], limits)
    tables = {name: _table(inputs[name], phase, name) for name in cell.FUNCTIONS}
    known = {**numbers, "salt_range_mol_m3": tf.ensure_shape(limits, [2]), **tables}
    return tf.fill([tf.shape(phase)[0]], voxel), known


def _positive(value: tf.Tensor, name: str, zero: bool) -> tf.Tensor:
    usable = tf.math.is_finite(value) & ((value >= 0) if zero else (value > 0))
    message = f"{name}: expected a number {'of at least' if zero else 'above'} 0, found"
    return checks.after([checks.require(usable, message, value)], value)[0]


def _table(value: tf.Tensor, phase: tf.Tensor, name: str) -> tf.Tensor:
    rows = checks.one_for_all(value, 3, phase, name)
    shape = tf.shape(rows)
    fits = (shape[0] == 3) & (shape[1] >= 2)
    (rows,) = checks.after(
        [checks.require(fits, f"{name}: expected rows x, y, dy/dx of at least 2 points, found", shape)], rows
    )
    x = rows[0]
    usable = tf.reduce_all(tf.math.is_finite(rows)) & tf.reduce_all(x[1:] > x[:-1])
    (rows,) = checks.after(
        [checks.require(usable, f"{name}: expected finite numbers and rising x, found x =", x)], rows
    )
    return tf.ensure_shape(rows, [3, None])
