"""How fast records are read, beside reading the same files raw, and whether a training step waits for them.

    python benchmarks/records.py                    # shards of the demo's grid, 16 x 16 x 48
    python benchmarks/records.py --grid 72 72 244   # the paper's: 254 MB a discharge
    python benchmarks/records.py --memory           # peak memory of a stream of the paper's grid

All files are in the page cache.  Rates are bytes of the shards per second, once by the clock, all contestants
with as many threads, and once by the CPU seconds that all threads took; medians of several rounds in which
the contestants take turns.  `raw` reads each shard into new memory, as anyone must who keeps what was read;
`into the same memory` is the copy out of the page cache alone; `records, not parsed` is TensorFlow's reader
of TFRecords alone, which computes the checksum of every byte.  At last, as they work ahead, come two workers
of a tf.data service, processes of their own, whose CPU seconds count.  Waiting is that of the demo's network
in windows of one frame, or on other grids of the paper's in windows of four.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from made_up import resident_peak

from tfmsnet.demo import CHANGES, COMMON, GRID
from tfmsnet.halfcell import Parameters
from tfmsnet.load import equal_charge_frames
from tfmsnet.predictors.predictor import make_predictor
from tfmsnet.records import Sample, open_manifest, pipeline, write_records, write_sample
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.shard import read_record
from tfmsnet.training.config import PRESETS, RunConfig
from tfmsnet.training.data import training_batches
from tfmsnet.training.trainer import Trainer

PAPER_GRID = (72, 72, 244)
FRAMES = 25
WORKERS = 2


def make_records(directory: Path, grid: tuple[int, int, int], samples: int) -> Path:
    """Records of discharges of random numbers, which cost as much to read as any."""
    profile, times = equal_charge_frames(1.0, FRAMES)
    for number in range(samples):
        rng = np.random.default_rng(number)
        phase = rng.choice(3, size=grid, p=[0.4, 0.5, 0.1]).astype("u1")
        potential = rng.random((FRAMES, *grid), dtype="f4") + np.float32(3.5)
        sample = Sample(
            phase=phase,
            concentration=potential * np.float32(1e4) * (phase == 1),
            potential=potential * (phase != 0),
            times_s=times,
            dol=np.linspace(0.5, 0.7, FRAMES),
            voltage_v=np.linspace(4.0, 3.7, FRAMES),
            c_rate_profile=profile,
            voxel_size_m=0.5e-6,
            geometry_id=f"g{number:03d}",
            parameters=Parameters(),
        )
        write_sample(sample, directory / f"{number:03d}.h5")
    files = sorted(directory.glob("*.h5"))
    write_records(files, directory / "records", split="0/1", reader="h5py", jobs=1)
    for file in files:
        file.unlink()
    return directory / "records"


def new_memory(file: Path) -> None:
    with open(file, "rb", buffering=0) as handle:
        handle.read()


def same_memory(file: Path, buffers={}) -> None:  # noqa: B006
    buffer = buffers.setdefault(threading.get_ident(), bytearray(1 << 20))
    with open(file, "rb", buffering=0) as handle:
        while handle.readinto(buffer):
            pass


def endless(dataset: tf.data.Dataset, records: int):
    """A function that takes the next `records` elements of an endless stream, which began beforehand."""
    elements = iter(pipeline.deterministic(dataset))

    def read():
        for _ in itertools.islice(elements, records):
            pass

    return read


service = tf.data.experimental.service


def serve(dispatcher: str) -> None:
    """Be a worker of a tf.data service until killed."""
    service.WorkerServer(service.WorkerConfig(dispatcher_address=dispatcher)).join()


@contextmanager
def serving():
    """A tf.data service: its address, and the processes of its workers."""
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    command = [sys.executable, __file__, "--serve", dispatcher.target.partition("://")[2]]
    workers = [subprocess.Popen(command) for _ in range(WORKERS)]
    try:
        yield dispatcher.target, workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def measured(read, size: int, workers: list[subprocess.Popen]) -> tuple[float, float]:
    """GB per second by the clock, and per CPU second of this process and the workers."""
    start, used = time.perf_counter(), cpu_seconds(workers)
    read()
    passed, worked = time.perf_counter() - start, cpu_seconds(workers) - used
    return size / passed / 1e9, size / worked / 1e9


def cpu_seconds(workers: list[subprocess.Popen]) -> float:
    """Of this process and some others."""
    ticks = 0
    for worker in workers:
        ticks += sum(map(int, Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def contestants(manifest: Manifest, records: Path, threads: int) -> dict:
    """Name -> a function that reads as many records as the training split has."""
    files, count = manifest.files(records, "train"), len(manifest.samples("train"))
    pool = ThreadPoolExecutor(threads)
    source = pipeline.stream(manifest, records, "train", seed=0)
    window = pipeline.windows(lambda index: 4, seed=0)
    unparsed = source.map(
        lambda reference: read_record(reference["file"], reference["place"], manifest.compression),
        num_parallel_calls=threads,
    )
    whole = pipeline.loaded(manifest, parallel=threads)
    cut = pipeline.loaded(manifest, pipeline.cut, window=window, parallel=threads)
    return {
        "raw": lambda: list(pool.map(new_memory, files)),
        "  into the same memory": lambda: list(pool.map(same_memory, files)),
        "records, not parsed": endless(unparsed, count),
        "whole discharges": endless(whole(source), count),
        "windows of 4 frames": endless(cut(source), count),
    }


def rates_of_a_service(
    manifest: Manifest, records: Path, rounds: int, size: int
) -> list[tuple[float, float]]:
    """As `measured`, pass after pass."""
    cut = pipeline.loaded(
        manifest, pipeline.cut, window=pipeline.windows(lambda index: 4, seed=0), parallel=1
    )
    source = pipeline.stream(manifest, records, "train", seed=0)
    with serving() as (address, workers):
        read = endless(pipeline.served(address)(cut(source)), len(manifest.samples("train")))
        found = [measured(read, size, workers) for _ in range(rounds + 1)]
        del read  # before the service ends
    return found[1:]


def rates(manifest: Manifest, records: Path, rounds: int) -> None:
    size = sum(shard["bytes"] for shard in manifest.splits["train"])
    threads = pipeline.parallel_calls(manifest, "train")
    competing = contestants(manifest, records, threads)
    found = {name: [] for name in competing}
    for turn in range(rounds + 1):
        for name, read in competing.items():
            rate = measured(read, size, [])
            if turn:  # the first warms up
                found[name].append(rate)
    found[f"  by {WORKERS} workers"] = rates_of_a_service(manifest, records, rounds, size)
    print(f"{size / 1e6:.0f} MB in {len(manifest.splits['train'])} shards, {threads} threads")
    print(f"{'':<24}{'GB/s':>8}{'of raw':>8}{'GB/CPU s':>10}{'of raw':>8}")
    medians = {
        name: [statistics.median(rate) for rate in zip(*turns, strict=True)] for name, turns in found.items()
    }
    for name, (a, b) in medians.items():
        a0, b0 = medians["raw"]
        print(f"{name:<24}{a:>8.2f}{a / a0:>8.0%}{b:>10.2f}{b / b0:>8.0%}", flush=True)


def waiting(manifest: Manifest, records: Path, config: RunConfig, steps: int) -> None:
    """Share of a training step that is spent waiting for its batch.

    Windows are short: a step is cheap then, and a record is read whole all the same.
    """
    keras.utils.set_random_seed(0)
    surrogate = make_predictor(
        config.network, manifest.parameters, manifest.statistics, manifest.voxel_size_m
    )
    trainer = Trainer(surrogate, config.training)
    trainer.compile(optimizer=keras.optimizers.Adam(1e-3))
    step = tf.function(trainer.train_step, reduce_retracing=True)
    batches = iter(training_batches(surrogate, config.training, manifest, records))
    for _ in range(3):
        step(next(batches))
    waited = worked = 0.0
    for _ in range(steps):
        start = time.perf_counter()
        batch = next(batches)
        ready = time.perf_counter()
        float(step(batch)["loss"])
        waited += ready - start
        worked += time.perf_counter() - ready
    print(
        f"training step {1e3 * worked / steps:.0f} ms, wait for its batch {1e3 * waited / steps:.2f} ms: "
        f"{waited / (waited + worked):.2%} of the time"
    )


def memory(manifest: Manifest, records: Path) -> None:
    """Peak memory over four batches of windows, then of whole discharges with all symmetries."""
    Path("/proc/self/clear_refs").write_text("5")  # forget what making the records took
    surrogate = make_predictor(
        PRESETS["default"].network, manifest.parameters, manifest.statistics, manifest.voxel_size_m
    )
    print(f"TensorFlow and the network: {resident_peak() / 1e9:.2f} GB")
    for name, horizon in (("windows of 4 frames", [[1.0, 4]]), ("whole discharges", [[1.0, 0]])):
        config = PRESETS["default"].with_values({"horizon": horizon, "batch_size": 1}, "benchmark").training
        for _ in training_batches(surrogate, config, manifest, records).take(4):
            time.sleep(3)  # until all that is prefetched is there
        print(f"after a stream of {name}: {resident_peak() / 1e9:.2f} GB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--grid", type=int, nargs=3, default=GRID, metavar=("X", "Y", "Z"))
    parser.add_argument("--samples", type=int, help="default: about 200 MB, at least 3")
    parser.add_argument("--records", type=Path, help="records to read instead of ones made for the purpose")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    grid = PAPER_GRID if options.memory else tuple(options.grid)
    samples = options.samples or max(3, round(200e6 / (8 * FRAMES * np.prod(grid))))
    with tempfile.TemporaryDirectory() as scratch:
        records = options.records or make_records(Path(scratch), grid, samples + 1)
        manifest = open_manifest(records)
        if options.memory:
            memory(manifest, records)
            return
        rates(manifest, records, options.rounds)
        if grid == GRID:
            config = PRESETS["default"].with_values({**COMMON, **CHANGES["autoregressive"]}, "benchmark")
            waiting(manifest, records, config, steps=40)
        else:
            waiting(
                manifest, records, PRESETS["paper"].with_values({"horizon": [[1.0, 4]]}, "benchmark"), steps=4
            )


if __name__ == "__main__":
    main()
