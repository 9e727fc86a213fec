"""Commands as processes of their own, and disks that are too small for them."""

import itertools
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfmsnet.records import sample_files

COMMAND = (sys.executable, "-c", "from tfmsnet.cli.main import main; main()")
TINY = [
    *("filters=2", "convolutions=1", "scales=2", "steps=4", "steps_per_epoch=2"),
    "horizon=[[0.5, 1], [1.0, 2]]",
]
# Those that write, of `arguments_of`.
NAMES = (
    *("electrode make", "voxelise", "describe", "simulate", "records write", "train", "tune", "evaluate"),
    *("predict", "predict reduced", "export", "compare", "show"),
)
PARTICLES = "x,y,z,radius,type\n" + "".join(
    f"{4 * i},{4 * j},{4 * k},2.2,{1 + (i + j + k) % 2}\n"
    for i, j, k in itertools.product(range(4), range(4), range(6))
)


def pytest_generate_tests(metafunc):
    """A test that takes `name` is made for each command that writes."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", NAMES)


def settings(*without):
    """Of a training that takes seconds."""
    chosen = [value for value in TINY if value.partition("=")[0] not in without]
    return [part for value in chosen for part in ("--set", value)]


@pytest.fixture(scope="session")
def command():
    """`command(*arguments, **options of subprocess.run)` runs tfmsnet in a process."""

    def call(*arguments, **options):
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **options.pop("env", {})}
        return subprocess.run(
            [*COMMAND, *map(str, arguments)], capture_output=True, text=True, env=environment, **options
        )

    call.program = COMMAND
    return call


@pytest.fixture(scope="session")
def workplace(data, judged, command, tmp_path_factory):
    """A folder with what the commands take: data, records, run, image.npy."""
    folder = tmp_path_factory.mktemp("workplace")
    shutil.copytree(data, folder / "data")
    (folder / "particles.csv").write_text(PARTICLES)
    shutil.copytree(judged, folder / "records")
    write_image(sample_files(data)[0], folder / "image.npy")
    done = command("train", folder / "records", "--out", folder / "run", *settings())
    assert done.returncode == 0, done.stderr
    return folder


def write_image(sample, path):
    from tfmsnet.electrode import PhaseImage
    from tfmsnet.electrode.writing import write_image as write
    from tfmsnet.records import read_sample

    found = read_sample(sample)
    write(PhaseImage(found.phase, found.voxel_size_m), path)


@pytest.fixture(scope="session")
def commands(workplace):
    """`commands(out)`: name -> arguments of every command that writes a directory."""
    return lambda out: arguments_of(workplace, out)


def arguments_of(folder, out):
    image = (folder / "image.npy", "--voxel-size-um", "0.5")
    sample = next(iter(sample_files(folder / "data")))
    return {
        "electrode make": ("electrode", "make", "--size", "24", "24", "32", "--out", out / "made.npy"),
        "voxelise": ("voxelise", folder / "particles.csv", "--out", out / "image.tif"),
        "describe": ("describe", *image, "--png", out / "slices.png"),
        "simulate": (
            *("simulate", "--geometries", "2", "--size", "12", "12", "16", "--c-rates", "2"),
            *("--frames", "4", "--jobs", "1", "--out", out),
        ),
        "records write": ("records", "write", folder / "data", out, "--split", "1/1"),
        "train": ("train", folder / "records", "--out", out, *settings()),
        "tune": (
            *("tune", folder / "records", "--out", out, "--tuner", "random", "--trials", "2"),
            *("--space", "filters=1,2", *settings("filters")),
        ),
        "evaluate": ("evaluate", folder / "run", folder / "records", "--no-reduced", "--out", out),
        "predict": ("predict", *image, "--c-rate", "1", "--model", folder / "run", "--out", out),
        "export": ("export", folder / "run", out),
        "predict reduced": ("predict", *image, "--c-rate", "1", "--model", "porous-electrode", "--out", out),
        "compare": ("compare", sample, folder / "run", "--out", out),
        "show": ("show", sample, "--html", "--paraview", "--out", out),
    }


@pytest.fixture(scope="session")
def complaints():
    """`complaints(stderr)`: the lines of a command's stderr that aren't progress."""
    return lambda stderr: [line for line in stderr.splitlines() if line.startswith("tfmsnet: ")]


@pytest.fixture(scope="session")
def half_written():
    """`half_written(folder)`: what isn't whole there."""
    return lambda folder: [path for path in folder.rglob("*") if ".partial" in path.name]


class SmallDisk:
    """A file system with little room: a tmpfs where mounting is allowed, else a limit on a file's size."""

    def __init__(self, folder: Path, room: int):
        self.folder, self.room = folder, room
        folder.mkdir()
        self.mounted = os.geteuid() == 0 and self._mount("") == 0

    def _mount(self, options):
        size = f"{options}size={4 * max(self.room // 4096, 1)}k"
        command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    def make_room(self, room: int = 1 << 30):
        """Have so many bytes in all."""
        self.room = room
        if self.mounted:
            self._mount("remount,")

    @property
    def limits(self):
        """Options of `subprocess.run`."""
        if self.mounted:
            return {}
        return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, self.room))}

    def remove(self):
        if self.mounted:
            subprocess.run(["umount", str(self.folder)], check=False)


@pytest.fixture
def small_disk(tmp_path):
    """`small_disk(room in bytes)`."""
    disks = []

    def make(room):
        disks.append(SmallDisk(tmp_path / f"disk{len(disks)}", room))
        return disks[-1]

    yield make
    for disk in disks:
        disk.remove()
