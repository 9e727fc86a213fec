"""The annotations of what the package offers are what a type checker needs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_api_is_typed(tmp_path):
    pytest.importorskip("mypy")
    options = ("--follow-imports=silent", "--ignore-missing-imports", "--warn-unused-ignores")
    # As it is installed: mypy doesn't know that records and tuning lie elsewhere here.
    here = Path(__file__).parent
    for folder, place in (("tfmsnet", "."), ("records", "records"), ("tuning", "tuning")):
        shutil.copytree(
            here.parent / folder, tmp_path / "tfmsnet" / place, ignore=shutil.ignore_patterns("trained")
        )
    command = [sys.executable, "-m", "mypy", *options, str(here / "typed_use.py")]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode == 0, found.stdout
