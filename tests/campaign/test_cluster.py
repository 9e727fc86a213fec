"""A campaign on a cluster makes what it makes here; a cluster that can't be used is one clear error."""

import os
import signal
import sys

import pytest

from tfmsnet.campaign import backend, discharge_all, recipe_campaign
from tfmsnet.errors import UserError
from tfmsnet.load import constant_current


def samples(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def local_cluster(workers):
    """A scheduler and worker processes of one thread on this machine, whose tasks are tried once."""
    import dask
    from dask.distributed import LocalCluster

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=None,
            silence_logs="ERROR",
        )


def address(cluster):
    return "dask://" + cluster.scheduler_address.removeprefix("tcp://")


@pytest.fixture(scope="module")
def local():
    with local_cluster(2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def cluster(local):
    return address(local)


def test_a_cluster_makes_the_same_bits_and_reports_failures(cluster, tmp_path, monkeypatch):
    tasks = recipe_campaign("paper", 2, (12, 12, 16), (2.0, 500.0), seed=0)
    notes = []
    monkeypatch.chdir(tmp_path)  # the workers stand elsewhere
    failures = discharge_all(tasks, "cluster", backend=cluster, progress=lambda *note: notes.append(note))
    assert [failure.name for failure in failures] == [tasks[1].name, tasks[3].name], failures
    assert all("lower C-rate" in failure.reason for failure in failures)
    assert notes[-1] == (1.0, "2 of 4 done, 2 failed")
    assert discharge_all(tasks[0::2], tmp_path / "here", jobs=1) == []
    assert samples(tmp_path / "cluster") == samples(tmp_path / "here")


def test_a_directory_that_the_workers_do_not_share(cluster, tasks, tmp_path, monkeypatch):
    # As seen from here: the sample was written, but where it isn't looked for.
    from tfmsnet.campaign import discharge

    real = discharge._file
    monkeypatch.setattr(discharge, "_file", lambda task, out: real(task, tmp_path / "worker's disk"))
    failures = discharge_all(tasks[:1], tmp_path / "out", backend=cluster)
    assert len(failures) == 1
    assert "expected a directory that workers share" in failures[0].reason


def test_without_dask_the_extra_is_named(tasks, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(UserError, match=r"Dask isn't installed; .*tfmsnet\[cluster\]"):
        discharge_all(tasks, tmp_path / "out", backend="dask://127.0.0.1:8786")
    assert not (tmp_path / "out").exists()


def test_nobody_answers(tasks, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "_CONNECT_S", 0.5)
    with pytest.raises(UserError, match="no scheduler answers") as error:
        discharge_all(tasks, tmp_path / "out", backend="dask://127.0.0.1:1")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_cluster_without_workers(tasks, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "_WORKERS_S", 0.5)
    with (
        local_cluster(0) as empty,
        pytest.raises(UserError, match=r"no worker within 0\.5 s; start some"),
    ):
        discharge_all(tasks, tmp_path, backend=address(empty))


def test_discharges_that_kill_their_workers_are_reported_and_the_rest_goes_on(local, cluster, tmp_path):
    def kill(share, note):
        if note == "1 of 6 done, 0 failed":
            for nanny in local.workers.values():
                os.kill(nanny.pid, signal.SIGKILL)

    tasks = recipe_campaign("paper", 6, (12, 12, 16), (constant_current(2.0, 5),), seed=0)
    failures = discharge_all(tasks, tmp_path, backend=cluster, progress=kill)
    # Dask suspects what a worker computed and what it had next.
    assert 1 <= len(failures) <= 4
    assert all("killed, as happens when memory runs out" in failure.reason for failure in failures)
    made = {f"{task.name}.h5" for task in tasks} - {f"{failure.name}.h5" for failure in failures}
    assert made <= samples(tmp_path).keys()
    assert discharge_all(tasks, tmp_path, jobs=1) == []


def test_workers_that_are_gone_for_good_are_missed(tmp_path, monkeypatch):
    tasks = recipe_campaign("paper", 6, (12, 12, 16), (constant_current(2.0, 5),), seed=0)
    monkeypatch.setattr(backend, "_WORKERS_S", 1.0)
    with local_cluster(1) as cluster:

        def leave(share, note):
            if note.startswith("1 of 6"):
                cluster.scale(0)

        with pytest.raises(UserError, match="all its workers are gone, for 1 s by now; start some"):
            discharge_all(tasks, tmp_path, backend=address(cluster), progress=leave)
    assert samples(tmp_path)


@pytest.mark.parametrize(
    "name", ["ray://host:1", "dask", "dask://", "dask://host", "dask://host:x", "threads"]
)
def test_a_backend_that_is_none(name, tasks, tmp_path):
    with pytest.raises(UserError, match="expected loky or dask://HOST:PORT, found"):
        discharge_all(tasks, tmp_path / "out", backend=name)
    assert not (tmp_path / "out").exists()


def test_a_cluster_takes_no_number_of_jobs(tasks, tmp_path):
    with pytest.raises(UserError, match="leave jobs out"):
        discharge_all(tasks, tmp_path, backend="dask://127.0.0.1:8786", jobs=2)
