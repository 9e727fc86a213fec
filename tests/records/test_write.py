"""Writing: the same bytes whatever the number of threads, and whether or not it was killed."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.records import Split, open_manifest, verify, write_records
from tfmsnet.records.staging import StagingDirectory


def content(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_number_of_threads_changes_no_byte(small_files, small, tmp_path, jobs):
    shares = []
    write_records(small_files, tmp_path / "a", split="1/2", jobs=jobs, progress=shares.append)
    assert content(tmp_path / "a") == content(small)
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (10, 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_small_split_is_several_shards_all_the_same(small):
    shards = open_manifest(small).splits["train"]
    assert len(shards) >= 4
    assert sum(shard["records"] for shard in shards) == 7


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from tfmsnet.records import sample_files, write_records, staging
original, written, lock = staging.write_shard, [], threading.Lock()
def write_some(samples, path, *options):
    def counted():
        for sample in samples:
            yield sample
            with lock:
                written.append(sample.sample_id)
                if len(written) == int(sys.argv[3]):
                    os.kill(os.getpid(), signal.SIGKILL)
    return original(counted(), path, *options)
staging.write_shard = write_some
write_records(sample_files(sys.argv[1]), sys.argv[2], split="1/2", reader="h5py", jobs=2)
"""


@pytest.mark.parametrize("samples", [1, 6])
def test_killed_midway_it_continues_and_makes_the_same_bytes(small_files, small, tmp_path, samples):
    out = tmp_path / "out"
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(small_files[0].parent), str(out), str(samples)],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    bench = tmp_path / ".out.writing"
    # Those that were noted as finished; the kill may come between a shard and its note.
    finished = [path.stem for path in (bench / "parts").glob("[!.]*.json")]
    assert bool(finished) == (samples > 1)
    inodes = {name: os.stat(bench / "records" / name).st_ino for name in finished}
    write_records(small_files, out, split="1/2", reader="h5py")
    assert content(out) == content(small)
    assert {name: os.stat(out / name).st_ino for name in inodes} == inodes, "finished shards are kept"
    assert verify(out) == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


class Stop(Exception):
    pass


def interrupted(files, out, after):
    def stop(share):
        if share > after:
            raise Stop

    with pytest.raises(Stop):
        write_records(files, out, split="1/2", jobs=1, reader="h5py", progress=stop)


def test_what_has_changed_meanwhile_is_written_again(small_files, make, files_of, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(small_files[0].parent, data)
    files = sorted(data.glob("*.h5"))
    interrupted(files, tmp_path / "out", after=0.65)
    changed = [make(n) for n in range(10)]
    for sample in changed:
        sample.potential[:, sample.phase == 1] += np.float32(0.25)
    files = files_of(data, changed)
    write_records(files, tmp_path / "out", split="1/2")
    by_id = {sample.sample_id: sample for sample in changed}
    for sample in Split(tmp_path / "out", "train"):
        np.testing.assert_array_equal(sample.potential, by_id[sample.sample_id].potential)
    assert verify(tmp_path / "out") == []


def test_other_options_leave_nothing_of_the_first_call(small_files, tmp_path):
    interrupted(small_files, tmp_path / "out", after=0.65)
    manifest = write_records(small_files, tmp_path / "out", split="1/2", seed=3, shard_bytes=1e9)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        ["manifest.json", *(shard["file"] for split in manifest.splits.values() for shard in split)]
    )
    assert verify(tmp_path / "out") == []


def test_a_finished_shard_that_was_damaged_is_written_again(small_files, small, tmp_path):
    interrupted(small_files, tmp_path / "out", after=0.65)
    shard = next((tmp_path / ".out.writing" / "records").glob("train-00000*"))
    damaged = bytearray(shard.read_bytes())
    damaged[100] ^= 4
    shard.write_bytes(bytes(damaged))
    write_records(small_files, tmp_path / "out", split="1/2")
    assert content(tmp_path / "out") == content(small)


def test_two_writers_of_one_directory_do_not_mix(small_files, tmp_path):
    with (
        StagingDirectory(tmp_path / "out"),
        pytest.raises(UserError, match="another process is writing it"),
    ):
        write_records(small_files, tmp_path / "out", split="1/2")
    write_records(small_files, tmp_path / "out", split="1/2")


def test_a_bad_sample_is_named_and_the_rest_is_kept_for_the_next_call(make, files_of, small, tmp_path):
    import h5py

    files = files_of(tmp_path, [make(n) for n in range(10)])
    with h5py.File(files[9], "r+") as file:
        file["dol"][2] = np.inf
    with pytest.raises(UserError, match=r"09\.h5: dataset dol: not finite"):
        write_records(files, tmp_path / "out", split="1/2", jobs=1, reader="h5py")
    assert not (tmp_path / "out").exists()
    with h5py.File(files[9], "r+") as file:
        file["dol"][2] = make(9).dol[2]
    write_records(files, tmp_path / "out", split="1/2", jobs=1, reader="h5py")
    assert content(tmp_path / "out") == content(small)


def test_compressed_shards_hold_one_sample_each(small_files, tmp_path):
    manifest = write_records(small_files, tmp_path / "out", split="1/2", compression="GZIP")
    assert {shard["records"] for shards in manifest.splits.values() for shard in shards} == {1}
    assert verify(tmp_path / "out") == []
