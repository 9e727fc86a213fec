"""Discharges that ended before the others are refused, kept or left out, as one says."""

import sys
from dataclasses import replace

import pytest

from tfmsnet.cli import main as cli
from tfmsnet.errors import UserError
from tfmsnet.records import sample_files, write_records, write_sample


@pytest.fixture
def cut_off(samples, tmp_path):
    """A directory of samples, one of which reached a cut-off voltage after 20 of 25 frames."""
    data = tmp_path / "data"
    data.mkdir()
    for number, sample in enumerate(samples[:4]):
        if number == 1:
            in_time = ("concentration", "potential", "times_s", "dol", "voltage_v", "c_rate_profile")
            sample = replace(sample, **{name: getattr(sample, name)[:20] for name in in_time})
        write_sample(sample, data / f"{number}.h5")
    return data


def frames(manifest):
    return sorted(sample["frames"] for split in manifest.splits for sample in manifest.samples(split))


def test_a_short_discharge_is_refused_by_name_with_what_to_do(cut_off, tmp_path):
    with pytest.raises(UserError, match=r"1\.h5: 20 frames, .* has 25; 1 of 4 .*--short drop.* 19 frames"):
        write_records(sample_files(cut_off), tmp_path / "records", split="0/1")
    assert not (tmp_path / "records").exists()


def test_it_is_kept_or_left_out_on_request(cut_off, tmp_path):
    files = sample_files(cut_off)
    kept = write_records(files, tmp_path / "kept", split="0/1", short="keep")
    assert frames(kept) == [20, 25, 25, 25]
    progress = []
    dropped = write_records(files, tmp_path / "dropped", split="0/1", short="drop", progress=progress.append)
    assert frames(dropped) == [25, 25, 25]
    assert progress[-1] == 1.0
    with pytest.raises(UserError, match="short: expected one of refuse, keep, drop"):
        write_records(files, tmp_path / "other", split="0/1", short="trim")


def test_the_command_says_how_many_it_left_out(cut_off, tmp_path, monkeypatch, capsys):
    arguments = ["tfmsnet", "records", "write", str(cut_off), str(tmp_path / "records"), "--split", "0/1"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--short", "drop"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    assert "1 discharge(s) left out" in capsys.readouterr().err
