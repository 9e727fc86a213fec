"""`tfmsnet train`: its options, its dry run, and one clear line for what can't be trained."""

import json
from functools import partial

import pytest

from tfmsnet.training.config import PRESETS, load_config


@pytest.fixture
def train(tfmsnet, monkeypatch):
    """`tfmsnet train ARGUMENTS` in this process -> (status, stdout, stderr)."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    return partial(tfmsnet, "train")


@pytest.fixture
def refused(train):
    """One line on stderr that says it, status 2."""

    def check(message, *arguments):
        status, _, err = train(*arguments)
        assert status == 2, err
        assert message in err
        assert err.startswith("tfmsnet: ")
        assert len(err.strip().splitlines()) == 1

    return check


@pytest.mark.parametrize("preset", PRESETS)
def test_a_printed_configuration_can_be_read_again(train, tmp_path, preset):
    status, out, _ = train("--preset", preset, "--print-config")
    assert status == 0
    (tmp_path / "config.json").write_text(out)
    assert load_config(tmp_path / "config.json") == PRESETS[preset]


def test_values_are_changed_one_by_one(train):
    _, out, _ = train("--print-config", "--set", "filters=3", "--set", "training.schedule=constant")
    content = json.loads(out)
    assert content["network"]["filters"] == 3
    assert content["training"]["schedule"] == "constant"


def test_the_configuration_of_a_run_is_one(train, run, make_config):
    status, out, _ = train("--config", run / "run.json", "--print-config", "--set", "seed=3")
    assert status == 0
    assert json.loads(out)["training"]["seed"] == 3
    assert json.loads(out)["network"]["filters"] == make_config().network.options.filters


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed=false", "seed: expected a whole number, 0 to 2^31 - 1, found False"),
        ("seed=1.5", "seed: expected a whole number"),
        ("steps=true", "steps: expected a positive integer, found True"),
        ("filter=3", "unknown key 'filter'"),
        ("training.noize=3", "unknown key 'noize'; did you mean 'noise'"),
        ("batch_size=0", "batch_size: expected a positive integer, found 0"),
        ("precision=float16", "precision: expected one of float32, mixed_bfloat16, found 'float16'"),
        ("learning_rate=nan", "learning_rate: expected a number between 0 and 1"),
        ("filters", "expected KEY=VALUE, found 'filters'"),
        ("scales=9", "voxels, expected at least 256 along each edge for 9 scales"),
    ],
)
def test_a_wrong_value_is_named(refused, records, tmp_path, change, message):
    refused(message, records, "--out", tmp_path / "run", "--set", change)
    assert not (tmp_path / "run").exists()


def test_contradictions(refused, records, tmp_path):
    out = ("--out", tmp_path / "run")
    refused("give one of them", "--preset", "paper", "--config", tmp_path / "config.json", "--print-config")
    refused("expected RECORDS and --out RUN", records)
    refused("expected RECORDS and --out RUN", *out)
    refused("--size and --frames are for --dry-run", records, *out, "--frames", 3)
    refused("no such file", "--config", tmp_path / "config.json", "--print-config")
    (tmp_path / "config.json").write_text('{"network": {"filterz": 3}}')
    refused("did you mean 'filters'", records, *out, "--config", tmp_path / "config.json")


def test_devices_that_are_not_there(refused, records, tmp_path):
    out = ("--out", tmp_path / "run")
    refused("'GPU:7' isn't there; expected some of CPU:0", records, *out, "--devices", "GPU:7")
    refused("TF_CONFIG: not set", records, *out, "--strategy", "multiworker")
    refused("Invalid value for '--strategy'", records, *out, "--strategy", "many")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected a JSON object with cluster"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "IndexError"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "the jobs chief and worker"),
    ],
)
def test_a_cluster_that_is_none(monkeypatch, text, message):
    from tfmsnet.errors import UserError
    from tfmsnet.training.strategies import make_strategy

    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=message):
        make_strategy("auto")


def test_another_run_is_told_apart(refused, records, run, make_config, tmp_path):
    make_config(noise=0.2).save(tmp_path / "config.json")
    message = "holds another run (training.noise is 0.05 there, 0.2 here)"
    refused(message, records, "--out", run, "--config", tmp_path / "config.json")


def test_the_dry_run_needs_no_records(train):
    status, out, _ = train("--dry-run", "--preset", "paper", "--size", 72, 72, 244, "--frames", 25)
    assert status == 0
    assert "2,979,363 parameters" in out
    assert "72x72x244 voxels, 25 frames" in out
    assert "the largest batch_size that does is" in out or "won't fit" in out


def test_the_dry_run_takes_the_records_extent(train, records):
    assert "12x12x16 voxels" in train(records, "--dry-run")[1]


def test_the_dry_run_says_what_will_not_fit(train):
    status, out, _ = train("--dry-run", "--size", 512, 512, 1024, "--set", "batch_size=8")
    assert status == 0
    assert "won't fit: " in out
    assert "GB here" in out


def test_fine_tuning_brings_the_network_and_its_mode(train, run, basis_run, make_config):
    status, out, _ = train("--init", run, "--print-config", "--set", "learning_rate=0.0001")
    assert status == 0
    content = json.loads(out)
    assert content["network"]["filters"] == make_config().network.options.filters
    assert content["training"]["learning_rate"] == 0.0001
    _, out, _ = train("--init", basis_run, "--print-config")
    content = json.loads(out)
    assert content["network"]["basis"] > 0
    assert content["training"]["horizon"] == [[1.0, 0]]


def test_fine_tuning_has_no_other_mode(refused, run):
    refused("leave --config, --preset and --mode away", "--init", run, "--mode", "classic")
    refused("holds no surrogate.json", "--init", run / "tensorboard", "--print-config")


@pytest.mark.slow
def test_a_unet_is_trained_scored_beside_msnet_and_exported(
    train, tfmsnet, records, run, make_config, tmp_path
):
    make_config().save(tmp_path / "config.json")
    out = tmp_path / "unet"
    options = ("--config", tmp_path / "config.json", "--mode", "basis", "--set", "architecture=unet")
    status, _, err = train(records, "--out", out, *options)
    assert status == 0, err
    status, printed, err = tfmsnet(
        "evaluate", run, records, "--no-reduced", "--out", tmp_path / "report", "--compare", f"unet={out}"
    )
    assert status == 0, err
    assert "AR-MSNet" in printed
    assert "unet" in printed
    status, printed, err = tfmsnet("evaluate", out, records, "--no-reduced", "--out", tmp_path / "alone")
    assert status == 0, err
    assert "direct U-Net" in printed
    assert tfmsnet("export", out, tmp_path / "served")[0] == 0


def test_the_dry_run_counts_a_unet(train):
    status, out, _ = train("--dry-run", "--set", "architecture=unet", "--set", "convolutions=2")
    assert status == 0
    assert out.startswith("AR-U-Net, autoregressive, 3 scales (filters=16, growth=2.0, convolutions=2, ")
