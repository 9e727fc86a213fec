"""The wheel holds every module of the checkout, and imports outside of it; versions fit each other."""

import configparser
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: setuptools leaves its own build folder in the tree."""
    out, tree = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("tree")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for name in ("tfmsnet", "records", "tuning"):
        shutil.copytree(ROOT / name, tree / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(tree)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("tfmsnet-*.whl"))


def test_the_wheel_holds_every_module_and_nothing_else_of_the_top_level(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tfmsnet").rglob("*.py")} | {
        f"tfmsnet/{path.relative_to(ROOT).as_posix()}"
        for top in ("records", "tuning")
        for path in (ROOT / top).rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == expected
    assert "tfmsnet/records/FORMAT.md" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tfmsnet"}


def test_all_of_it_imports_outside_the_checkout(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root))
origin = lambda finder: type(finder).__module__ + getattr(finder, "__module__", "")
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in origin(finder)]
for path in sorted(root.rglob("*.py")):
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    assert str(root) in module.__file__, module.__file__
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=tmp_path)


def pinned(name):
    """Package -> version of a file in .ci."""
    lines = (ROOT / ".ci" / name).read_text().splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(package): version for package, version in pins}


def bounds(*extras):
    """What setup.cfg asks for."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lists = [
        config["options"]["install_requires"],
        *(config["options.extras_require"][extra] for extra in extras),
    ]
    lines = "\n".join(lists).splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_the_tested_versions_are_allowed_ones():
    constraints = pinned("constraints.txt")
    for asked in bounds("io", "test"):
        assert asked.specifier.contains(constraints[canonicalize_name(asked.name)]), asked


def test_the_oldest_versions_are_the_lower_bounds():
    lower = {
        canonicalize_name(asked.name): part.version
        for asked in bounds()
        for part in asked.specifier
        if part.operator == ">="
    }
    oldest = {name: Version(version) for name, version in pinned("oldest.txt").items()}
    assert oldest == {name: Version(version) for name, version in lower.items()}
