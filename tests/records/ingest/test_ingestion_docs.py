"""Every snippet of docs/ingestion.md runs, on files laid out as it says."""

import glob
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tfmsnet.cli import main as cli
from tfmsnet.records import read_sample, sample_files

TEXT = (Path(__file__).parents[3] / "docs" / "ingestion.md").read_text(encoding="utf-8")


def snippet(marker):
    """The fenced block after a comment."""
    return re.search(rf"<!-- {re.escape(marker)} -->\n```\w*\n(.*?)```", TEXT, re.DOTALL).group(1)


@pytest.fixture
def files(tmp_path, monkeypatch, small_series, small_rows, write, sample):
    """The files that the commands name."""
    monkeypatch.chdir(tmp_path)
    for name in ("particles.csv", "settled.dump", "mapping.json"):
        Path(name).write_text(snippet(name))
    for path in small_series:
        shutil.copy(path, tmp_path)
    write.comsol(tmp_path / "export.txt", *small_rows)
    np.savez(
        "theirs.npz",
        labels=sample.phase.T * 85,
        c=sample.concentration.transpose(0, 3, 2, 1) / 1e3,
        phi=sample.potential.transpose(0, 3, 2, 1) * 1e3,
        t=sample.times_s / 60,
    )


@pytest.mark.usefixtures("files")
def test_the_commands_run_as_printed(monkeypatch, capsys, sample):
    for line in snippet("run").splitlines():
        words = [glob.glob(word) if "*" in word else [word] for word in shlex.split(line, comments=True)]
        monkeypatch.setattr(sys, "argv", [word for group in words for word in sorted(group)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 0, (line, capsys.readouterr().err)
    assert [path.name for path in sample_files("data")] == ["export.h5", "run_0.h5"]
    theirs = read_sample("more/theirs.h5")
    np.testing.assert_allclose(theirs.concentration, sample.concentration, rtol=1e-6)
    assert Path("settled.tif").is_file()


@pytest.mark.usefixtures("files")
def test_the_python_snippet_runs():
    exec(compile(snippet("python"), "ingestion.md", "exec"), {})
    assert read_sample("sample.h5").grid == (10, 10, 8)
