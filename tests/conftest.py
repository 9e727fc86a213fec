"""Small real data for all tests: electrodes of some particles, discharged by the simulator."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Graphs are kept for all processes of the tests, and not in the user's cache.
os.environ.setdefault("TFMSNET_CACHE", str(Path(__file__).parents[1] / ".cache" / "graphs"))

import numpy as np
import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that others use, too.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

GRID = (12, 12, 16)
C_RATES = (1.0, 2.0)


@pytest.fixture(scope="module", autouse=True)
def memory_is_given_back():
    """What TensorFlow compiled for a module's tests would stay otherwise, gigabytes in the end."""
    yield
    if sys.platform != "linux" or _resident_bytes() < 2e9:
        return
    reduced = sys.modules.get("tfmsnet.serving.reduced")
    if reduced:
        reduced.reduced_model.cache_clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A directory of sample files: three electrodes at two C-rates."""
    from tfmsnet.campaign import discharge_all, recipe_campaign

    out = tmp_path_factory.mktemp("data")
    assert discharge_all(recipe_campaign("paper", 3, GRID, C_RATES, seed=0), out, jobs=1) == []
    return out


@pytest.fixture(scope="session")
def samples(data):
    """The samples themselves, in the order of their files."""
    from tfmsnet.records import read_sample, sample_files

    return [read_sample(path) for path in sample_files(data)]


@pytest.fixture(scope="session")
def sample(samples):
    """One of them."""
    return samples[0]


@pytest.fixture(scope="session")
def records(data, tmp_path_factory):
    """A records directory: four training samples in two shards, two test samples.  Not to be changed."""
    from tfmsnet.records import sample_files, write_records

    out = tmp_path_factory.mktemp("records") / "records"
    write_records(sample_files(data), out, split="0/1", shard_bytes=1.1e6)
    return out


@pytest.fixture(scope="session")
def judged(data, tmp_path_factory):
    """A records directory with a geometry for each split.  Not to be changed."""
    from tfmsnet.records import sample_files, write_records

    out = tmp_path_factory.mktemp("judged") / "records"
    write_records(sample_files(data), out, split="1/1")
    return out


@pytest.fixture
def broken(records, tmp_path):
    """A copy of the records to be damaged."""
    import shutil

    return shutil.copytree(records, tmp_path / "records")


def tiny_config(mode="autoregressive", **training):
    """A run that takes seconds."""
    from dataclasses import replace

    from tfmsnet.training.config import PRESETS

    config = PRESETS["default"].with_values(
        {"filters": 4, "convolutions": 2, "scales": 2, "steps": 4, "steps_per_epoch": 2}, "test"
    )
    config = config.with_values({"horizon": [[0.5, 1], [1.0, 3]]}, "test").in_mode(mode)
    return replace(config, training=replace(config.training, **training))


@pytest.fixture(scope="session")
def make_config():
    """`tiny_config(mode, **training)`."""
    return tiny_config


@pytest.fixture(scope="session")
def run(records, tmp_path_factory):
    """The directory of a run that was trained for some steps."""
    from tfmsnet.training.run import train

    out = tmp_path_factory.mktemp("run") / "run"
    train(records, out, tiny_config())
    return out


@pytest.fixture(scope="session")
def basis_run(records, tmp_path_factory):
    """The same of a network with a time basis."""
    from tfmsnet.training.run import train

    out = tmp_path_factory.mktemp("basis") / "run"
    train(records, out, tiny_config("basis"))
    return out


@pytest.fixture
def altered(run, tmp_path):
    """A copy of the run with other entries in its surrogate.json, sealed: `altered(name, change)`.

    `change` takes the content and changes it.
    """
    from tfmsnet.predictors.description import DESCRIPTION
    from tfmsnet.predictors.store import WEIGHTS
    from tfmsnet.seals import read_sealed, write_sealed

    def make(name, change, source=run):
        directory = tmp_path / name
        directory.mkdir()
        (directory / WEIGHTS).write_bytes((source / WEIGHTS).read_bytes())
        content = read_sealed(source / DESCRIPTION, "a description", "")
        change(content)
        write_sealed(directory / DESCRIPTION, content)
        return directory

    return make


@pytest.fixture
def tfmsnet(monkeypatch, capsys):
    """Run the command in this process: arguments -> (status, stdout, stderr)."""
    from tfmsnet.cli import main as cli

    monkeypatch.setattr(cli, "_spare_the_collector", lambda: None)  # this process goes on

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tfmsnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return call


# The command line, killed by its own hand: argv[1] is what is killed, [2] the how many-th call, [3] when.
KILLED = """
import importlib, os, signal, sys
import tensorflow as tf
from tfmsnet.cli.main import main

