"""How far off a network's answers may be, from electrodes that it wasn't trained on.

Split conformal prediction (doi:10.1561/2200000101): of n held-out errors that of rank 0.9 (n + 1) bounds the
next one in nine of ten cases, however they are distributed, for an electrode and a load drawn as those were.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.evaluation.scores import SMALLEST_SPREAD
from tfmsnet.fields import FIELDS
from tfmsnet.predictors.store import read_description, write_errors
from tfmsnet.records import Split
from tfmsnet.records.sample import Sample
from tfmsnet.references.error_bars import LEVEL
from tfmsnet.serving.local import load_model
from tfmsnet.serving.model import EndedAtOnce, FieldFrames, Model
from tfmsnet.serving.scored import image_of, load_of

# So few say nothing of nine in ten.
FEWEST = math.ceil(LEVEL / (1 - LEVEL) - 1e-9)
# So many are asked for: with 50 the share that a bar holds for is within some 4 % of what it says.
MOST = 50


def off(answer: FieldFrames, sample: Sample) -> tuple[float, float]:
    """How far an answer is from a sample, over the frames that both have but the first.

    Returns:
        Of the curve, V, root mean square; of the concentration, VRMSE, median.
    """
    frames = min(sample.frames, len(answer.times_s))
    ours, true = (a.concentration[1:frames, sample.am_mask].astype(float) for a in (answer, sample))
    curve_v = answer.voltage_v[1:frames] - sample.voltage_v[1:frames]
    spread = true.std(1)
    spread = np.maximum(spread, SMALLEST_SPREAD * spread.max())
    vrmse = np.sqrt(((ours - true) ** 2).mean(1)) / spread
    return float(np.sqrt(np.mean(curve_v**2))), float(np.median(vrmse))


def bound(errors: Sequence[float], level: float = LEVEL) -> float | None:
    """What the next error stays within with a probability of `level`; None where too few are known."""
    rank = math.ceil(level * (len(errors) + 1) - 1e-9)
    return sorted(errors)[rank - 1] if rank <= len(errors) else None


def calibrate(
    run: str | Path, records: str | Path, *, progress: Callable[[float], None] | None = None
) -> dict[str, float]:
    """Find how far off the answers of a run's network may be, and write it into its surrogate.json.

    Args:
        run: a run of `tfmsnet train`, or its best/.
        records: whose validation electrodes are asked for, at most `MOST` discharges.
        progress: called with the fraction done, 0 to 1.

    Returns:
        voltage_v: V, root mean square over a curve.
        concentration_vrmse: median over the frames.
        samples: how many discharges it is from.

    Raises:
        UserError: no run, or of one field alone; fewer than `FEWEST` discharges of electrodes for the
            validation, or more than one in ten without an answer.
    """
    split = Split(Path(records), "validation")
    count = len(split)
    if count < FEWEST:
        raise UserError(
            f"{records}: has {count} discharges for the validation, expected at least {FEWEST}: fewer say "
            "nothing of nine in ten; write records with more (--split)"
        )
    model = load_model(run)
    if set(model.fields_predicted) != set(FIELDS):
        raise UserError(
            f"{run}: answers {', '.join(model.fields_predicted)} alone; error bars need concentration and "
            "potential"
        )
    chosen = set(np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)).tolist())
    found = []
    for number, sample in enumerate(split):
        if number in chosen:
            found.append(_off(model, sample))
            if progress:
                progress(len(found) / len(chosen))
    curve_v, vrmse = (bound(errors) for errors in zip(*found, strict=True))
    if not (math.isfinite(curve_v) and math.isfinite(vrmse)):
        raise UserError(f"{run}: has no answer for more than one in ten of {len(found)} discharges")
    errors = {"voltage_v": curve_v, "concentration_vrmse": vrmse, "samples": len(found)}
    write_errors(run, errors)
    return errors


def _off(model: Model, sample: Sample) -> tuple[float, float]:
    """As `off`; infinite where the model has no answer."""
    try:
        return off(model.of_cell(sample.parameters).fields(image_of(sample), load_of(sample)), sample)
    except EndedAtOnce:
        return math.inf, math.inf


def calibrated(run: str | Path) -> bool:
    """Whether a run's surrogate.json says how far off it may be."""
    return "errors" in read_description(run)
