"""A model that can be asked, wherever it computes, and what it answers: arrays with units."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS as TABLE
from tfmsnet.load import SATURATED, Ended, Load, constant_current
from tfmsnet.materials import Parameters, one_c_a_m2
from tfmsnet.predictors.config import NetworkConfig, answered, describe_network
from tfmsnet.predictors.domain import check_grid, outside
from tfmsnet.predictors.kinds import Kind, kind_of
from tfmsnet.references.error_bars import DOUBTFUL_V, over_all
from tfmsnet.references.registry import REDUCED
from tfmsnet.serving import cell
from tfmsnet.serving.quantities import (
    CALENDERING,
    CURVE,
    ERRORS,
    FIELDS,
    LARGEST_C_RATE,
    SMALLEST_C_RATE,
    SUMMARY,
    VALID_FRAMES,
    VOXEL,
)

if TYPE_CHECKING:
    from functools import cached_property

    from tfmsnet.records.sample import Sample
else:

    class cached_property:
        """As Python's from 3.12 on: 3.11 holds a lock over all instances, and one that asks a server would
        keep all others waiting."""

        def __init__(self, function):
            self.function, self.__doc__ = function, function.__doc__

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            value = instance.__dict__[self.name] = self.function(instance)
            return value


# Signature and its inputs by name -> its outputs by name, both with the batch in front.
Call = Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]
Region = tuple[int, int, int, int, int, int]

UNITS = {quantity.name: quantity.unit for quantity in (*CURVE, *ERRORS, *FIELDS, *SUMMARY)}
_SUMMARY = tuple(quantity.name for quantity in SUMMARY)
_FRAMES = {quantity.name for quantity in (*CURVE, *ERRORS, *FIELDS)}


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve of one electrode under a load.

    Attributes:
        load: what the cell was asked to do.
        c_rate_profile: (frame,) 1/h, C-rate during the interval that ends at each frame; element 0 is 0.
        times_s: (frame,) float64, s.
        dol: (frame,) float32, mean degree of lithiation of the active material, 0..1.
        voltage_v: (frame,) float32, V against lithium; None from a model without the potential.
        segment: (frame,) the number of the load's segment that each interval lies in.
        ends: how each segment of the load ended.
        summary: scalars by name; `UNITS` has their units.
        voltage_error_v: (frame,) V, how far the voltage may be off: nine of ten curves are nearer to the
            simulator, root mean square; None from a model that doesn't know.
        concentration_vrmse: (frame,) likewise of the concentration, over its standard deviation in the frame.
    """

    load: Load
    c_rate_profile: np.ndarray
    times_s: np.ndarray
    dol: np.ndarray
    voltage_v: np.ndarray | None = field(repr=False)
    segment: np.ndarray = field(repr=False)
    ends: tuple[Ended, ...] = ()
    summary: dict[str, float] = field(default_factory=dict)
    voltage_error_v: np.ndarray | None = field(default=None, repr=False)
    concentration_vrmse: np.ndarray | None = field(default=None, repr=False)

    @property
    def error(self) -> tuple[float, float] | None:
        """How far off it may be: the curve, V, root mean square; the concentration, median VRMSE."""
        if self.voltage_error_v is None:
            return None
        return over_all(self.voltage_error_v, self.concentration_vrmse)

    @property
    def doubtful(self) -> bool:
        """Whether the curve may be so far off that it isn't to be believed."""
        return self.error is not None and self.error[0] > DOUBTFUL_V


@dataclass(frozen=True, eq=False)
class FieldFrames(Curve):
    """The curve, and the fields at every voxel of a box in some frames.

    Attributes:
        frames: (kept frame,) int, which frames of the curve the fields belong to.
        region: x0, x1, y0, y1, z0, z1 of the box in voxels of the image, ends not included.
        concentration: (kept frame, x, y, z) float32, mol/m3, 0 outside the active material; None from a
            model without it.
        potential: (kept frame, x, y, z) float32, V, 0 outside the solid; None from a model without it.
    """

    frames: np.ndarray | None = None
    region: Region | tuple = ()
    concentration: np.ndarray | None = field(default=None, repr=False)
    potential: np.ndarray | None = field(default=None, repr=False)


