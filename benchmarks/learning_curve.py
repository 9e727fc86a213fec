"""What a reference is worth: scores of held-out electrodes against the number of training geometries.

    tfmsnet simulate --design paper --geometries 60 --size 24 24 64 --c-rates 0.5,1,2 --seed 7 --out data
    python benchmarks/learning_curve.py data --out DIR [--geometries 3 9 30] [--steps 300] [--on uniform]

The same network (one pass, 3 scales of 8 to 32 filters, the concentration alone) learns the deviation from
each reference, the same number of steps of one discharge; the held-out electrodes are the same for all, and
the reduced models by themselves are beside them.  Interrupted, it continues.
Writes learning_curve.json, .md and .png.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import statistics
from pathlib import Path

import tfmsnet
from tfmsnet.evaluation.scores import score
from tfmsnet.files import read_json, replacing, write_json, write_text
from tfmsnet.plots.style import COLOURS, MARKERS, look, new_figure, png
from tfmsnet.records import Split, sample_files, write_records
from tfmsnet.references.registry import REDUCED
from tfmsnet.serving.scored import Scored
from tfmsnet.training.config import PRESETS, RunConfig
from tfmsnet.training.run import train

REFERENCES = ("uniform", *REDUCED)
HELD_OUT = "3/18"  # validation and test
SEED = 7


def configuration(reference: str, steps: int) -> RunConfig:
    """As benchmarks/networks.sh has it, but for the potential."""
    values = {
        "fields": ["concentration"],
        "reference": reference,
        "scales": 3,
        "filters": 8,
        "growth": 2.0,
        "batch_size": 1,
        "learning_rate": 0.001,
        "loss": "relative-root",
        "clip_norm": 0,
        "steps": steps,
        "steps_per_epoch": steps // 5,
    }
    return PRESETS["default"].in_mode("basis").with_values(values, "learning curve")


def scored(model, records: Path) -> dict:
    """VRMSE of the concentration on the held-out electrodes."""
    predict = Scored(model)
    rows = [score("model", sample, predict(sample)).summary() for sample in Split(records, "test")]
    vrmse = [row["concentration_vrmse_median"] for row in rows]
    return {"vrmse_median": statistics.median(vrmse), "vrmse_worst": max(vrmse)}


def measured(data: Path, out: Path, reference: str, geometries: int, steps: int) -> dict:
    """Train on so many geometries, on a reference; scores of the held-out ones; kept in a file."""
    name = f"{reference}-{geometries}"
    path = out / f"{name}.json"
    if not path.exists():
        records, run = out / f"records-{name}", out / f"run-{name}"
        if not records.exists():
            stored = None if reference == "uniform" else reference
            split = f"{HELD_OUT}/{geometries}"
            write_records(sample_files(data), records, split=split, seed=SEED, reference=stored)
        train(records, run, configuration(reference, steps), title=f"{geometries} geometries on {reference}")
        found = scored(tfmsnet.load_model(run / "best"), records)
        write_json(path, {"reference": reference, "geometries": geometries, **found})
    return read_json(path, "scores")


def alone(out: Path, reference: str, records: Path) -> dict:
    """Scores of a reduced model by itself; kept in a file."""
    path = out / f"{reference}.json"
    if not path.exists():
        found = scored(tfmsnet.load_model(reference), records)
        write_json(path, {"reference": reference, "geometries": 0, **found})
    return read_json(path, "scores")


def table(rows: list[dict]) -> str:
    """As Markdown."""
    numbers = sorted({row["geometries"] for row in rows})
    heads = ["none, the model alone" if number == 0 else f"{number} geometries" for number in numbers]
    lines = [f"| on | {' | '.join(heads)} |", "|---|" + "---|" * len(numbers)]
    for reference in REFERENCES:
        found = {row["geometries"]: row for row in rows if row["reference"] == reference}
        cells = [
            f"{found[number]['vrmse_median']:.4f} ({found[number]['vrmse_worst']:.3f})"
            if number in found
            else ""
            for number in numbers
        ]
        lines.append(f"| `{reference}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def figure(rows: list[dict]):
    """Held-out score over geometries, a line for each reference; without a network, dotted."""
    with look():
        drawn = new_figure(6.4, 3.8)
        axes = drawn.subplots()
        for reference, colour, marker in zip(REFERENCES, COLOURS, MARKERS, strict=False):
            mine = [row for row in rows if row["reference"] == reference]
            trained = [row for row in mine if row["geometries"]]
            number = [row["geometries"] for row in trained]
            median = [row["vrmse_median"] for row in trained]
            axes.loglog(number, median, color=colour, marker=marker, label=f"on {reference}")
            for row in mine:
                if not row["geometries"]:
                    axes.axhline(row["vrmse_median"], color=colour, linestyle=":", label=f"{reference} alone")
        axes.set_xticks(sorted({row["geometries"] for row in rows} - {0}))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.minorticks_off()
        axes.set_xlabel("training geometries")
        axes.set_ylabel("VRMSE of the concentration, held out, median")
        axes.legend()
    return drawn


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--geometries", type=int, nargs="+", default=[3, 9, 30])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--on", nargs="+", choices=REFERENCES, default=REFERENCES, metavar="REFERENCE")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for geometries in options.geometries:
        for reference in options.on:
            rows.append(measured(options.data, options.out, reference, geometries, options.steps))
            write_text(options.out / "learning_curve.md", table(rows) + "\n")
    judged = options.out / f"records-{options.on[0]}-{options.geometries[0]}"
    rows += [alone(options.out, name, judged) for name in REDUCED]
    write_json(options.out / "learning_curve.json", {"steps": options.steps, "rows": rows})
    write_text(options.out / "learning_curve.md", table(rows) + "\n")
    with replacing(options.out / "learning_curve.png") as partial:
        partial.write_bytes(png(figure(rows)))
    print(table(rows))


if __name__ == "__main__":
    main()
