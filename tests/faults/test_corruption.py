"""Damaged files of every kind that the package writes: used is only what is as it was written.

A damage is a flipped bit, a byte or a block of others, zeros, a cut, a part twice.
"""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from tfmsnet.errors import RunFailed, UserError
from tfmsnet.records import Split, read_sample, sample_files
from tfmsnet.records.hdf5 import SCHEMA, read_header
from tfmsnet.seals import sha256

pytestmark = pytest.mark.faults


def flip(content, rng):
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)


def overwrite(content, rng):
    begin, length = rng.integers(len(content)), rng.integers(1, 200)
    size = len(content[begin : begin + length])
    content[begin : begin + length] = rng.bytes(size)


def zero(content, rng):
    begin, length = rng.integers(len(content)), rng.integers(1, 5000)
    size = len(content[begin : begin + length])
    content[begin : begin + length] = bytes(size)


def cut(content, rng):
    del content[rng.integers(len(content)) :]


def double(content, rng):
    begin = rng.integers(len(content))
    content[begin:begin] = content[begin : begin + rng.integers(1, 100)]


DAMAGES = (flip, flip, overwrite, zero, cut, double)


def damaged(path: Path, rng) -> bool:
    """Damage a file; whether it is another one now."""
    before = path.read_bytes()
    content = bytearray(before)
    DAMAGES[rng.integers(len(DAMAGES))](content, rng)
    path.write_bytes(content)
    return bytes(content) != before


def survey(files, count, rng, read, same):
    """Damage files one at a time, and read.

    Args:
        files: what is damaged, and mended again.
        count: how often.
        rng: of the damages.
        read: reads; raises UserError or RunFailed for what can't be used.
        same: whether what was read is as it was written.

    Returns:
        How many damages were refused.
    """
    refused = unchanged = 0
    for path in itertools.islice(itertools.cycle(files), count):
        original = path.read_bytes()
        try:
            if damaged(path, rng):
                try:
                    assert same(read()), f"{path.name} used though damaged"
                except (UserError, RunFailed) as error:
                    refused += "\n" not in str(error)
            else:
                unchanged += 1
        finally:
            path.write_bytes(original)
    print(f"\n{count} damages: {refused} refused, {unchanged} changed nothing, the others' content was whole")
    return refused


def test_samples(data, tmp_path, rng):
    path = Path(shutil.copy(sample_files(data)[0], tmp_path))
    sample = read_sample(path)

    def same(found):
        fits = all(
            np.array_equal(getattr(found, field.name), getattr(sample, field.name)) for field in SCHEMA
        )
        return fits and found.load == sample.load and found.parameters == sample.parameters

    assert survey([path], 150, rng, lambda: read_sample(path), same) > 120
    survey(
        [path],
        50,
        rng,
        lambda: read_header(path),
        lambda found: found.times_s.tolist() == sample.times_s.tolist(),
    )


def test_records(broken, rng):
    files = sorted(path for path in broken.iterdir() if path.is_file())
    known = [(sample.sample_id, sample.potential.tobytes()) for sample in Split(broken, "train")]

    def read():
        return [(sample.sample_id, sample.potential.tobytes()) for sample in Split(broken, "train")]

    assert survey(files, 150, rng, read, lambda found: found == known) > 75


def test_weights_and_description(altered, rng):
    from tfmsnet.predictors.store import load_predictor

    directory = altered("copy", lambda content: None)
    known = load_predictor(directory).get_weights()

    def same(predictor):
        return all(map(np.array_equal, predictor.get_weights(), known))

    files = sorted(directory.iterdir())
    assert survey(files, 150, rng, lambda: load_predictor(directory), same) == 150


def test_checkpoints(run, records, make_config, tmp_path, rng):
    """The last one is damaged: the one before it is taken."""
    from tfmsnet.records import open_manifest
    from tfmsnet.training.checkpoints import Checkpoints
    from tfmsnet.training.run import assembled

    copy = shutil.copytree(run, tmp_path / "run")
    checkpoints = Checkpoints(assembled(make_config(), open_manifest(records)), copy)
    last, before = checkpoints.paths()[-1], checkpoints.paths()[-2]
    files = sorted(path for path in last.iterdir() if path.is_file())
    whole = checkpoints.restore()
    shutil.move(last, tmp_path / "aside")
    earlier = checkpoints.restore()
    shutil.move(tmp_path / "aside", last)
    assert whole != earlier
    survey(files, 100, rng, checkpoints.restore, lambda found: found in (whole, earlier))
    files = [path for folder in (last, before) for path in folder.iterdir() if path.is_file()]
    for path in files:
        path.write_bytes(b"")
    with pytest.raises(UserError, match="not readable as a checkpoint"):
        checkpoints.restore()


def test_run_json(run, records, make_config, tmp_path, rng):
    from tfmsnet.training.config import load_config

    path = Path(shutil.copy(run / "run.json", tmp_path))
    known = load_config(path)
    assert survey([path], 100, rng, lambda: load_config(path), lambda found: found == known) == 100


def test_a_saved_model(run, tmp_path, rng):
    from tfmsnet.serving.saved_model import check_saved_model, export

    version = export(run, tmp_path / "served")
    files = sorted(path for path in version.rglob("*") if path.is_file())
    known = {path: sha256(path) for path in files}

    def read():
        check_saved_model(version)  # what `load_model` does before TensorFlow reads anything
        return {path: sha256(path) for path in files}

    assert survey(files, 200, rng, read, lambda found: found == known) == 200


def test_the_state_of_a_search(judged, make_config, tmp_path, rng):
    from tfmsnet.tuning.dimension import parse
    from tfmsnet.tuning.results import read_rows
    from tfmsnet.tuning.search import Plan, make_space, search

    plan = Plan(make_config(steps=2), (parse("filters=1,2"),), tuner="random", trials=2)
    out = tmp_path / "search"
    search(judged, out, plan, report=lambda text: None)
    space = make_space(judged, plan)
    known = read_rows(out, space)
    files = sorted([*out.glob("trials/trial_*/*.json"), out / "trials" / "oracle.json"])
    made = [path for path in files if path.name != "oracle.json"]
    assert survey(made, 60, rng, lambda: read_rows(out, space), lambda found: found == known) == 60

    def again():
        return [row.outcome for row in search(judged, out, plan, report=lambda text: None)]

    outcomes = [row.outcome for row in known]
    assert survey(files, 40, rng, again, lambda found: found == outcomes) == 40
