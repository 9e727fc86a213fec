"""Filters over the scales: the paper's 10 * 4**n against other splits of the same number of parameters.

python benchmarks/filter_split.py RECORDS --out DIR [--filters 2] [--steps 400] [--seeds 2] [--mode basis]

Trains networks that differ in nothing but growth (and with it the filters of the finest scale, so that the
parameters stay the same) for the same number of steps, and scores rollouts over the validation discharges.
Writes splits.json, splits.md and splits.png.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tfmsnet.evaluation.style import COLOURS, MARKERS, look, new_figure, png
from tfmsnet.files import replacing, write_json, write_text
from tfmsnet.training.config import MODES, PRESETS, RunConfig
from tfmsnet.training.memory import parameters
from tfmsnet.tuning.trial import run_trial

GROWTHS = (4, 2, 1)


def configuration(arguments: argparse.Namespace) -> RunConfig:
    """The paper's split, scaled down; all else as the default preset has it."""
    values = {
        "filters": arguments.filters,
        "growth": 4,
        "scales": 3,
        "convolutions": arguments.convolutions,
        "steps": arguments.steps,
        "steps_per_epoch": max(1, arguments.steps // 10),
        "batch_size": 1,
    }
    return PRESETS["default"].in_mode(arguments.mode).with_values(values, "filter_split")


def split(config: RunConfig, growth: int) -> RunConfig:
    """The whole number of filters with which another growth comes nearest to the same parameters."""
    wanted = parameters(config)
    choices = (
        config.with_values({"filters": filters, "growth": growth}, "split") for filters in range(1, 129)
    )
    return min(choices, key=lambda choice: abs(parameters(choice) - wanted))


def measured(config: RunConfig, records: Path, seeds: int) -> dict:
    """The scores of a split over seeds, and what it took."""
    scores, cpu_s, outcome = [], [], None
    for seed in range(seeds):
        seeded = config.with_values({"seed": seed}, "seed")
        epochs = config.training.steps // config.training.steps_per_epoch
        with tempfile.TemporaryDirectory() as folder:
            begun = time.process_time()
            title = f"growth {config.network.growth:g}, seed {seed}"
            outcome = run_trial(seeded, records, Path(folder) / "run", epochs=epochs, title=title)
            cpu_s.append(time.process_time() - begun)
        scores.append(outcome.vrmse)
    network = config.network
    return {
        "growth": network.growth,
        "filters": [max(1, round(network.filters * network.growth**n)) for n in range(network.scales)],
        "parameters": outcome.parameters,
        "vrmse": scores,
        "cpu_s": statistics.mean(cpu_s),
        "seconds_per_rollout": outcome.seconds_per_rollout,
    }


def table(rows: list[dict]) -> str:
    """The splits as Markdown."""
    lines = [
        "| growth | filters, finest scale first | parameters | vRMSE (each seed) | CPU s | s per rollout |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        each = ", ".join(f"{score:.3f}" for score in row["vrmse"])
        filters = ", ".join(map(str, row["filters"]))
        lines.append(
            f"| {row['growth']:g} | {filters} | {row['parameters']:,} | "
            f"{statistics.mean(row['vrmse']):.3f} ({each}) | {row['cpu_s']:.0f} | "
            f"{row['seconds_per_rollout']:.3f} |"
        )
    return "\n".join(lines)


def figure(rows: list[dict]):
    """Error against what a split costs in training; a point per seed."""
    with look():
        drawn = new_figure(5.0, 3.4)
        axes = drawn.subplots()
        for row, colour, marker in zip(rows, COLOURS[1:], MARKERS, strict=False):
            label = f"growth {row['growth']:g}: " + ", ".join(map(str, row["filters"]))
            axes.plot([row["cpu_s"]] * len(row["vrmse"]), row["vrmse"], marker, color=colour, label=label)
        axes.set_xlabel("CPU seconds of training and scoring")
        axes.set_ylabel("vRMSE of held-out rollouts")
        axes.legend()
    return drawn


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--filters", type=int, default=2, help="of the finest scale at growth 4")
    parser.add_argument("--convolutions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--mode", choices=MODES, default="basis")
    arguments = parser.parse_args()
    paper = configuration(arguments)
    options = {name: value for name, value in vars(arguments).items() if name not in ("records", "out")}
    rows = []
    for growth in GROWTHS:
        rows.append(measured(split(paper, growth), arguments.records, arguments.seeds))
        write_json(arguments.out / "splits.json", {"options": options, "splits": rows})
    write_text(arguments.out / "splits.md", table(rows) + "\n")
    with replacing(arguments.out / "splits.png") as partial:
        partial.write_bytes(png(figure(rows)))
    print(table(rows))


if __name__ == "__main__":
    main()