class EndedAtOnce(UserError):
    """Under the load nothing can be answered, not even the first frame."""


class Model:
    """A trained model, whatever computes it.

    A load that is a number is constant current at this C-rate, 1/h, with the paper's 25 frames.  1C fills
    the electrode's active material from its initial degree of lithiation to 1 in an hour.

    Args:
        call: answers a signature.
        describe: gives the content of surrogate.json; called once, when it is first needed.
    """

    # Memory that an answer with all fields takes here, about; a server's takes its own.
    bytes_per_voxel = 0.0

    def __init__(self, call: Call, describe: Callable[[], dict]):
        self.call, self._describe = call, describe

    @cached_property
    def description(self) -> dict:
        """The content of surrogate.json."""
        return self._describe()

    @cached_property
    def takes_cell(self) -> bool:
        """Whether it answers for any cell and voxels: a reduced model, without a network."""
        return self._from_description(lambda content: "reference" in content)

    @cached_property
    def parameters(self) -> Parameters:
        """Of the cell that the model answers for: that it was trained on, unless it takes any."""
        return self._from_description(lambda content: Parameters.from_dict(content["parameters"]))

    @cached_property
    def voxel_size_m(self) -> float | None:
        """Edge of the voxels that the model was trained on, m; None where it takes several."""
        if self.takes_cell:
            return None
        return self._from_description(
            lambda content: None if content["voxel_size_m"] is None else float(content["voxel_size_m"])
        )

    @cached_property
    def network(self) -> NetworkConfig:
        """The configuration of its network, which has to be registered.

        Raises:
            UserError: it isn't.
        """
        content = {"padding": "zero", **self._from_description(lambda content: content["network"])}
        return NetworkConfig.from_dict(content, "network")

    def of_cell(self, parameters: Parameters) -> "Model":
        """The model for a cell: itself, where that is the one that it was trained on.

        Raises:
            UserError: another cell, and the model doesn't take parameters.
        """
        if self.takes_cell:
            other = copy.copy(self)
            other.parameters = parameters
            return other
        different = self.parameters.differences(parameters)
        if different:
            raise UserError(
                f"{self.title}: was trained on another cell ({different}); take porous-electrode or "
                "resolved-particles, which answer for any, or train on records of this one"
            )
        return self

    @property
    def train_geometries(self) -> list[str] | None:
        """Ids of the electrodes that it was trained on; None when that isn't known."""
        return self.description.get("train_geometries")

    @property
    def title(self) -> str:
        """What tables call it."""
        if self.takes_cell:
            return self.description["reference"]
        try:
            return describe_network(self.network)
        except UserError:  # a network of somebody's own, whose code isn't here: an export needs none
            return f"{self.kind.label}{self.description['network']['architecture']}"

    @cached_property
    def kind(self) -> Kind:
        """How it makes its frames."""
        return self._from_description(
            lambda content: kind_of(SimpleNamespace(**{"basis": 0, **content["network"]}))
        )

    @cached_property
    def constant_current(self) -> bool:
        """Whether it answers constant current alone."""
        return bool(self.description.get("constant_current", self.kind.name == "basis"))

    @cached_property
    def scales(self) -> int:
        """Of its network."""
        return self._from_description(lambda content: int(content["network"]["scales"]))

    @cached_property
    def fields_predicted(self) -> tuple[str, ...]:
        """Of "concentration" and "potential"; one of them may be the reduced model's that a network is on."""
        if self.takes_cell:
            return tuple(TABLE)

        def read(content):
            network = content["network"]
            return answered(network["fields"], network.get("reference", ""))

        return self._from_description(read)

    def _from_description(self, read):
        description = self.description  # outside of the try: a server may be what is wrong
        try:
            return read(description)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"model: its surrogate.json isn't one ({error}); export or train again") from None

    def __repr__(self) -> str:
        fields = " and ".join(self.fields_predicted)
        voxels = "any voxels" if self.voxel_size_m is None else f"voxels of {self.voxel_size_m * 1e6:g} um"
        return f"{type(self).__name__}({fields}, {voxels})"

    def curve(self, image: PhaseImage, load: Load | float) -> Curve:
        """The curve under a load, and its summary: a small answer.

        Raises:
            UserError: a load that the model can't answer, voxels of another size, a grid that is too small or
                too large.
        """
        return Curve(**self._answer(image, load, _NOTHING)[0])

    def fields(
        self,
        image: PhaseImage,
        load: Load | float,
        *,
        frame_stride: int = 1,
        region: Region | None = None,
    ) -> FieldFrames:
        """The curve and the fields at every voxel.

        Args:
            image: the electrode.
            load: what the cell is asked to do.
            frame_stride: fields of frames 0, frame_stride, 2 frame_stride, ...
            region: x0, x1, y0, y1, z0, z1 of the box of the fields in voxels, ends not included; None for
                all of the image.

        Raises:
            UserError: as `curve`; a stride or a region out of range.
        """
        region = (
            tuple(edge for size in image.shape for edge in (0, size)) if region is None else tuple(region)
        )
        if len(region) != 6 or not all(
            0 <= a < b <= n for a, b, n in zip(region[::2], region[1::2], image.shape, strict=True)
        ):
            raise UserError(
                f"region: expected x0 x1 y0 y1 z0 z1 with 0 <= begin < end inside {image.shape}, "
                f"found {region}"
            )
        if frame_stride < 1:
            raise UserError(f"frame_stride: expected 1 or more, found {frame_stride}")
        curve, answer = self._answer(image, load, (frame_stride, region))
        return FieldFrames(
            **curve,
            frames=np.arange(0, len(curve["times_s"]), frame_stride),
            region=region,
            concentration=answer.get("concentration"),
            potential=answer.get("potential"),
        )

    def predict(self, image: PhaseImage, load: Load | float) -> "Sample":
        """The whole discharge as a `tfmsnet.records.Sample`, as files and figures want it.

        Raises:
            UserError: as `curve`; a model of one field alone.
        """
        return self.sample(image, self.fields(image, load))

    def sample(self, image: PhaseImage, answer: FieldFrames) -> "Sample":
        """All frames of all of an image, from `fields`, as a `tfmsnet.records.Sample`.

        Raises:
            UserError: fields that were thinned out or cropped, or a model of one field alone.
        """
        from tfmsnet.records.sample import Sample  # brings TensorFlow

        if answer.concentration is None or answer.potential is None:
            raise UserError(
                f"model: predicts {', '.join(self.fields_predicted)} alone, but a discharge needs "
                "concentration and potential; use a model of both fields"
            )
        if answer.concentration.shape != (len(answer.times_s), *image.shape):
            raise UserError(
                f"fields: expected all {len(answer.times_s)} frames of {image.shape} voxels, found "
                f"{answer.concentration.shape}; ask for frame_stride=1 and no region"
            )
        return Sample(
            phase=image.phase,
            concentration=answer.concentration,
            potential=answer.potential,
            times_s=answer.times_s,
            dol=answer.dol.astype(np.float64),
            voltage_v=answer.voltage_v.astype(np.float64),
            c_rate_profile=answer.c_rate_profile,
            voxel_size_m=image.voxel_size_m,
            geometry_id=image.geometry_id,
            parameters=self.parameters,
            am_wt_percent=image.am_wt_percent,
            calendering_percent=image.calendering_percent,
            load=answer.load,
            ends=answer.ends,
        )

    def outside(self, image: PhaseImage, load: Load | float) -> list[str]:
        """What of image and load lies outside of what the model was trained on, a sentence each."""
        profile, _, _ = self._schedule(image, as_load(load))
        return outside(self.description.get("domain") or {}, image, profile)

    def _schedule(self, image: PhaseImage, load: Load) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return load.schedule(*self._cell(image))

    def _cell(self, image: PhaseImage) -> tuple[float, float]:
        """What 1C is, A/m2, and the initial degree of lithiation: all that a load asks of the cell."""
        return one_c_a_m2(image, self.parameters), self.parameters.initial_dol

    def _answer(self, image: PhaseImage, load: Load | float, window: tuple[int, Region]) -> tuple[dict, dict]:
        """The entries of a `Curve`, and the outputs of the signature for a batch of one."""
        load = as_load(load)
        profile, times_s, segment = self._schedule(image, load)
        self._check(image, load, profile)
        answer = self._ask(image, load, profile, times_s, window)
        frames = len(answer["times_s"])
        kept = _before_the_limit(load, profile[:frames], segment[:frames], answer.get("voltage_v"))
        if kept < frames:
            # The summary of what is kept; the frames themselves are those that the limit was found in.
            shorter = self._ask(image, None, profile[:kept], times_s[:kept], window)
            answer = {
                **shorter,
                **{name: answer[name][: len(shorter[name])] for name in _FRAMES & set(answer)},
            }
        ends = load.known_ends(*self._cell(image))
        if kept < len(times_s):
            last = int(segment[kept])
            reason = "voltage" if kept < frames else SATURATED
            ends = (*ends[:last], Ended(last, float(times_s[kept - 1]), reason))
        curve = {
            "load": load,
            "c_rate_profile": profile[:kept],
            "times_s": times_s[:kept],
            "dol": answer["dol"],
            "voltage_v": answer.get("voltage_v"),
            "segment": segment[:kept],
            "ends": ends,
            "summary": {name: float(answer[name]) for name in _SUMMARY if name in answer},
            **{quantity.name: answer.get(quantity.name) for quantity in ERRORS},
        }
        return curve, answer

    def _ask(self, image, load: Load | None, profile, times_s, window) -> dict[str, np.ndarray]:
        """By the signature that the load needs; the answer without the batch's axis."""
        stride, region = window
        inputs = {"phase": image.phase[None]}
        kept = {"frame_stride": np.array([stride], np.int32), "region": np.array([region], np.int32)}
        if load is not None and profile[1] > 0 and load.digest == constant_current(profile[1]).digest:
            inputs["c_rate"] = np.array([profile[1]], np.float32)
            name = "serving_default" if window == _NOTHING else "fields"
        else:
            inputs |= {
                "c_rate_profile": np.array([profile], np.float32),
                "times_s": np.array([times_s], np.float32),
            }
            name = "profile"
        if self.takes_cell:
            inputs |= cell.values(self.parameters, image.calendering_percent, image.voxel_size_m)
        else:
            inputs |= self._electrode(image)
        answer = self.call(name, inputs if name == "serving_default" else {**inputs, **kept})
        fields: tuple[int, ...] = ()
        if name != "serving_default":
            box = (end - begin for begin, end in zip(region[::2], region[1::2], strict=True))
            fields = (1 + (len(times_s) - 1) // stride, *box)
        answer = self._checked(answer, len(times_s), fields)
        valid = int(answer.pop(VALID_FRAMES.name, len(times_s)))
        if valid < len(times_s) and not self.takes_cell:
            # The model that the network is on ended, the network went on: its summary is of all frames.
            check_ended(load, valid)
            return self._ask(image, None, profile[:valid], times_s[:valid], window)
        return valid_part(answer, load, valid, stride)

    def _electrode(self, image: PhaseImage) -> dict[str, np.ndarray]:
        """What a network is told of an electrode beside its image."""
        told = {}
        if self.voxel_size_m is None:
            told[VOXEL.name] = np.array([image.voxel_size_m], np.float32)
        if self._from_description(lambda content: content["network"].get("reference", "")) in REDUCED:
            told[CALENDERING.name] = np.nan_to_num(np.array([image.calendering_percent], np.float32))
        return told

    def _checked(self, answer: dict, frames: int, fields: tuple[int, ...]) -> dict[str, np.ndarray]:
        """An answer without the batch's axis, when it is what a model of this kind says.

        Args:
            answer: of one image.
            frames: of the curve.
            fields: shape of the fields, (kept frame, x, y, z); empty where they weren't asked for.

        Raises:
            UserError: something is missing, of another shape, or no finite numbers; a server may be anything.
        """
        curve = {q.name for q in CURVE} - (set() if "potential" in self.fields_predicted else {"voltage_v"})
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(curve, (frames,))
        shapes |= dict.fromkeys(self.fields_predicted, fields) if fields else {}
        errors = [quantity.name for quantity in ERRORS]
        shapes |= dict.fromkeys(errors, (frames,)) if any(name in answer for name in errors) else {}
        shapes |= {name: () for name in (*_SUMMARY, VALID_FRAMES.name) if name in answer}
        found = {}
        for name, shape in shapes.items():
            values = np.asarray(answer.get(name))
            if values.dtype.kind not in "fiu" or values.shape != (1, *shape) or not np.isfinite(values).all():
                raise UserError(
                    f"model: its answer's {name}: expected finite numbers of the shape {(1, *shape)}, found "
                    f"{values.dtype} {values.shape}"
                )
            found[name] = values[0]
        if not 1 <= found.get(VALID_FRAMES.name, frames) <= frames:
            raise UserError(
                f"model: its answer's {VALID_FRAMES.name}: expected 1 to {frames}, found "
                f"{found[VALID_FRAMES.name]}"
            )
        return found

    def _check(self, image: PhaseImage, load: Load, profile: np.ndarray) -> None:
        """Refuse what would be refused anyway, before it is sent."""
        largest = float(np.abs(profile[1:]).max())
        if not SMALLEST_C_RATE <= largest <= LARGEST_C_RATE:
            raise UserError(
                f"load: expected C-rates of at most {LARGEST_C_RATE:g}, the largest at least "
                f"{SMALLEST_C_RATE:g}, found {largest:g}"
            )
        if self.takes_cell:
            return
        if self.constant_current and not (profile[1:] == profile[1]).all():
            raise UserError(
                f"load: {load!r}: the model's network has a time basis, which answers constant current "
                "alone; use another model"
            )
        trained = self.voxel_size_m
        if trained is not None and abs(image.voxel_size_m - trained) > 1e-3 * trained:
            raise UserError(
                f"image: voxels of {image.voxel_size_m * 1e6:g} um, but the model was trained on "
                f"{trained * 1e6:g} um; resample the image"
            )
        check_grid(image.shape, self.scales, "image")


def check_ended(load: Load | None, valid: int) -> None:
    """Raise EndedAtOnce where no frame before the end is valid but the equilibrium."""
    if valid < 2:
        raise EndedAtOnce(
            f"load: {load!r}: the active material is full (in a charge: empty) or the salt depleted "
            "before the first frame; ask for frames closer to each other, or a lower C-rate"
        )


def valid_part(answer: dict, load: Load | None, valid: int, stride: int) -> dict:
    """An answer without the frames after its end.

    Args:
        answer: of one image.
        load: that was asked for.
        valid: number of frames before the end.
        stride: of the fields' frames.

    Raises:
        EndedAtOnce: as `check_ended`.
    """
    check_ended(load, valid)
    lengths = {quantity.name: valid for quantity in (*CURVE, *ERRORS)}
    lengths |= dict.fromkeys(TABLE, 1 + (valid - 1) // stride)
    return {name: value[: lengths[name]] if name in lengths else value for name, value in answer.items()}


# The curve alone: of the fields one voxel of the first frame.
_NOTHING: tuple[int, Region] = (2**31 - 1, (0, 1, 0, 1, 0, 1))


def as_load(load: Load | float) -> Load:
    """A load; a number is constant current at this C-rate."""
    return load if isinstance(load, Load) else constant_current(load)


def _before_the_limit(
    load: Load, profile: np.ndarray, segment: np.ndarray, voltage_v: np.ndarray | None
) -> int:
    """How many frames come before the voltage goes through the limit of a segment; all where it doesn't.

    Raises:
        UserError: a limit without a voltage; a limit that ends another segment than the last: what follows
            is then not known beforehand.
    """
    limits = [getattr(part.until, "voltage_v", None) for part in load.segments]
    for number, limit_v in enumerate(limits):
        if limit_v is None:
            continue
        if voltage_v is None:
            raise UserError(f"load: {load!r}: has a voltage limit, but the model predicts no potential")
        beyond = np.flatnonzero(
            (segment == number) & ((voltage_v - limit_v) * np.sign(profile) < 0) & (profile != 0)
        )
        if not len(beyond):
            continue
        if number < len(limits) - 1:
            raise UserError(
                f"load: {load!r}: the voltage reaches the limit of segment {number}, {limit_v:g} V, and what "
                "follows isn't known beforehand; end it by time or charge"
            )
        if beyond[0] < 2:
            raise UserError(
                f"load: {load!r}: the voltage is beyond {limit_v:g} V at the first frame already; ask for "
                "frames closer to each other, or a lower C-rate"
            )
        return int(beyond[0])
    return len(profile)
