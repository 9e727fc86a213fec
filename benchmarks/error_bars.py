"""Whether nine of ten answers of the reduced models are as near to the simulator as they say.

    tfmsnet simulate --design wide --seed 1 --geometries 31 --out data
    python benchmarks/error_bars.py data [MORE ...] [--out FILE]

    python benchmarks/error_bars.py data --model run/best --held-out records

Prints for each directory of samples the shares of curves and of concentrations (VRMSE, median over the
frames) within what was said, the errors, and the factor that would make the share 0.9: those of
`tfmsnet.references.error_bars` are from the directory that was made as above.  Of the potential, whose bar is
the curve's, the error of its pattern: VRMSE without the mean's error.  With --out what was found
is kept in FILE (JSON): called again, the command goes on.  Networks (--model, repeatable) are beside them,
their errors alone; --held-out takes the samples of electrodes that some records keep for the test.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import tfmsnet
from tfmsnet.evaluation.metrics import pattern_error
from tfmsnet.evaluation.scores import SMALLEST_SPREAD
from tfmsnet.files import read_json, write_json
from tfmsnet.records import Sample, open_manifest, read_sample
from tfmsnet.references.error_bars import LEVEL
from tfmsnet.references.registry import REDUCED
from tfmsnet.serving.calibration import curve_and_vrmse
from tfmsnet.serving.model import EndedAtOnce, FieldFrames, Model
from tfmsnet.serving.scored import image_of, load_of


def potential_pattern(answer: FieldFrames, sample: Sample) -> float:
    """Pattern error of the potential in the solid, median over the frames that both have but the first."""
    frames = min(sample.frames, len(answer.times_s))
    ours, true = (a.potential[1:frames, sample.solid_mask].astype(float) for a in (answer, sample))
    smallest = SMALLEST_SPREAD * true.std(1).max()
    return float(np.median([pattern_error(y, y_hat, smallest) for y, y_hat in zip(true, ours, strict=True)]))


def found(path: Path, models: dict[str, Model], held_out: set[str] | None) -> dict:
    """Model -> what it said and what it is off by (curve in V, VRMSE, potential), where both have frames."""
    sample, said = read_sample(path), {}
    if not sample.complete:  # the simulator's failure ends it, next to a collapse of the voltage
        return {}
    if held_out is not None and sample.geometry_id not in held_out:
        return {}
    for name, model in models.items():
        try:
            answer = model.of_cell(sample.parameters).fields(image_of(sample), load_of(sample))
        except EndedAtOnce:
            continue
        said[name] = {
            "said": answer.error,
            "off": curve_and_vrmse(answer, sample),
            "potential": potential_pattern(answer, sample),
        }
    return said


def show(directory: Path, results: list[dict], models: list[str]) -> None:
    """The table of one directory."""
    results = [result for result in results if result]
    print(f"\n{directory}: {len(results)} samples; within what was said, error: median (worst), factor")
    for name in models:
        rows = [r[name] for r in results if name in r]
        if not rows:
            continue
        off = np.array([row["off"] for row in rows])
        for k, (kind, unit) in enumerate((("curve, mV", 1e3), ("VRMSE", 1.0))):
            errors = unit * off[:, k]
            if rows[0]["said"] is None:
                print(f"{name:20s}{kind:>12s}{'':8s}{np.median(errors):10.3g} ({errors.max():.3g})")
                continue
            ratio = off[:, k] / np.array([row["said"][k] for row in rows])
            # Conformal: the quantile of one more sample than there are.
            level = min(1.0, LEVEL * (1 + 1 / len(ratio)))
            print(
                f"{name:20s}{kind:>12s}{(ratio <= 1).mean():8.2f}"
                f"{np.median(errors):10.3g} ({errors.max():.3g}){np.quantile(ratio, level):10.2f}"
            )
        potential = [row["potential"] for row in rows]
        print(f"{name:20s}{'potential':>12s}{'':8s}{np.median(potential):10.3g} ({max(potential):.3g})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+", help="directories of samples")
    parser.add_argument("--out", type=Path, help="JSON, where results are kept")
    parser.add_argument("--model", action="append", default=[], help="a network: a run, an export")
    parser.add_argument("--held-out", type=Path, metavar="RECORDS", help="judge their test electrodes alone")
    options = parser.parse_args()
    models = {name: tfmsnet.load_model(name) for name in (*REDUCED, *options.model)}
    held_out = None
    if options.held_out:
        held_out = {sample["geometry_id"] for sample in open_manifest(options.held_out).samples("test")}
    kept = read_json(options.out, "error bars") if options.out and options.out.exists() else {}
    for directory in options.data:
        results = []
        for path in sorted(directory.glob("*.h5")):
            if str(path) not in kept:
                kept[str(path)] = found(path, models, held_out)
                if options.out:
                    write_json(options.out, kept)
            results.append(kept[str(path)])
        show(directory, results, list(models))


if __name__ == "__main__":
    main()
