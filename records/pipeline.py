"""tf.data stages over records: small functions, composed by the trainer.

The training stream is a pure function of its position: the i-th element is the same whenever and wherever
it is made.  So a resumed run begins where it was, and any number of workers sees the same global batch.

References to records stream first, in their order and divided among workers; then one map per record reads
it, parses it and applies steps to it, so that no more discharges are in memory than that map has calls in
flight.  An element is a dict of tensors, as `tfmsnet.records.shard.parse` gives it.
"""

import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import joblib
import tensorflow as tf

from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.records.manifest import Manifest
from tfmsnet.records.order import Order
from tfmsnet.records.reference import PLANES, REFERENCE, STATIC
from tfmsnet.records.shard import Window, parse, read_record, record_places

_CONNECT_S = 10.0
# Which axis x is, for the entries of an element that have space.
SPACE_AXIS = {
    "phase": 0,
    "features": 0,
    **{f"{kind}{name}": 1 for kind in ("", REFERENCE) for name in FIELDS},
    f"{REFERENCE}{STATIC}": 0,
}
# What has one value per frame (the fields are cut when they are parsed).
IN_TIME = ("times_s", "dol", "voltage_v", "c_rate_profile", "mean_dol")
FRAMES = (*IN_TIME, *FIELDS, *(f"{REFERENCE}{name}" for name in (*FIELDS, PLANES)))
SHARDINGS = ("auto", "FILE", "DATA")
RAM_BUDGET_BYTES = 1.5e9
# What TensorFlow's error says where a record isn't the manifest's.
ANOTHER_RECORD = "records: expected another sample:"

Stage = Callable[[tf.data.Dataset], tf.data.Dataset]
Step = Callable[[dict], dict]
log = logging.getLogger(__name__)


def composed(dataset: tf.data.Dataset, stages: Sequence[Stage]) -> tf.data.Dataset:
    """Apply stages in their order."""
    for stage in stages:
        dataset = stage(dataset)
    return dataset


