"""tfmsnet tune as a user meets it."""

import sys

import pytest

SMALL = (
    *("--set", "steps=2", "--set", "steps_per_epoch=1", "--set", 'channels=["am"]'),
    *("--set", 'fields=["concentration"]', "--set", "scales=1", "--set", "convolutions=1"),
    *("--space", "filters=2,3", "--space", "growth=1", "--space", "learning_rate=1e-3"),
    *("--space", "mode=basis"),
)


def check_hparams(folder):
    """The search and its two trials are on TensorBoard's HParams page."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert "_hparams_/experiment" in EventAccumulator(str(folder)).Reload().summary_metadata
    trials = sorted(folder.glob("trial_*"))
    assert len(trials) == 2
    for trial in trials:
        events = EventAccumulator(str(trial)).Reload()
        assert "_hparams_/session_start_info" in events.summary_metadata
        assert {"vrmse", "parameters", "seconds_per_rollout"} <= set(events.Tags()["tensors"])


def test_the_best_configuration_is_one_that_train_takes(tfmsnet, judged, tmp_path):
    out, run = tmp_path / "out", tmp_path / "run"
    status, printed, err = tfmsnet("tune", judged, "--out", out, "--tuner", "random", *SMALL)
    assert status == 0, err
    assert {"search.json", "trials.csv", "pareto.png", "best.json"} <= {path.name for path in out.iterdir()}
    assert (out / "trials.csv").read_text().count("\n") == 3
    check_hparams(out / "tensorboard")
    line = next(line for line in printed.splitlines() if "tfmsnet train" in line)
    command = line.partition("`tfmsnet ")[2].partition("`")[0].replace("RUN", str(run)).split()
    assert tfmsnet(*command)[0] == 0
    assert (run / "surrogate.weights.h5").is_file()


def test_a_dry_run_says_what_fits(tfmsnet, judged, tmp_path):
    status, printed, _ = tfmsnet(
        *("tune", judged, "--out", tmp_path / "out", "--max-parameters", 100_000, "--dry-run"),
    )
    assert status == 0
    assert "combinations fit" in printed
    assert "learning_rate: 0.0003..0.006" in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--space", "filters=8"), "nothing to search"),
        (("--space", "filters=8,9", "--space", "filters=3"), "given twice"),
        (("--space", "filters=8,9", "--set", "filters=3"), "given twice"),
        (("--space", "filters=8,9", "--max-parameters", "10"), "no point fits"),
        (("--space", "filtres=8,9"), "KEY of"),
    ],
)
def test_mistakes(tfmsnet, judged, tmp_path, arguments, message):
    fixed = ("growth=1", "scales=2", "convolutions=1", "learning_rate=1e-3", "curriculum=1")
    rest = [word for text in fixed for word in ("--space", text)]
    status, _, err = tfmsnet("tune", judged, "--out", tmp_path / "out", *rest, *arguments)
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_records_that_nothing_can_be_judged_by(tfmsnet, records, tmp_path):
    status, _, err = tfmsnet("tune", records, "--out", tmp_path / "out")
    assert status == 2
    assert "split 'validation' is empty" in err


def test_without_kerastuner_the_extra_is_named(tfmsnet, monkeypatch, tmp_path):
    for module in [name for name in sys.modules if name.startswith(("keras_tuner", "tfmsnet.tuning"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    status, _, err = tfmsnet("tune", tmp_path, "--out", tmp_path / "search")
    assert status == 2
    assert "pip install 'tfmsnet[tune]'" in err
