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
from tfmsnet.predictors.description import ERRORS, VALIDATION
from tfmsnet.predictors.store import described_network, read_description, weights_digest, write_errors
from tfmsnet.records import Split
from tfmsnet.records.sample import Sample
from tfmsnet.references.error_bars import LEVEL
from tfmsnet.serving.local import load_model
from tfmsnet.serving.model import EndedAtOnce, FieldFrames, Model
from tfmsnet.serving.scored import image_of, load_of

# Of electrodes: so few say nothing of nine in ten, whatever the number of loads.
FEWEST = math.ceil(LEVEL / (1 - LEVEL) - 1e-9)
# Of discharges: with 50 the share that a bar holds for is within some 4 % of what it says.
MOST = 50
# An answer with fewer of a discharge's frames is none.
_FEWEST_FRAMES = 0.9


def curve_and_vrmse(answer: FieldFrames, sample: Sample) -> tuple[float, float]:
    """How far an answer is from a sample, over the frames that both have but the first.

    Returns:
        Of the curve, V, root mean square; of the concentration, VRMSE, median.
    """
    frames = min(sample.frames, len(answer.times_s))
    ours, true = (a.concentration[1:frames, sample.am_mask].astype(float) for a in (answer, sample))
    curve_v = answer.voltage_v[1:frames] - sample.voltage_v[1:frames]
    spread = true.std(1)
    spread = np.maximum(spread, SMALLEST_SPREAD * spread.max())
    error = np.sqrt(((ours - true) ** 2).mean(1))
    vrmse = np.divide(error, spread, out=np.where(error > 0, np.inf, 0.0), where=spread > 0)
    return float(np.sqrt(np.mean(curve_v**2))), float(np.median(vrmse))


def bound(errors: Sequence[float], level: float = LEVEL) -> float | None:
    """What the next error stays within with a probability of `level`; None where too few are known.

    One that is no number is as large as can be.
    """
    rank = math.ceil(level * (len(errors) + 1) - 1e-9)
    ordered = sorted(math.inf if math.isnan(error) else error for error in errors)
    return ordered[rank - 1] if rank <= len(ordered) else None


def calibrate(
    run: str | Path, records: str | Path, *, progress: Callable[[float], None] | None = None
) -> dict[str, float]:
    """Find how far off the answers of a run's network may be, and write it into its surrogate.json.

    Args:
        run: a run of `tfmsnet train`, or its best/.
        records: whose validation electrodes are asked for, but for those that the network was trained on;
            at most `MOST` discharges, drawn by lot.
        progress: called with the fraction done, 0 to 1.

    Returns:
        voltage_v: V, root mean square over a curve.
        concentration_vrmse: median over the frames.
        samples, geometries: how many discharges and electrodes it is from.

    Raises:
        UserError: no run, or of one field alone; fewer than `FEWEST` electrodes for the validation; too many
            discharges without an answer; another process trained on meanwhile.
    """
    description, weights = read_description(run), weights_digest(run)
    answers = described_network(description, run).answers
    if set(answers) != set(FIELDS):
        raise UserError(
            f"{run}: answers {', '.join(answers)} alone; error bars need concentration and potential"
        )
    seen = set(description.get("train_geometries") or ()) - set(description.get(VALIDATION, ()))
    split = Split(records, "validation")
    geometries = [sample["geometry_id"] for sample in split.manifest.samples("validation")]
    unseen = [number for number, geometry in enumerate(geometries) if geometry not in seen]
    chosen = set(np.random.default_rng(0).permutation(unseen)[:MOST].tolist())
    electrodes = len({geometries[number] for number in chosen})
    if electrodes < FEWEST:
        raise UserError(
            f"{records}: has {electrodes} electrodes for the validation that {run} wasn't trained on, "
            f"expected at least {FEWEST}: fewer say nothing of nine in ten; write records with more (--split)"
        )
    model, found = load_model(run), []
    for number, sample in enumerate(split):
        if number in chosen:
            found.append(_errors(model, sample))
            if progress:
                progress(len(found) / len(chosen))
    curve_v, vrmse = (bound(errors) for errors in zip(*found, strict=True))
    if not (math.isfinite(curve_v) and math.isfinite(vrmse)):
        missing = sum(not all(map(math.isfinite, errors)) for errors in found)
        raise UserError(
            f"{run}: has no answer to {missing} of {len(found)} discharges, so nothing bounds nine in ten"
        )
    errors = {
        "voltage_v": curve_v,
        "concentration_vrmse": vrmse,
        "samples": len(found),
        "geometries": electrodes,
    }
    write_errors(run, errors, weights)
    return errors


def _errors(model: Model, sample: Sample) -> tuple[float, float]:
    """As `curve_and_vrmse`; infinite where the model has no answer, or one that ends long before."""
    try:
        answer = model.of_cell(sample.parameters).fields(image_of(sample), load_of(sample))
    except EndedAtOnce:
        return math.inf, math.inf
    except UserError as error:
        raise UserError(f"{model.title}: {sample.sample_id}: {error}") from None
    if len(answer.times_s) < _FEWEST_FRAMES * sample.frames:
        return math.inf, math.inf
    return curve_and_vrmse(answer, sample)


def calibrated(run: str | Path) -> bool:
    """Whether a run's surrogate.json says how far off it may be."""
    return ERRORS in read_description(run)
