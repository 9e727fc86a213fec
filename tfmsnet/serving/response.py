"""What a model answers, as arrays with units: the same from a run, a SavedModel and a server."""

from dataclasses import dataclass, field

import numpy as np

from tfmsnet.serving.quantities import CURVE, FIELDS, SUMMARY

UNITS = {quantity.name: quantity.unit for quantity in (*CURVE, *FIELDS, *SUMMARY)}


@dataclass(frozen=True, eq=False)
class Curve:
    """The discharge curve of one electrode.

    Attributes:
        c_rate: 1/h.
        times_s: (frame,) float32, s.
        dol: (frame,) float32, mean degree of lithiation of the active material, 0..1.
        voltage_v: (frame,) float32, V against lithium; None from a model without the potential.
        summary: scalars by name; `UNITS` has their units.
    """

    c_rate: float
    times_s: np.ndarray
    dol: np.ndarray
    voltage_v: np.ndarray | None
    summary: dict[str, float] = field(default_factory=dict)


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
    region: tuple[int, ...] = ()
    concentration: np.ndarray | None = None
    potential: np.ndarray | None = None


def _only(answer: dict) -> dict[str, np.ndarray]:
    """The answer for a batch of one, without the batch's axis."""
    return {name: np.asarray(value)[0] for name, value in answer.items()}


def _curve(answer: dict[str, np.ndarray], c_rate: float) -> dict:
    names = {quantity.name for quantity in SUMMARY} & set(answer)
    return {
        "c_rate": float(c_rate),
        "times_s": answer["times_s"],
        "dol": answer["dol"],
        "voltage_v": answer.get("voltage_v"),
        "summary": {q.name: float(answer[q.name]) for q in SUMMARY if q.name in names},
    }


def as_curve(answer: dict, c_rate: float) -> Curve:
    """The answer of `serving_default` for a batch of one."""
    return Curve(**_curve(_only(answer), c_rate))


def as_fields(answer: dict, c_rate: float, frame_stride: int, region: tuple[int, ...]) -> FieldFrames:
    """The answer of `fields` for a batch of one."""
    answer = _only(answer)
    return FieldFrames(
        **_curve(answer, c_rate),
        frames=np.arange(0, len(answer["times_s"]), frame_stride),
        region=region,
        concentration=answer.get("concentration"),
        potential=answer.get("potential"),
    )
