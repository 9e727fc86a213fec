"""What a GPU does: training, prediction, reduced models, exports; a table, and gpu.json.

    bash benchmarks/gpu.sh --out gpu          # on a machine with a GPU
    python benchmarks/gpu.py --tiny           # the same on small images, to see that it runs; a CPU will do

Items are asked one after the other of a process of their own: where one fails (out of memory, no such
kernel) or takes longer than --deadline, its row says so and the rest goes on, in a new process where need be.
Items come in the order of what they are worth; none goes on after --seconds.  Times are medians of some
calls after the first, which traces and compiles and is told too; peak memory is the device's, on a CPU the
process's.  Goals are an H100's at the usual sizes.
"""

import argparse
import functools
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import numpy as np

FRAMES, C_RATE, VOXEL_M = 24, 1.0, 5e-7
SMALL, LARGE, HUGE = (24, 24, 64), (72, 72, 244), (144, 144, 244)
PRODUCT = 8192
# An item is repeated until so many seconds are spent, at least once and at most so often.
ENOUGH_S, MOST_CALLS = 2.0, 5
# Training's convolutions: filters, and by how much their grid is coarser.
CONVOLUTIONS = ((10, 1), (40, 2), (160, 4), (32, 2))
# Accepted difference to the CPU, over the largest value of a field.
PARITY = 1e-4
# Networks of the default preset: name -> mode.
MODES = {"one-pass": "basis", "rollout": "autoregressive"}
PRECISIONS = ("float32", "mixed_bfloat16")
# To start TensorFlow and a device.
START_S = 120


class Item(NamedTuple):
    """A row of the table.

    Attributes:
        name: told.
        function: what it does; returns numbers by name, and a "note".
        values: its arguments.
        goal: of the median on an H100, s; of a share where the item has one.
    """

    name: str
    function: Callable
    values: dict
    goal: float | None = None


