"""A campaign that is stopped, whenever and however, continues with the same command."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import h5py
import psutil
import pytest

from tfmsnet.campaign import backend, discharge_all, image_campaign, recipe_campaign
from tfmsnet.errors import UserError
from tfmsnet.files import remove_leftovers, replacing
from tfmsnet.halfcell import Parameters
from tfmsnet.load import constant_current
from tfmsnet.records import read_sample, sample_files

SIZE = (12, 12, 16)
C_RATES = (1.0, 2.0)


def campaign():
    """As in the programs below."""
    return recipe_campaign("paper", 2, SIZE, [constant_current(c_rate, 5) for c_rate in C_RATES], seed=0)


def start(program, *arguments):
    """Run a program in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def kill(process):
    """Kill it and its workers as the out-of-memory killer does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    process.stdout.close()


def hidden(directory):
    return [path for path in directory.iterdir() if path.name.startswith(".")]


def age(path, seconds):
    """Make a file look as if it had been written this long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """File name -> bytes of the campaign that nothing stopped."""
    out = tmp_path_factory.mktemp("whole")
    assert discharge_all(campaign(), out, jobs=1) == []
    return {path.name: path.read_bytes() for path in out.iterdir()}


# Stops for good in the middle of the second sample's file.
WHILE_WRITING = """
import sys, time
from tfmsnet.campaign import discharge_all, recipe_campaign
from tfmsnet.load import constant_current
from tfmsnet.records import hdf5
trailer, seen = hdf5._trailer, []
def stop_before_it(*content):
    seen.append(None)
    if len(seen) < 2:
        return trailer(*content)
    print("writing", flush=True)
    time.sleep(600)
hdf5._trailer = stop_before_it
tasks = recipe_campaign("paper", 2, (12, 12, 16), [constant_current(c, 5) for c in (1.0, 2.0)], seed=0)
discharge_all(tasks, sys.argv[1], jobs=1)
"""


def test_killed_while_it_writes_it_leaves_no_half_sample_and_continues(whole, tmp_path):
    process = start(WHILE_WRITING, tmp_path)
    assert process.stdout.readline() == "writing\n"
    kill(process)
    (written,) = sample_files(tmp_path)
    assert written.read_bytes() == whole[written.name]
    assert len(hidden(tmp_path)) == 1
    before = written.stat().st_mtime_ns
    assert discharge_all(campaign(), tmp_path, jobs=1) == []
    assert written.stat().st_mtime_ns == before
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole


IN_PARALLEL = """
import sys
from tfmsnet.campaign import backend, discharge_all, recipe_campaign
from tfmsnet.load import constant_current
tasks = recipe_campaign("paper", 2, (12, 12, 16), [constant_current(c, 5) for c in (1.0, 2.0)], seed=0)
discharge_all(tasks, sys.argv[1], jobs=2, progress=lambda share, note: print(note, flush=True))
"""


def test_killed_with_its_workers_it_continues(whole, tmp_path):
    process = start(IN_PARALLEL, tmp_path)
    assert process.stdout.readline().startswith("0 of 4")
    assert process.stdout.readline().startswith("1 of 4")
    kill(process)
    for path in sample_files(tmp_path):
        read_sample(path)
    assert discharge_all(campaign(), tmp_path, jobs=1) == []
    assert {path.name: path.read_bytes() for path in sample_files(tmp_path)} == whole


def test_only_what_is_missing_is_made(whole, tmp_path):
    """Also what a power cut left without content."""
    assert discharge_all(campaign(), tmp_path, jobs=1) == []
    first, second, *others = sample_files(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in others}
    first.unlink()
    second.write_bytes(b"")
    notes = []
    assert discharge_all(campaign(), tmp_path, jobs=1, progress=lambda share, note: notes.append(share)) == []
    assert notes == [0.0, 0.5, 1.0]  # of two discharges, not of four
    assert {path: path.stat().st_mtime_ns for path in others} == times
    assert {path.name: path.read_bytes() for path in sample_files(tmp_path)} == whole


def test_a_complete_campaign_starts_no_worker(whole, tmp_path):
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
    notes = []
    # Nobody listens on this port: it isn't asked.
    backend = "dask://127.0.0.1:1"
    discharge_all(campaign(), tmp_path, backend=backend, progress=lambda *note: notes.append(note))
    assert notes == [(1.0, "4 of 4 done, 0 failed")]


