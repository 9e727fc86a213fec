"""tf.data stages over records: small functions dataset -> dataset, composed by the trainer.

The training stream is a pure function of its position: the i-th element is the same whenever and wherever
it is made.  So a resumed run skips to where it was, and any number of workers sees the same global batch.

An element is a dict of tensors, as `tfmsnet.records.shard.parse` gives it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from tfmsnet.records.manifest import Manifest
from tfmsnet.records.shard import parse

# Which axis x is, for the entries of an element that have space.
SPACE_AXIS = {"phase": 0, "features": 0, "concentration": 1, "potential": 1}
IN_TIME = ("concentration", "potential", "times_s", "dol", "voltage_v", "c_rate_profile", "mean_dol")
SHUFFLE_BYTES = 256e6

Stage = Callable[[tf.data.Dataset], tf.data.Dataset]


def composed(dataset: tf.data.Dataset, stages: Sequence[Stage]) -> tf.data.Dataset:
    """Apply stages in their order."""
    for stage in stages:
        dataset = stage(dataset)
    return dataset


def stream(
    manifest: Manifest, directory: str | Path, split: str, *, seed: int, position: int = 0
) -> tf.data.Dataset:
    """An endless stream of (index, record): pass after pass over a split, reshuffled in every pass.

    Args:
        manifest: of `directory`.
        split: "train", "validation" or "test".
        seed: of the order.
        position: index of the first element.

    Raises:
        UserError: an empty split.
    """
    files = [str(file) for file in manifest.files(directory, split)]
    records = len(manifest.samples(split))
    size = sum(shard["bytes"] for shard in manifest.splits[split]) / records
    buffer = max(2, min(records, int(SHUFFLE_BYTES / size)))

    def one_pass(number):
        # Of this function's graph alone: under a global seed of 0 `shuffle` can't take a tensor as its seed.
        tf.random.set_seed(1)
        order = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files), seed=seed + number)
        read = order.interleave(
            lambda file: tf.data.TFRecordDataset(file, compression_type=manifest.compression),
            cycle_length=min(4, len(files)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        return read.shuffle(buffer, seed=seed + number)

    passes = tf.data.Dataset.range(position // records, tf.int64.max).flat_map(one_pass)
    return passes.skip(position % records).enumerate(start=position)


def sharded(workers: int, worker: int) -> Stage:
    """Keep the elements of one worker of several: element i goes to worker i mod workers."""
    return lambda dataset: dataset.shard(workers, worker)


def parsed() -> Stage:
    """(index, record) -> element; the index stays in it as `index`."""

    def stage(index, record):
        return {**parse(record), "index": index}

    return lambda dataset: dataset.map(stage, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def mapped(function: Callable[[dict], dict]) -> Stage:
    """Apply a function to each element."""
    return lambda dataset: dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def windows(length: Callable[[tf.Tensor], tf.Tensor], seed: int) -> Stage:
    """Cut a random window of `length` frames out of each discharge, the frame before it kept in front.

    Args:
        length: index -> frames in the window (int32), so that a curriculum can grow it; at most
            frames - 1.
        seed: of the draw.
    """

    def cut(element):
        frames = tf.shape(element["times_s"])[0]
        wanted = tf.minimum(tf.cast(length(element["index"]), tf.int32), frames - 1)
        start = tf.random.stateless_uniform(
            [], _seed(seed, element["index"]), 0, frames - wanted, dtype=tf.int32
        )
        window = {name: element[name][start : start + wanted + 1] for name in IN_TIME if name in element}
        return {**element, **window}

    return mapped(cut)


def symmetries(seed: int) -> Stage:
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

    return mapped(turn)


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


def prefetched() -> Stage:
    """Prepare the next batches while one is used."""
    return lambda dataset: dataset.prefetch(tf.data.AUTOTUNE)


def deterministic(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The options of a stream that is the same every time and shards itself."""
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


def _seed(seed: int, index: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.cast(seed, tf.int64), index])