def items(small, large, huge, frames: int, product: int) -> list[Item]:
    """All items, those with goals first; without a `huge` size those of one discharge at a time alone."""

    def grid(size):
        return "x".join(map(str, size))

    def training(config, size, **values):
        options = {"gradient": "adjoint", "precision": "float32", **values}
        name = f"train {config} {grid(size)} {options['gradient']} {options['precision']}"
        return (
            f"{name}{' XLA' if 'jit_compile' in options else ''}",
            train,
            {"config": config, "size": size, "frames": frames, **options},
        )

    def predicting(model, size, batch=1, **values):
        name = f"predict {model} {grid(size)} x{batch}{' XLA' if values.get('jit_compile') else ''}"
        return name, predict, {"model": model, "size": size, "batch": batch, "frames": frames, **values}

    convolving = [
        Item(
            f"convolution {filters} {grid([edge // coarser for edge in large])} {precision}",
            convolve,
            {"filters": filters, "size": [edge // coarser for edge in large], "precision": precision}
            | {"product": product},
            0.4,
        )
        for precision in PRECISIONS
        for filters, coarser in CONVOLUTIONS
    ]
    reduced = ("resolved-particles", "porous-electrode")
    networks = tuple(MODES)

    def agreeing(model):
        return (
            f"{model} as on the CPU {grid(small)}",
            parity,
            {"model": model, "size": small, "frames": frames},
        )

    first = [
        Item(*training("paper", large), 1.5),
        Item(*training("paper", large, precision="mixed_bfloat16")),
        Item(*predicting("resolved-particles", large), 0.5),
        Item(*predicting("one-pass", large), 0.1),
        *convolving,
        *(Item(*agreeing(model)) for model in networks),
        Item(*predicting("rollout", large)),
        *(Item(*training("paper", small, gradient=gradient)) for gradient in ("adjoint", "tape")),
        Item(*training("paper", small, precision="mixed_bfloat16")),
        Item(*training("one-pass", small)),
        Item(f"train on all devices {grid(small)}", mirrored, {"size": small, "frames": frames}),
        Item(f"uptake {grid(large)}", uptake_alone, {"size": large}),
        Item(f"multigrid {grid(large)}", multigrid_alone, {"size": large}),
        Item(f"SavedModel {grid(small)}", saved_model, {"size": small}),
        Item(*training("paper", small, jit_compile=True)),
        Item(*predicting("one-pass", large, jit_compile=True)),
    ]
    if huge is None:
        return first
    return [
        *first,
        Item(f"SavedModel {grid(large)}", saved_model, {"size": large}),
        Item(*training("paper", large, gradient="tape")),
        Item(*training("one-pass", large)),
        Item(*predicting("porous-electrode", large)),
        *(Item(*predicting(model, large, 8)) for model in (*networks, *reduced)),
        *(Item(*predicting(model, huge, batch)) for batch in (1, 8) for model in (*networks, *reduced)),
        *(Item(*agreeing(model)) for model in reduced),
    ]


def timed(call) -> dict:
    """Seconds of the first call, median of later ones, and the peak of memory."""
    forget_peak()
    begin = time.perf_counter()
    call()
    first, later = time.perf_counter() - begin, []
    while not later or (sum(later) < ENOUGH_S and len(later) < MOST_CALLS):
        begin = time.perf_counter()
        call()
        later.append(time.perf_counter() - begin)
    return {"first_s": first, "seconds": statistics.median(later), "peak_gb": peak_bytes() / 1e9}


def finished(_) -> None:
    """Wait until the devices have done what was asked of them."""
    import tensorflow as tf

    tf.test.experimental.sync_devices()


def gpus() -> list:
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")


def forget_peak() -> None:
    import tensorflow as tf

    if gpus():
        tf.config.experimental.reset_memory_stats("GPU:0")
    else:
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    import tensorflow as tf
    from made_up import resident_peak

    if gpus():
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return resident_peak()


@functools.cache
def electrode(size) -> np.ndarray:
    """(x, y, z) uint8: an uncalendered electrode of 90 wt%, mirrored to the size where that is large."""
    from tfmsnet.electrode import Recipe, generate

    phase = np.asarray(generate(Recipe(90, 0, tuple(min(edge, 72) for edge in size), seed=1)).phase)
    beyond = [(0, edge - have) for edge, have in zip(size, phase.shape, strict=True)]
    return np.pad(phase, beyond, "symmetric")


def discharges(size, batch: int, frames: int) -> dict:
    """What predictors are given: images and a load at 1C."""
    import tensorflow as tf

    from tfmsnet.load import equal_charge_frames

    profile, times = equal_charge_frames(C_RATE, frames + 1)
    return {
        "phase": tf.constant(np.repeat(electrode(tuple(size))[None], batch, 0)),
        "voxel_size_m": tf.fill([batch], np.float32(VOXEL_M)),
        "c_rate_profile": tf.constant(np.repeat(profile[None], batch, 0), tf.float32),
        "times_s": tf.constant(np.repeat(times[None], batch, 0), tf.float32),
    }


@functools.cache
def fields_of(model: str, jit_compile: bool = False):
    """A compiled function of `discharges`: fields and curve, and a number that all of them go into."""
    import keras
    import tensorflow as tf
    from made_up import STATISTICS

    from tfmsnet.halfcell import Parameters
    from tfmsnet.predictors.predictor import make_predictor
    from tfmsnet.references.reduced import PorousElectrode, ResolvedParticles
    from tfmsnet.training.config import PRESETS

    names = ("concentration", "potential", "voltage_v")
    if model in MODES:
        keras.utils.set_random_seed(0)
        config = PRESETS["default"].in_mode(MODES[model]).network
        call = make_predictor(config, Parameters(), STATISTICS, VOXEL_M).call
    else:
        reduced = {kind.name: kind for kind in (PorousElectrode, ResolvedParticles)}[model](Parameters())

        def call(given):
            load = (given["c_rate_profile"], given["times_s"], tf.zeros_like(given["voxel_size_m"]))
            return reduced.discharge(given["phase"], tf.cast(given["voxel_size_m"], tf.float64), *load)

    def answer(given):
        found = {name: tf.cast(value, tf.float32) for name, value in call(given).items() if name in names}
        return found, tf.add_n([tf.reduce_sum(value) for value in found.values()])

    any_size = {
        "phase": tf.TensorSpec([None] * 4, tf.uint8),
        "voxel_size_m": tf.TensorSpec([None], tf.float32),
        "c_rate_profile": tf.TensorSpec([None, None], tf.float32),
        "times_s": tf.TensorSpec([None, None], tf.float32),
    }
    return tf.function(answer, jit_compile=jit_compile, input_signature=[any_size])


def train(config: str, size, frames: int, gradient: str, precision: str, jit_compile: bool = False) -> dict:
    """A step of the paper's network through `frames` frames, or of one that makes all frames in one pass."""
    step, batch = training_step(config, size, frames, gradient, precision, jit_compile)
    return timed(lambda: float(step(batch)["loss"]))


def training_step(config, size, frames, gradient, precision, jit_compile=False):
    import tensorflow as tf
    from made_up import trainer_and_batch

    from tfmsnet.training.config import PRESETS

    if config in MODES:
        chosen = PRESETS["default"].in_mode(MODES[config])
        chosen = chosen.with_values({"batch_size": 1, "precision": precision}, "benchmark")
    else:
        chosen = PRESETS[config].with_values({"gradient": gradient, "precision": precision}, "benchmark")
    trainer, batch = trainer_and_batch(chosen, tuple(size), frames)
    return tf.function(trainer.train_step, jit_compile=jit_compile), batch


def predict(model: str, size, batch: int, frames: int, jit_compile: bool = False) -> dict:
    """All frames of some discharges at once."""
    given, call = discharges(size, batch, frames), fields_of(model, jit_compile)
    return timed(lambda: float(call(given)[1]))


def parity(model: str, size, frames: int) -> dict:
    """The largest difference to the CPU's answer, over the largest value of a field."""
    import tensorflow as tf

    if not gpus():
        return {"note": "no GPU"}
    given, call, shares = discharges(size, 1, frames), fields_of(model), []
    with tf.device("CPU:0"):
        expected = call(given)[0]
    for allowed in (True, False):
        tf.config.experimental.enable_tensor_float_32_execution(allowed)
        found = call(given)[0]
        shares.append(max(_off(found[name], expected[name]) for name in expected))
    tf.config.experimental.enable_tensor_float_32_execution(True)
    met = "met" if shares[1] <= PARITY else f"more than {PARITY:g}"
    return {"share": shares[0], "note": f"{shares[1]:.1e} without TensorFloat-32: {met}"}


def _off(found, expected) -> float:
    found, expected = found.numpy(), expected.numpy()
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def convolve(filters: int, size, precision: str, product: int) -> dict:
    """A layer's value and gradients; its share of a matrix product's rate."""
    import convolution

    step, operations = convolution.training_step(filters, size, precision)
    theirs, most = convolution.product(product, precision)
    ours = timed(lambda: finished(step()))
    rate = operations / ours["seconds"]
    peak = most / timed(lambda: finished(theirs()))["seconds"]
    return {**ours, "share": rate / peak, "note": f"{rate / 1e12:.2f} of {peak / 1e12:.2f} TFLOP/s"}


def mirrored(size, frames: int) -> dict:
    """A step under MirroredStrategy, a discharge for each device; its loss beside one device's."""
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy()
    alone, batch = training_step("paper", size, frames, "adjoint", "float32")
    expected = float(alone(batch)["loss"])
    with strategy.scope():
        step, batch = training_step("paper", size, frames, "adjoint", "float32")
    given = strategy.experimental_distribute_values_from_function(lambda _: batch)
    everywhere = tf.function(lambda: strategy.run(step, (given,)))

    def loss():
        return float(strategy.experimental_local_results(everywhere()["loss"])[0])

    first = loss()
    found = timed(loss)
    note = f"{strategy.num_replicas_in_sync} devices; loss off one's by {abs(first / expected - 1):.0e}"
    return {**found, "note": note}


def uptake_alone(size) -> dict:
    """The uptake channels' linear problems, four lengths."""
    import tensorflow as tf

    from tfmsnet.features.surface import reacting_area
    from tfmsnet.features.uptake import uptake

    am = tf.constant(electrode(tuple(size))[None] == 1)
    area = reacting_area(am)
    call = tf.function(lambda: tf.reduce_sum(uptake(am, area, (2.0, 4.0, 8.0, 16.0)) ** 2))
    return timed(lambda: float(call()))


def multigrid_alone(size) -> dict:
    """Conduction through electrolyte and solid of an electrode, of the reduced models."""
    import tensorflow as tf

    from tfmsnet.halfcell import Parameters
    from tfmsnet.references.geometry import Geometry
    from tfmsnet.references.materials import Materials

    phase, voxel = tf.constant(electrode(tuple(size))[None]), tf.constant([VOXEL_M], tf.float64)

    @tf.function
    def call():
        materials = Materials(Parameters())
        solid = materials.single.am_conductivity_s_m, materials.cbd_conductivity(tf.zeros([1], tf.float64))
        conductors = Geometry(phase, voxel, materials).conduction(*solid)
        return tf.add_n([tf.reduce_sum(tf.cast(one.between, tf.float64)) for one in conductors])

    return timed(lambda: float(call()))


@functools.cache
def exported():
    import tfmsnet
    from tfmsnet.serving import export

    folder = tempfile.TemporaryDirectory()
    return tfmsnet.load_model(export("porous-electrode", Path(folder.name) / "model")), folder


def saved_model(size) -> dict:
    """Latency of the porous electrode's SavedModel, image in, curve out."""
    from tfmsnet.electrode import PhaseImage

    model, image = exported()[0], PhaseImage(electrode(tuple(size)), VOXEL_M)
    return timed(lambda: model.curve(image, C_RATE).voltage_v)


def serve(connection) -> None:
    """Answer items until there are none: the process that does the work."""
    import tensorflow as tf

    import tfmsnet

    found = gpus()
    details = tf.config.experimental.get_device_details(found[0]) if found else {}
    connection.send(
        {
            "device": details.get("device_name", "CPU"),
            "devices": max(len(found), 1),
            "tensorflow": tf.__version__,
            "tfmsnet": tfmsnet.__version__,
        }
    )
    while item := connection.recv():
        function, values = item
        try:
            connection.send(function(**values))
        except tf.errors.InvalidArgumentError as error:
            # What XLA doesn't compile is a finding, not a failure.
            kind = "note" if values.get("jit_compile") else "failed"
            connection.send({kind: f"doesn't compile: {first_line(error)}"})
        except Exception as error:  # of any kind: it is what the row says
            connection.send({"failed": f"{type(error).__name__}: {first_line(error)}"})


def first_line(error: Exception) -> str:
    """Of its message."""
    return (str(error).strip().splitlines() or [""])[0][:120]


class Worker:
    """The process that items are asked of."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.told = self._receive(START_S)

    def ask(self, item: Item, deadline_s: float) -> dict:
        """What an item gave, "failed" and why where it did."""
        return self._receive(deadline_s, (item.function, item.values))

    def _receive(self, deadline_s: float, asked: tuple | None = None) -> dict:
        try:
            if asked:
                self._connection.send(asked)
            if self._connection.poll(deadline_s):
                return self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            return {"failed": f"the process ended with status {self._process.exitcode}", "gone": True}
        self.stop()
        return {"failed": f"not done within {deadline_s:.0f} s", "gone": True}

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def row(item: Item, found: dict) -> str:
    """A line of the table."""
    if "failed" in found:
        return f"{item.name:<52} {found['failed']}"
    cells = [
        f"{found[key]:>9.4g}" if key in found else f"{'':>9}"
        for key in ("seconds", "first_s", "peak_gb", "share")
    ]
    goal = ""
    if item.goal is not None:
        good = found["share"] >= item.goal if "share" in found else found["seconds"] <= item.goal
        goal = f"goal {item.goal:g} {'met' if good else 'missed'}"
    return f"{item.name:<52} {' '.join(cells)}  {' '.join(filter(None, (goal, found.get('note', ''))))}"


def measure(chosen: list[Item], out: Path, seconds: float, deadline_s: float) -> int:
    """Run items, print and write what they give; returns how many failed."""
    from tfmsnet.files import write_json

    begun, worker = time.monotonic(), Worker()
    results = {"told": worker.told, "items": {}}
    print(json.dumps(worker.told))
    print(f"{'':<52} {'s':>9} {'first, s':>9} {'GB':>9} {'share':>9}", flush=True)
    for item in chosen:
        left = seconds - (time.monotonic() - begun)
        if left <= 0:
            found = {"failed": f"not begun within {seconds:.0f} s"}
        else:
            found = worker.ask(item, min(deadline_s, left))
            if found.pop("gone", False):
                worker.stop()
                worker = Worker()
        goal = {} if item.goal is None else {"goal": item.goal}
        results["items"][item.name] = {**item.values, **found, **goal}
        write_json(out / "gpu.json", results)
        print(row(item, found), flush=True)
    worker.stop()
    return sum("failed" in found for found in results["items"].values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("gpu"), help="folder for gpu.json")
    parser.add_argument("--small", type=int, nargs=3, default=SMALL, metavar=("X", "Y", "Z"))
    parser.add_argument("--large", type=int, nargs=3, default=LARGE, metavar=("X", "Y", "Z"))
    parser.add_argument("--huge", type=int, nargs=3, default=HUGE, metavar=("X", "Y", "Z"))
    parser.add_argument("--frames", type=int, default=FRAMES, help="after the first")
    parser.add_argument("--seconds", type=float, default=460.0, help="no item begins, or goes on, after")
    parser.add_argument("--deadline", type=float, default=60.0, help="seconds of one item")
    parser.add_argument("--only", default="", help="items whose name has this text")
    parser.add_argument("--tiny", action="store_true", help="small images, two frames, each item once")
    options = parser.parse_args()
    sizes, frames, product = (
        (tuple(options.small), tuple(options.large), tuple(options.huge)),
        options.frames,
        PRODUCT,
    )
    if options.tiny:
        sizes, frames, product = ((8, 8, 16), (8, 8, 32), None), 2, 256
    chosen = [item for item in items(*sizes, frames, product) if options.only in item.name]
    if (*sizes[:2], frames) != (SMALL, LARGE, FRAMES):
        chosen = [item._replace(goal=None) for item in chosen]
    options.out.mkdir(parents=True, exist_ok=True)
    raise SystemExit(int(measure(chosen, options.out, options.seconds, options.deadline) > 0))


if __name__ == "__main__":
    main()
