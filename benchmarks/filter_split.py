"""Filters over the scales: the paper's 10 * 4**n against other splits of the same number of parameters.

python benchmarks/filter_split.py RECORDS --out DIR [--growth 4 2 1] [--filters 4] [--steps 400] [--seeds 2]

Trains networks that differ in nothing but growth (and with it the filters of the finest scale, so that the
parameters stay the same), otherwise as networks of one pass are, for the same number of steps, and scores
rollouts over the validation discharges.  Interrupted, it continues with the next training; called with more
seeds or growths, it adds them.
Writes splits.json, splits.md and splits.png.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tfmsnet.errors import UserError
from tfmsnet.files import read_json, replacing, write_json, write_text
from tfmsnet.plots.style import COLOURS, MARKERS, look, new_figure, png
from tfmsnet.predictors.config import FIELDS
from tfmsnet.records.manifest import FILE as MANIFEST
from tfmsnet.seals import sha256
from tfmsnet.training.config import MODES, PRESETS, RunConfig
from tfmsnet.training.memory import parameters
from tfmsnet.tuning.trial import run_trial

# What may be added to a study that is there; the rest it must have been made with.
ADDED = ("records", "out", "growth", "seeds")


def configuration(arguments: argparse.Namespace) -> RunConfig:
    """The paper's split, scaled down; trained as networks of one pass are."""
    values = {
        "fields": arguments.fields,
        "filters": arguments.filters,
        "growth": 4,
        "scales": 3,
        "convolutions": arguments.convolutions,
        "steps": arguments.steps,
        "steps_per_epoch": max(1, arguments.steps // 10),
        "batch_size": 1,
        "learning_rate": arguments.learning_rate,
        "loss": "relative-root",
        "clip_norm": 0,
    }
    return PRESETS["default"].in_mode(arguments.mode).with_values(values, "filter_split")


def split(config: RunConfig, growth: float) -> RunConfig:
    """The whole number of filters with which another growth comes nearest to the same parameters."""
    wanted = parameters(config)
    choices = (
        config.with_values({"filters": filters, "growth": growth}, "split") for filters in range(1, 129)
    )
    return min(choices, key=lambda choice: abs(parameters(choice) - wanted))


def training(config: RunConfig, records: Path) -> dict:
    """Train and score once."""
    options, seed = config.network.options, config.training.seed
    epochs = config.training.steps // config.training.steps_per_epoch
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        title = f"growth {options.growth:g}, seed {seed}"
        outcome = run_trial(config, records, Path(folder) / "run", epochs=epochs, title=title)
        cpu_s = time.process_time() - begun
    return {
        "growth": options.growth,
        "seed": seed,
        "filters": [options.filters_at(n) for n in range(config.network.scales)],
        "parameters": outcome.parameters,
        "vrmse": outcome.vrmse,
        "cpu_s": cpu_s,
        "seconds_per_rollout": outcome.seconds_per_rollout,
    }


def study(arguments: argparse.Namespace) -> list[dict]:
    """All trainings, those that are done already taken from splits.json.

    Raises:
        UserError: splits.json is of a study with other options.
    """
    path = arguments.out / "splits.json"
    options = {name: value for name, value in vars(arguments).items() if name not in ADDED}
    options["manifest_sha256"] = sha256(arguments.records / MANIFEST)
    done = read_json(path, "a study")["trainings"] if path.exists() else []
    if done and read_json(path, "a study")["options"] != options:
        raise UserError(f"{path}: holds a study with other options; choose another --out")
    paper = configuration(arguments)
    for seed in range(arguments.seeds):
        for growth in arguments.growth:
            if not any((row["growth"], row["seed"]) == (growth, seed) for row in done):
                config = split(paper, growth).with_values({"seed": seed}, "seed")
                done.append(training(config, arguments.records))
                write_json(path, {"options": options, "trainings": done})
    return done


def by_growth(trainings: list[dict]) -> list[list[dict]]:
    """The trainings of each split, the paper's growth first."""
    growths = sorted({row["growth"] for row in trainings}, reverse=True)
    return [[row for row in trainings if row["growth"] == growth] for growth in growths]


def table(trainings: list[dict]) -> str:
    """The splits as Markdown."""
    lines = [
        "| growth | filters, finest scale first | parameters | vRMSE (each seed) | CPU s | s per rollout |",
        "|---|---|---|---|---|---|",
    ]
    for rows in by_growth(trainings):
        scores = [row["vrmse"] for row in rows]
        each = ", ".join(f"{score:.3f}" for score in scores)
        filters = ", ".join(map(str, rows[0]["filters"]))
        lines.append(
            f"| {rows[0]['growth']:g} | {filters} | {rows[0]['parameters']:,} | "
            f"{statistics.mean(scores):.3f} ({each}) | {statistics.mean(row['cpu_s'] for row in rows):.0f} | "
            f"{min(row['seconds_per_rollout'] for row in rows):.3f} |"
        )
    return "\n".join(lines)


def figure(trainings: list[dict]):
    """Error against what a split costs in training; a point per seed."""
    with look():
        drawn = new_figure(5.0, 3.4)
        axes = drawn.subplots()
        for rows, colour, marker in zip(by_growth(trainings), COLOURS[1:], MARKERS, strict=False):
            label = f"growth {rows[0]['growth']:g}: " + ", ".join(map(str, rows[0]["filters"]))
            x, y = ([row[name] for row in rows] for name in ("cpu_s", "vrmse"))
            axes.plot(x, y, marker, color=colour, label=label)
        axes.set_xlabel("CPU seconds of training and scoring")
        axes.set_ylabel("vRMSE of held-out rollouts")
        axes.legend()
    return drawn


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--growth", type=float, nargs="+", default=[4, 2, 1])
    parser.add_argument("--filters", type=int, default=4, help="of the finest scale at growth 4")
    parser.add_argument("--convolutions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--mode", choices=MODES, default="basis")
    parser.add_argument("--fields", choices=FIELDS, nargs="+", default=["concentration"])
    arguments = parser.parse_args()
    trainings = study(arguments)
    write_text(arguments.out / "splits.md", table(trainings) + "\n")
    with replacing(arguments.out / "splits.png") as partial:
        partial.write_bytes(png(figure(trainings)))
    print(table(trainings))


if __name__ == "__main__":
    main()
