"""Scores against the number of training geometries, and against training time.

python benchmarks/learning_curve.py DATA --out DIR [--geometries 9 30 99] [--steps 600]

DATA is a directory of samples as tfmsnet simulate makes them.  Every training is the packaged model's, of the
concentration alone, for the same number of steps; the held-out electrodes are the same for all.  Interrupted,
it continues.
Writes learning_curve.json, .md and .png.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import csv
import statistics
from pathlib import Path

from tfmsnet.files import replacing, write_json, write_text
from tfmsnet.plots.style import COLOURS, MARKERS, look, new_figure, png
from tfmsnet.training.config import PRESETS, RunConfig

HELD_OUT = "9/18"
SEED = 7


def configuration(steps: int) -> RunConfig:
    """As benchmarks/cathode.sh has it, but for the potential."""
    values = {
        "fields": ["concentration"],
        "scales": 4,
        "growth": 1.75,
        "batch_size": 1,
        "learning_rate": 0.001,
        "loss": "relative-root",
        "clip_norm": 0,
        "steps": steps,
        "steps_per_epoch": steps // 5,
    }
    return PRESETS["default"].in_mode("basis").with_values(values, "learning curve")


def measured(data: Path, out: Path, geometries: int, config: RunConfig) -> dict:
    """Train on so many geometries; scores of the held-out ones, and the validation score over the steps."""
    from tfmsnet.evaluation.scores import score
    from tfmsnet.records import Split, sample_files, write_records
    from tfmsnet.serving.local import load_model
    from tfmsnet.serving.scored import Scored
    from tfmsnet.training.run import train

    records, run = out / f"records-{geometries}", out / f"run-{geometries}"
    if not records.exists():
        write_records(sample_files(data), records, split=f"{HELD_OUT}/{geometries}", seed=SEED)
    train(records, run, config, title=f"{geometries} geometries")
    predict = Scored(load_model(run))
    rows = [score("model", sample, predict(sample)).summary() for sample in Split(records, "test")]
    with open(run / "log.csv") as file:
        log = [row for row in csv.DictReader(file) if row["val_vrmse_concentration"]]
    vrmse = [row["concentration_vrmse_median"] for row in rows]
    return {
        "geometries": geometries,
        "vrmse_median": statistics.median(vrmse),
        "vrmse_worst": max(vrmse),
        "vrmse_last": statistics.median(row["concentration_vrmse_last"] for row in rows),
        "steps": [(int(row["epoch"]) + 1) * config.training.steps_per_epoch for row in log],
        "validation": [float(row["val_vrmse_concentration"]) for row in log],
    }


def table(rows: list[dict]) -> str:
    """As Markdown."""
    lines = [
        "| training geometries | concentration VRMSE, median (worst) | last frame |",
        "|---|---|---|",
    ]
    for row in rows:
        scores = f"{row['vrmse_median']:.3f} ({row['vrmse_worst']:.3f})"
        lines.append(f"| {row['geometries']} | {scores} | {row['vrmse_last']:.3f} |")
    return "\n".join(lines)


def figure(rows: list[dict]):
    """Test score over geometries, validation score over steps."""
    with look():
        drawn = new_figure(8.4, 3.4)
        left, right = drawn.subplots(1, 2)
        number = [row["geometries"] for row in rows]
        for name, style in (("worst", "--"), ("median", "-")):
            left.loglog(
                number, [row[f"vrmse_{name}"] for row in rows], f"o{style}", color=COLOURS[0], label=name
            )
        left.set_xlabel("training geometries")
        left.set_ylabel("VRMSE of the concentration, held out")
        left.legend()
        for row, colour, marker in zip(rows, COLOURS[1:], MARKERS, strict=False):
            right.loglog(
                row["steps"],
                row["validation"],
                color=colour,
                marker=marker,
                label=f"{row['geometries']} geometries",
            )
        right.set_xlabel("optimizer steps")
        right.set_ylabel("VRMSE, validation")
        right.legend()
    return drawn


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--geometries", type=int, nargs="+", default=[9, 30, 99])
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    rows = []
    for geometries in arguments.geometries:
        rows.append(measured(arguments.data, arguments.out, geometries, configuration(arguments.steps)))
        write_json(arguments.out / "learning_curve.json", {"steps": arguments.steps, "rows": rows})
    write_text(arguments.out / "learning_curve.md", table(rows) + "\n")
    with replacing(arguments.out / "learning_curve.png") as partial:
        partial.write_bytes(png(figure(rows)))
    print(table(rows))


if __name__ == "__main__":
    main()
