"""Every snippet of the README runs; the pipeline's commands with fewer steps and smaller electrodes."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from tfmsnet.cli import main as cli

README = (Path(__file__).parents[1] / "README.md").read_text()


def snippets(marker):
    """The fenced blocks after a comment, in order."""
    return re.findall(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)


def test_the_python_snippet_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(snippets("python")[0], "README.md", "exec"), {})
    assert (tmp_path / "discharge.png").stat().st_size > 1000
    assert "tortuosity" in capsys.readouterr().out


# What makes the pipeline's commands small enough for a test.
SMALLER = {
    "--geometries 9": "--geometries 4 --size 12 12 16 --c-rate 1,2",
    "_24x24x64_": "_12x12x16_",
    "--out report": "--no-reduced --out report",
    "--set steps=1000 --set filters=8": "--set steps=2 --set steps_per_epoch=2 --set filters=4",
}


def test_the_commands_run_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "".join(snippets("run"))
    for printed, small in SMALLER.items():
        assert printed in text
        text = text.replace(printed, small)
    for line in text.splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 0, line
    for made in ("compared/curves.png", "pictures/film.gif", "report/report.html", "by-network/curve.csv"):
        assert Path(made).is_file()
    error = json.loads(Path("answer/answer.json").read_text())["error"]
    assert error["level"] == 0.9
    assert 0 < error["voltage_v"] < 5e-3


@pytest.mark.parametrize("marker", ["demo", "tests"])
def test_the_two_commands_are_one_line_each(marker):
    assert len(snippets(marker)[0].splitlines()) == 1