place, count, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
del sys.argv[1:4]
module, cls, name = place.rsplit(".", 2)
owner = getattr(importlib.import_module(module), cls)
original, calls = getattr(owner, name), []

def call(*args, **kwargs):
    calls.append(None)
    if len(calls) == count and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **kwargs)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, call)
main()
"""


@pytest.fixture
def killed():
    """Run the command in a process that SIGKILL ends: `killed((METHOD, how many-th call, when), *arguments)`.

    METHOD is module.class.name; the process dies "before" or "after" that call.
    """

    def call(point, *arguments):
        command = [sys.executable, "-c", KILLED, *map(str, (*point, *arguments))]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == -signal.SIGKILL, process.stderr[-1000:]

    return call


@pytest.fixture(scope="session")
def fem():
    """The half-cell by finite elements, of benchmarks/halfcell_checks."""
    try:
        from halfcell_checks import fem
    except (ImportError, OSError) as error:  # of libGLU, which gmsh loads
        pytest.skip(f"gmsh or scikit-fem doesn't load: {error}")
    return fem


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# Discharges written down as formulas: quick to make, with fields whose scores are known.
def _phase(grid, seed):
    """Blobs of AM with CBD between them; every label occurs."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(rng.normal(size=grid), 1.5)
    am, cbd = np.quantile(blobs, [0.6, 0.4])
    return np.where(blobs > am, 1, np.where(blobs > cbd, 2, 0)).astype(np.uint8)


def _fields(phase, profile, times_s, seed, parameters):
    """The 0-D cell plus gradients that grow with the current and change along the discharge."""
    from scipy import ndimage

    from tfmsnet.references.faraday import uniform_fields

    rng = np.random.default_rng(seed + 1)
    am, solid = phase == 1, phase != 0
    shape = ndimage.gaussian_filter(rng.normal(size=phase.shape), 1.0)
    shape = np.where(am, (shape - shape[am].mean()) / shape[am].std(), 0.0)
    depth = np.linspace(0.0, 1.0, phase.shape[2])
    known = uniform_fields(profile, times_s, parameters)
    frames = zip(known.concentration, known.potential, profile, strict=True)
    fields = [
        (
            np.where(am, c + 300.0 * rate * shape * (1.0 + 0.1 * number), 0.0),
            np.where(solid, v - 0.02 * rate + 1e-3 * rate * depth**2, 0.0),
        )
        for number, (c, v, rate) in enumerate(frames)
    ]
    return (np.array(frames, np.float32) for frames in zip(*fields, strict=True))


def build_sample(c_rate=1.0, frames=25, grid=(8, 7, 12), seed=0, profile=None):
    """A `Sample`; `profile` instead of a constant current."""
    from tfmsnet.halfcell import Parameters
    from tfmsnet.load import equal_charge_frames
    from tfmsnet.records.sample import Sample
    from tfmsnet.references.faraday import uniform_fields

    parameters = Parameters()
    constant, times_s = equal_charge_frames(c_rate, frames)
    profile = constant if profile is None else np.asarray(profile, float)
    phase = _phase(grid, seed)
    concentration, potential = _fields(phase, profile, times_s, seed, parameters)
    return Sample(
        phase=phase,
        concentration=concentration,
        potential=potential,
        times_s=times_s,
        dol=uniform_fields(profile, times_s, parameters).concentration / parameters.c_max_mol_m3,
        voltage_v=np.array([frame[phase != 0].mean() for frame in potential], float),
        c_rate_profile=profile,
        voxel_size_m=0.5e-6,
        geometry_id=f"geometry{seed}",
        parameters=parameters,
    )


@pytest.fixture(scope="session")
def make_sample():
    """`build_sample(c_rate, frames, grid, seed, profile)`."""
    return build_sample


@pytest.fixture(scope="session")
def truth():
    """The predictor that knows the answer."""
    from tfmsnet.evaluation import Fields

    return lambda sample: Fields(sample.concentration, sample.potential)


@pytest.fixture(scope="session")
def noisy():
    """A predictor: the truth with this much noise (standard deviations in mol/m3 and V)."""

    from tfmsnet.evaluation import Fields

    def predictor(c_noise, v_noise):
        def predict(sample):
            rng = np.random.default_rng(0)
            c = sample.concentration + c_noise * rng.normal(size=sample.concentration.shape)
            v = sample.potential + v_noise * rng.normal(size=sample.potential.shape)
            return Fields((c * sample.am_mask).astype("f4"), (v * sample.solid_mask).astype("f4"))

        return predict

    return predictor
