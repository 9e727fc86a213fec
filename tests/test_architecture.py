"""The house rules: imports point one way, the simulator needs no TensorFlow, the command starts fast."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Later layers may import earlier ones, never the other way round; members of one row are one layer.
LAYERS = (
    (
        "configuration",
        "errors",
        "files",
        "foreign_files",
        "load",
        "memory",
        "plugins",
        "progress",
        "seals",
        "tables",
        "units",
    ),
    ("electrode",),
    ("materials",),
    ("halfcell",),
    ("fields",),
    ("references", "features"),
    ("records",),
    ("plots",),
    ("campaign",),
    ("networks",),
    ("predictors",),
    ("training",),
    ("evaluation",),
    ("serving",),
    ("tuning",),
    ("api",),
    ("demo",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# A result saves itself as a sample and draws it: the imports upwards, made when it is called.
UPWARDS = {("discharge.py", "records"), ("discharge.py", "plots")}
FORBIDDEN = {
    ("networks", "records"),
    ("predictors", "records"),
    ("networks", "campaign"),
    ("predictors", "campaign"),
    ("evaluation", "campaign"),
}


def modules():
    for path in sorted(
        path for top in ("tfmsnet", "records", "tuning") for path in (ROOT / top).rglob("*.py")
    ):
        parts = path.relative_to(ROOT).with_suffix("").parts
        package = parts[0] if parts[0] != "tfmsnet" else parts[1]
        if package != "__init__":
            yield pytest.param(path, package, id="/".join(parts))


def imported(path):
    """The parts of tfmsnet that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if node.module == "tfmsnet":
                names = [f"tfmsnet.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("tfmsnet."):
                yield name.split(".")[1]


@pytest.mark.parametrize(("path", "package"), modules())
def test_imports_point_one_way(path, package):
    for other in imported(path):
        if (path.name, other) in UPWARDS and package == "halfcell":
            continue
        assert RANK[other] <= RANK[package], f"{path} imports {other}, which stands above it"
        assert (package, other) not in FORBIDDEN, f"{path} imports {other}"


@pytest.mark.parametrize(
    "module",
    [
        "tfmsnet.electrode",
        "tfmsnet.materials",
        "tfmsnet.halfcell",
        "tfmsnet.campaign",
        "tfmsnet.plots",
        "tfmsnet.cli.main",
    ],
)
def test_it_imports_no_tensorflow(module):
    heavy = "{'tensorflow', 'keras', 'matplotlib'}"
    code = f"import sys, {module}; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