def stream(
    manifest: Manifest,
    directory: str | Path,
    split: str,
    *,
    seed: int,
    position: int = 0,
    batch_size: int = 1,
    workers: int = 1,
    sharding: str = "DATA",
) -> tf.data.Dataset:
    """An endless stream of references to records: pass after pass over a split, reshuffled in every pass.

    Batches of `batch_size` successive elements hold one grid each.

    Args:
        manifest: of `directory`.
        split: "train", "validation" or "test".
        seed: of the order.
        position: index of the first element.
        batch_size: over all workers.
        workers: that the stream is to be divided among, by `sharded`; they divide `batch_size`.
        sharding: "DATA": any record may go to any worker, and the stream is the same for any number of
            them; "FILE": each worker reads its own files; "auto": FILE where the files divide well.

    Returns:
        Elements: dict of index, file, place (see `read_record`), sample_id that the manifest has there.

    Raises:
        UserError: an empty split, a sharding that doesn't exist or doesn't divide.
    """
    files = manifest.files(directory, split)
    places = [
        (number, place)
        for number, (file, shard) in enumerate(zip(files, manifest.splits[split], strict=True))
        for place in record_places(file, manifest.compression, shard["records"])
    ]
    owners = _owners(manifest, split, workers, sharding)
    grids = [tuple(sample["grid"]) for sample in manifest.samples(split)]
    names = [sample["sample_id"] for sample in manifest.samples(split)]
    order = Order.of(grids, batch_size, seed, owners)

    def reference(index):
        record = order.record_at(index)
        number, place = tf.unstack(tf.gather(tf.constant(places, tf.int64), record))
        file = tf.gather(tf.constant([str(file) for file in files]), number)
        return {"index": index, "file": file, "place": place, "sample_id": tf.gather(names, record)}

    def of_batch(number):
        return tf.data.Dataset.range(number * batch_size, (number + 1) * batch_size)

    # By batches: a tf.data service hands these numbers to its workers, and each makes whole batches.
    indices = tf.data.Dataset.range(position // batch_size, tf.int64.max // batch_size).flat_map(of_batch)
    if position % batch_size:
        indices = indices.skip(position % batch_size)
    return indices.map(reference)


def _owners(manifest: Manifest, split: str, workers: int, sharding: str) -> list[int] | None:
    """The worker of each record, where each keeps to its own files; None where none does."""
    if sharding not in SHARDINGS:
        raise UserError(f"sharding: expected one of {', '.join(SHARDINGS)}, found {sharding!r}")
    if workers == 1 or sharding == "DATA":
        return None
    shards = manifest.splits[split]
    owners = [number % workers for number, shard in enumerate(shards) for _ in shard["samples"]]
    grids = [tuple(sample["grid"]) for sample in manifest.samples(split)]
    shares = [sorted(grid for grid, o in zip(grids, owners, strict=True) if o == w) for w in range(workers)]
    divides = all(share == shares[0] for share in shares)
    if not divides and sharding == "FILE":
        raise UserError(
            f"sharding: the {len(shards)} {split} shards don't hold the same number of samples for each of "
            f"{workers} workers; use DATA"
        )
    log.info("%d workers share the %s records by %s", workers, split, "FILE" if divides else "DATA")
    return owners if divides else None


def sharded(workers: int, worker: int) -> Stage:
    """Keep the elements of one worker of several, before they are read: element i goes to i mod workers."""
    return lambda dataset: dataset.filter(lambda element: element["index"] % workers == worker)


def loaded(
    manifest: Manifest,
    *steps: Step,
    window: Callable | None = None,
    reference: bool = False,
    parallel: int = tf.data.AUTOTUNE,
) -> Stage:
    """Reference -> element: read, parse, compare with the manifest, and apply steps, in one map.

    Args:
        manifest: of the records.
        steps: element -> element.
        window: (index, frames) -> (first frame, frames), to have no more than a window of the fields;
            `cut` does the rest.
        reference: whether to read what the records hold of a reference.
        parallel: how many records at a time; see `parallel_calls`.
    """

    def load(place):
        index = place["index"]
        frames: Window | None = (lambda total: window(index, total)) if window else None
        record = read_record(place["file"], place["place"], manifest.compression)
        element = {**parse(record, frames, reference), "index": index}
        found, expected = element["sample_id"], place["sample_id"]
        same = tf.debugging.Assert(tf.equal(found, expected), [ANOTHER_RECORD, expected, "found", found])
        with tf.control_dependencies([same]):
            element["phase"] = tf.identity(element["phase"])
        for step in steps:
            element = step(element)
        return element

    return lambda dataset: dataset.map(load, num_parallel_calls=parallel, deterministic=True)


def parallel_calls(manifest: Manifest, split: str, budget_bytes: float = RAM_BUDGET_BYTES) -> int:
    """How many records may be in flight at a time within a budget of memory, at most one per core."""
    largest = max(shard["bytes"] / shard["records"] for shard in manifest.splits[split] if shard["records"])
    # A discharge is there as a record, parsed, and as a window or turned.
    return max(1, min(joblib.cpu_count(), int(budget_bytes / (3 * largest))))


def windows(length: Callable[[tf.Tensor], tf.Tensor], seed: int) -> Callable:
    """A random window of `length` frames of each discharge, the frame before it kept in front.

    Args:
        length: index -> frames in the window (int32), so that a curriculum can grow it; at most
            frames - 1.
        seed: of the draw.

    Returns:
        (index, frames) -> (first frame, frames), for `loaded`.
    """

    def window(index, frames):
        wanted = tf.minimum(tf.cast(length(index), tf.int32), frames - 1)
        start = tf.random.stateless_uniform([], _seed(seed, index), 0, frames - wanted, dtype=tf.int32)
        return start, wanted + 1

    return window


def cut(element: dict) -> dict:
    """Cut what goes with time to the element's window, as the fields were when they were parsed."""
    start, size = tf.unstack(element["window"])
    return {n: v[start : start + size] if n in IN_TIME else v for n, v in element.items()}


def symmetries(seed: int) -> Step:
    """Apply one of the 8 symmetries of the x-y plane at random: the physics doesn't change under them.

    On a grid with x != y the four without the transposition.
    """

    def turn(element):
        draw = tf.random.stateless_uniform([3], _seed(seed + 1, element["index"]), 0, 2, dtype=tf.int32)
        square = tf.shape(element["phase"])[0] == tf.shape(element["phase"])[1]
        return {
            **element,
            **{
                name: _turned(element[name], axis, draw, square)
                for name, axis in SPACE_AXIS.items()
                if name in element
            },
        }

    return turn


def _turned(array, axis, draw, square):
    shape = array.shape
    for flip in (0, 1):
        array = tf.cond(draw[flip] == 1, lambda a=array, f=flip: tf.reverse(a, [axis + f]), lambda a=array: a)
    order = list(range(len(shape)))
    order[axis], order[axis + 1] = order[axis + 1], order[axis]
    array = tf.cond(tf.logical_and(draw[2] == 1, square), lambda: tf.transpose(array, order), lambda: array)
    return tf.ensure_shape(array, [None] * len(shape))


def batched(size: int) -> Stage:
    """Batches of exactly `size` elements (an empty replica would crash a convolution)."""
    return lambda dataset: dataset.batch(size, drop_remainder=True)


def prefetched(batches: int) -> Stage:
    """Prepare the next batches while one is used."""
    return lambda dataset: dataset.prefetch(batches)


def deterministic(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The options of a stream that is the same every time and shards itself."""
    options = tf.data.Options()
    options.deterministic = True
    # Reading one record counts as state for TensorFlow, which then refuses to checkpoint an iterator.
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


def served(address: str) -> Stage:
    """Let the workers of a tf.data service make the elements of a dataset, each of them once.

    With one worker the stream is the same as without the service; with several each element is, but they
    come in the order in which they are made.  The workers need the records under the same path.

    Args:
        address: of the dispatcher, grpc://HOST:PORT.

    Raises:
        UserError: another kind of address, or nobody listens there.
    """
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "grpc" or not parts.hostname or not port:
        raise UserError(f"data service: expected grpc://HOST:PORT, found {address!r}")
    try:
        # TensorFlow would wait for an hour.
        socket.create_connection((parts.hostname, port), timeout=_CONNECT_S).close()
    except OSError as error:
        raise UserError(
            f"data service {address}: no answer ({error}); start its dispatcher, or train without it"
        ) from None
    return lambda dataset: dataset.apply(
        tf.data.experimental.service.distribute(
            processing_mode=tf.data.experimental.service.ShardingPolicy.DYNAMIC,
            service=address,
            compression=None,
        )
    )


def _seed(seed: int, index: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.cast(seed, tf.int64), index])