def test_a_worker_that_is_killed_costs_nothing(whole, tmp_path):
    tasks = campaign()
    kept = tmp_path / "out" / f"{tasks[0].name}.h5"
    kept.parent.mkdir()
    kept.write_bytes(whole[kept.name])

    def killer(share, note):
        if note.startswith("2 of 4"):  # as many are at work as there are left
            for child in psutil.Process().children():
                with suppress(psutil.Error):  # gone already
                    if any("LokyProcess" in word for word in child.cmdline()):
                        child.kill()

    assert discharge_all(tasks, kept.parent, jobs=2, progress=killer) == []
    assert {path.name: path.read_bytes() for path in sample_files(kept.parent)} == whole


def greedy(number):
    """Number 1 takes so much memory that the system kills its process."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_discharge_that_kills_its_process_is_named_and_the_others_go_on():
    with backend.workers("loky", 2) as run:
        answers = dict(run(greedy, [(number,) for number in range(5)]))
    assert answers == {0: None, 1: backend.KILLED, 2: None, 3: None, 4: None}


PARENT = """
import sys, time
from tfmsnet.campaign import backend
def wait(number):
    import os, time
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(600)
with backend.workers("loky", 2) as run:
    list(run(wait, [(0,), (1,)]))
"""


def test_workers_end_with_a_campaign_that_is_killed():
    process = start(PARENT)
    children = [psutil.Process(int(process.stdout.readline())) for _ in range(2)]
    process.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    process.wait()
    process.stdout.close()


def test_leftovers_of_the_dead_are_removed_and_nothing_else(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with replacing(tmp_path / "d.h5") as partial:
        partial.write_text("")
        here = partial.name.split("-")[1].removesuffix(".partial")
    removed = [
        tmp_path / f".a.h5.{dead.pid}-{here}.partial",  # however fresh
        tmp_path / f".b.h5.{dead.pid}-0123abcd.partial",  # as older versions called them
        tmp_path / f".e.gif.{dead.pid}-{here}.partial.gif",
    ]
    kept = [
        tmp_path / f".b.h5.{os.getpid()}-{here}.partial",  # its writer lives
        tmp_path / f".c.h5.{dead.pid}-0123abcd4567cdef.partial",  # still written to, from another machine
        tmp_path / "a.h5",
        tmp_path / ".notes",
        tmp_path / ".f.partial",
    ]
    for path in (*removed, *kept):
        path.write_text("")
        age(path, 5 if path in (removed[0], kept[1]) else 3600)
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "d.h5"])


def test_samples_of_another_electrode_or_cell_are_not_taken_for_the_campaign_s(wired, half_wired, tmp_path):
    tasks = image_campaign(wired, "electrode", (constant_current(2.0, 3),))
    assert discharge_all(tasks, tmp_path, jobs=1) == []
    with pytest.raises(
        UserError, match=r"electrode_2C_3frames\.h5: is there already, but of another electrode"
    ):
        discharge_all(image_campaign(half_wired, "electrode", (constant_current(2.0, 3),)), tmp_path)
    with pytest.raises(UserError, match="of a cell of other parameters"):
        discharge_all(tasks, tmp_path, parameters=Parameters(initial_dol=0.5))


def test_a_broken_file_under_a_sample_s_name_is_named(wired, tmp_path):
    (task,) = image_campaign(wired, "electrode", (2.0,))
    (tmp_path / f"{task.name}.h5").write_text("not HDF5")
    with pytest.raises(UserError, match=r"electrode_2C\.h5: not readable as HDF5"):
        discharge_all([task], tmp_path)
    with h5py.File(tmp_path / f"{task.name}.h5", "w") as file:
        file["phase"] = [1]
    with pytest.raises(UserError, match="not a tfmsnet sample"):
        discharge_all([task], tmp_path)


def test_what_an_earlier_call_kept_of_a_failure_goes_when_the_sample_is_made(wired, tmp_path):
    (task,) = image_campaign(wired, "electrode", (constant_current(2.0, 3),))
    for name in (f"{task.name}_until_50s.h5", "other_1C_until_50s.h5"):
        (tmp_path / name).write_bytes(b"")
    assert discharge_all([task], tmp_path, jobs=1) == []
    assert {path.name for path in tmp_path.iterdir()} == {f"{task.name}.h5", "other_1C_until_50s.h5"}
