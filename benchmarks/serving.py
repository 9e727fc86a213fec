"""How a served model holds out: latency and throughput of concurrent clients, memory, and hostile requests.

    python benchmarks/serving.py served/cathode                     starts benchmarks/model_server.py
    python benchmarks/serving.py --server grpc://HOST:8500/cathode  asks a server that runs already

Prints latency percentiles and throughput by number of clients, the server's resident memory along the
requests (when it is started here), and what becomes of requests that nobody should send.
"""

import argparse
import os
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from model_server import Started

from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.serving import Client

EDGE = 12


def electrode(edge, seed=0):
    """Random labels: how long a request takes depends on the image's size alone."""
    phase = np.random.default_rng(seed).integers(0, 3, (edge, edge, edge)).astype(np.uint8)
    phase[0, 0, 0], phase[-1, -1, -1] = 1, 0
    return PhaseImage(phase)


def resident_mb(pid):
    """Resident memory of a process (Linux), MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def load(url, image, clients, requests, seconds):
    """Latencies in s of up to so many requests from concurrent clients, and the time they took together."""
    latencies, lock = [], threading.Lock()
    end = time.monotonic() + seconds
    left = iter(range(requests))

    def work():
        with Client(url) as client:
            while time.monotonic() < end:
                with lock:
                    if next(left, None) is None:
                        return
                start = time.monotonic()
                client.curve(image, 1.0)
                with lock:
                    latencies.append(time.monotonic() - start)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return np.array(latencies), time.monotonic() - start


def hostile(url, image):
    """Name of a request that is wrong -> what the server says."""
    phase, c_rate = image.phase[None], np.array([1.0], np.float32)
    requests = {
        "wrong rank": {"phase": image.phase, "c_rate": c_rate},
        "six dimensions": {"phase": phase[None, None], "c_rate": c_rate},
        "no voxels": {"phase": phase[:, :, :0], "c_rate": c_rate},
        "huge image": {"phase": np.ones((1, 300, 300, 300), np.uint8), "c_rate": c_rate},
        "huge batch": {"phase": np.tile(phase, (4000, 1, 1, 1)), "c_rate": np.tile(c_rate, 4000)},
        "C-rate NaN": {"phase": phase, "c_rate": c_rate * np.nan},
        "C-rate infinite": {"phase": phase, "c_rate": c_rate * np.inf},
        "two C-rates, one image": {"phase": phase, "c_rate": np.tile(c_rate, 2)},
        "unknown label": {"phase": np.where(phase == 1, 255, phase), "c_rate": c_rate},
        "labels as float": {"phase": phase.astype(np.float32), "c_rate": c_rate},
        "no C-rate": {"phase": phase},
    }
    answers = {}
    with Client(url, attempts=1) as client:
        for name, inputs in requests.items():
            try:
                client.call("serving_default", inputs)
                answers[name] = "ANSWERED"
            except UserError as error:
                answers[name] = str(error).split(": ", 1)[1]
            client.curve(image, 1.0)  # it goes on
    return answers


def report(url, pid, arguments):
    image = electrode(arguments.edge)
    with Client(url) as client:
        client.curve(image, 1.0)  # the graph's first run
    print(f"{arguments.edge}^3 voxels, serving_default over gRPC; latency in ms")
    print(f"{'clients':>8}{'requests':>10}{'p50':>8}{'p90':>8}{'p99':>8}{'requests/s':>12}")
    for clients in arguments.clients:
        latencies, seconds = load(url, image, clients, arguments.requests, arguments.seconds)
        p50, p90, p99 = 1e3 * np.percentile(latencies, (50, 90, 99))
        rate = len(latencies) / seconds
        print(f"{clients:>8}{len(latencies):>10}{p50:>8.0f}{p90:>8.0f}{p99:>8.0f}{rate:>12.1f}", flush=True)
    if pid is not None:
        small, step = electrode(8), max(1, arguments.memory_requests // 5)
        load(url, small, 2, 50, 60)
        print(
            f"resident memory of the server over {arguments.memory_requests} more requests of 8^3 voxels, MB"
        )
        row = [resident_mb(pid)]
        for _ in range(5):
            load(url, small, 2, step, 600)
            row.append(resident_mb(pid))
        print("  " + "  ".join(f"{value:.0f}" for value in row), flush=True)
    print("hostile requests, each followed by a good one that was answered")
    for name, said in hostile(url, image).items():
        print(f"  {name:<24}{said[:110]}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", nargs="?", help="model base path of `tfmsnet export`")
    parser.add_argument("--server", help="grpc:// or http:// URL of a server instead")
    parser.add_argument("--edge", type=int, default=EDGE)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--requests", type=int, default=200, help="at most, for each number of clients")
    parser.add_argument("--seconds", type=float, default=15.0, help="at most, for each number of clients")
    parser.add_argument("--memory-requests", type=int, default=1000)
    arguments = parser.parse_args()
    if (arguments.base is None) == (arguments.server is None):
        parser.error("expected a model base path or --server")
    if arguments.server:
        report(arguments.server, None, arguments)
        return
    with Started(arguments.base) as server:
        report(server.grpc_url, server.pid, arguments)


if __name__ == "__main__":
    main()
