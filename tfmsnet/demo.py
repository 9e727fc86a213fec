"""The main job in small: from recipes to a served surrogate; what is done isn't done again, only scored."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import read_json, write_json

GRID = (16, 16, 48)
C_RATES = (0.5, 1.0, 2.0)
GEOMETRIES = 9
TEST_GEOMETRIES = 1
VALIDATION_GEOMETRIES = 0
SEED = 1
# Chosen for about equal times of training, one to two minutes each on two free cores.
CHANGES = {
    "autoregressive": {"steps": 400, "horizon": [[0.6, 1], [0.9, 3], [1.0, 6]]},
    "basis": {"steps": 600, "batch_size": 1, "loss": "relative-root"},
}
# The answers that stand side by side at the end: of a minute's training, and without any.
_NETWORK, _BEST = "network", "resolved-particles"
COMMON = {"steps_per_epoch": 20, "filters": 8, "growth": 3.0}


def run_demo(out: str | Path, say: Callable[[str], None], bar: Callable) -> None:
    """Run what is left to do of the demo in a directory.

    Args:
        out: its directory.
        say: takes a line for the user.
        bar: title -> context manager with a function of the fraction done.

    Raises:
        UserError: the directory holds something else.
    """
    out = Path(out)
    _claim(out)
    for stage in (_simulate, _write_records, _train, _evaluate, _export, _predict):
        for line in stage(out, bar):
            say(line)
    say(
        f"\nTensorBoard:  tensorboard --logdir {out / 'autoregressive' / 'tensorboard'}"
        f"\nReport:       {out / 'report' / 'report.html'}"
        f"\nSavedModel:   {out / 'served' / 'cathode' / '1'}"
    )


def _claim(out: Path) -> None:
    marker = {"tfmsnet": "demo", "seed": SEED, "grid": list(GRID), "changes": CHANGES, **COMMON}
    path = out / "demo.json"
    if path.is_file():
        if read_json(path, "a demo's description") != marker:
            raise UserError(f"{out}: holds a demo of another version; remove it or choose another --out")
    elif out.exists() and (
        not out.is_dir() or any(not path.name.endswith(".partial") for path in out.iterdir())
    ):
        raise UserError(
            f"{out}: expected a new or empty directory, or a demo to continue; choose another --out"
        )
    else:
        write_json(path, marker)


def _simulate(out: Path, bar) -> Iterator[str]:
    from tfmsnet.campaign import discharge_all, recipe_campaign

    tasks = recipe_campaign("paper", GEOMETRIES, GRID, C_RATES, SEED)
    with bar("1/6 simulating discharges") as progress:
        failures = discharge_all(tasks, out / "data", progress=progress)
    if failures:
        raise RunFailed(f"demo: {failures[0].name}: {failures[0].reason}")
    yield f"1/6 {len(tasks)} discharges of {GEOMETRIES} electrodes of {'x'.join(map(str, GRID))} voxels"


def _write_records(out: Path, bar) -> Iterator[str]:
    from tfmsnet.records import open_manifest, sample_files, write_records

    if not (out / "records").exists():
        with bar("2/6 writing records") as progress:
            write_records(
                sample_files(out / "data"),
                out / "records",
                split=f"{VALIDATION_GEOMETRIES}/{TEST_GEOMETRIES}",
                seed=SEED,
                progress=progress,
            )
    manifest = open_manifest(out / "records")
    counts = ", ".join(f"{len(manifest.samples(split))} {split}" for split in manifest.splits)
    yield f"2/6 TFRecords: {counts}"


def _train(out: Path, bar) -> Iterator[str]:
    from tfmsnet.training.config import PRESETS
    from tfmsnet.training.run import train

    for mode, changes in CHANGES.items():
        config = PRESETS["default"].in_mode(mode).with_values({**COMMON, **changes}, "demo")
        train(out / "records", out / mode, config, title=f"3/6 training, {mode}")
        yield f"3/6 trained {mode}: {config.training.steps} steps"


def _evaluate(out: Path, bar) -> Iterator[str]:
    from tfmsnet.api import evaluate

    with bar("4/6 evaluating") as progress:
        report = evaluate(
            out / "autoregressive",
            out / "records",
            out / "report",
            compare={"time basis": out / "basis"},
            progress=progress,
        )
    yield "4/6 scores on an electrode that no model saw:\n" + report.table()


def _export(out: Path, bar) -> Iterator[str]:
    from tfmsnet.serving.saved_model import export

    target = out / "served" / "cathode"
    if not (target / "1").is_dir():
        run = out / "basis"
        export(run, target)
    yield f"5/6 SavedModel: {target / '1'}"


def _predict(out: Path, bar) -> Iterator[str]:
    import numpy as np

    from tfmsnet.records import Split
    from tfmsnet.serving.answer import write_answer
    from tfmsnet.serving.local import load_model
    from tfmsnet.serving.scored import answered

    true = next(sample for sample in Split(out / "records", "test") if sample.c_rate == 1.0)
    with bar("6/6 predicting") as progress:
        answers = {}
        for name, source in ((_NETWORK, out / "served" / "cathode"), (_BEST, _BEST)):
            answers[name] = answered(load_model(source), true)
            progress(len(answers) / 2)
    files = write_answer(answers[_BEST], out / "answer")
    errors_mv = {name: 1e3 * (answer.voltage_v - true.voltage_v) for name, answer in answers.items()}
    yield "6/6 the unseen electrode at 1C, voltage and how far off it each answer is:"
    yield f"{'DOL':>8}{'simulated / V':>16}" + "".join(f"{name + ' / mV':>26}" for name in answers)
    for frame in range(0, true.frames, 4):
        errors = "".join(f"{error[frame]:>26.1f}" for error in errors_mv.values())
        yield f"{true.dol[frame]:>8.3f}{true.voltage_v[frame]:>16.4f}{errors}"
    rms = {name: np.sqrt(np.mean(error[1:] ** 2)) for name, error in errors_mv.items()}
    yield (
        f"\nroot mean square: {', '.join(f'{name} {value:.1f} mV' for name, value in rms.items())}.\n"
        f"{_BEST} is physics and needs no training: it is what `tfmsnet predict` answers with, and what a "
        f"network has to beat.\nThese networks saw {GEOMETRIES - TEST_GEOMETRIES} electrodes for minutes; "
        "more training: docs/results.md."
    )
    yield f"files: {', '.join(str(file) for file in files)}"
