"""What more workers give: a campaign of discharges on a local Dask cluster, a training of two processes.

    pip install 'tfmsnet[cluster]'
    python benchmarks/scale_out.py [--workers 1 2 4] [--size 32 32 64] [--tasks 8]
    python benchmarks/scale_out.py --training RECORDS

Shares of linear: CPU seconds that one worker takes for everything over those that several take together (what
doesn't depend on what else the machine does), and its seconds by the clock over theirs times their number, or
the cores' where these are fewer.  Workers are processes of one thread, warm before their time is taken.  A
training (the default preset's, windows of one frame, two discharges a step) is the difference of a long run
and a short one.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"),
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
SHORT, LONG = 10, 200


def shares(kind: str, workers: int, now: tuple[float, float], alone: tuple[float, float]) -> None:
    """A row; CPU and clock seconds of several workers and of one."""
    together = min(workers, os.cpu_count())
    print(
        f"{kind:>10}{workers:>9}{now[0]:>9.1f}{now[1]:>9.1f}{alone[0] / now[0]:>10.2f}"
        f"{alone[1] / (together * now[1]):>10.2f}",
        flush=True,
    )


def campaign(workers: int, tasks: list, out: Path) -> tuple[float, float]:
    """CPU seconds of the workers and seconds by the clock for all tasks."""
    from dask.distributed import Client, LocalCluster

    from tfmsnet.campaign import discharge_all

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, env=ONE_THREAD
        ) as cluster,
        Client(cluster) as client,
    ):
        address = "dask://" + cluster.scheduler_address.removeprefix("tcp://")
        client.run(warm)
        before, begin = sum(client.run(time.process_time).values()), time.perf_counter()
        if discharge_all(tasks, out, backend=address):
            raise SystemExit("a discharge failed")
        passed = time.perf_counter() - begin
        return sum(client.run(time.process_time).values()) - before, passed


def warm() -> None:
    """What a worker does once: imports, and functions that numba loads."""
    from tfmsnet.electrode import Recipe, generate
    from tfmsnet.halfcell import simulate

    simulate(generate(Recipe(90, 10, (12, 12, 16), seed=1)), 1.0)


def training(workers: int, records: Path, steps: int, folder: Path) -> tuple[float, float]:
    """CPU seconds of the processes and seconds by the clock, start and graph included."""
    command = [sys.executable, "-c", "from tfmsnet.cli.main import main; main()", "train", str(records)]
    command += ["--out", f"{folder}/{workers}-{steps}"]
    for value in ("horizon=[[1.0, 1]]", "batch_size=2", f"steps={steps}", f"steps_per_epoch={steps}"):
        command += ["--set", value]
    cluster, processes = [f"127.0.0.1:{port}" for port in free_ports(workers)], []
    begin, used = time.perf_counter(), children_s()
    for index in range(workers):
        task = {"cluster": {"worker": cluster}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, **ONE_THREAD, **({"TF_CONFIG": json.dumps(task)} if workers > 1 else {})}
        processes.append(subprocess.Popen([*command, "-q"], env=environment, stdout=subprocess.DEVNULL))
    if any([process.wait() for process in processes]):
        raise SystemExit("a training failed")
    return children_s() - used, time.perf_counter() - begin


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def children_s() -> float:
    """CPU seconds of all processes started here that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(arguments) -> None:
    print(f"{'':>10}{'workers':>9}{'CPU s':>9}{'clock s':>9}{'by CPU':>10}{'by clock':>10}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder, alone = Path(scratch), None
        if arguments.training:
            for workers in (1, 2):
                short, long = (
                    training(workers, arguments.training, steps, folder) for steps in (SHORT, LONG)
                )
                now = tuple(b - a for a, b in zip(short, long, strict=True))
                alone = alone or now
                shares("training", workers, now, alone)
            return
        from tfmsnet.campaign import recipe_campaign

        tasks = recipe_campaign("paper", arguments.tasks, arguments.size, (1.0,), seed=0)
        for workers in arguments.workers:
            now = campaign(workers, tasks, folder / str(workers))
            alone = alone or now
            shares("campaign", workers, now, alone)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[1, 2, 4], help="the first is what others compare with"
    )
    parser.add_argument("--size", type=int, nargs=3, default=[32, 32, 64])
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--training", type=Path, metavar="RECORDS")
    main(parser.parse_args())
