"""Which record stands at which place of the endless stream: computed from the place, nothing is read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Order:
    """The order of an endless stream of batches that hold one grid each.

    The records of a grid form a stream of their own: pass after pass over all of them, in a new permutation
    every time.  A batch takes the next `batch_size` records of one grid's stream.  Which grid's turn it is
    follows a schedule in which each grid comes as often as it has records, so that every record is seen
    equally often.  All of it is a function of the place: no state, no buffer, and a stream can begin
    anywhere at no cost.

    Attributes:
        members: (record,) record numbers, sorted by group: by grid, and within a grid by worker if each
            worker keeps to its own files.
        counts: (grid,) records of each grid.
        batch_size: records of a batch, over all workers.
        workers: groups that a grid's records are divided into, equally; 1 unless workers keep to their files.
        seed: of the permutations.
    """

    members: tuple[int, ...]
    counts: tuple[int, ...]
    batch_size: int
    workers: int
    seed: int

    @classmethod
    def of(
        cls,
        grids: Sequence[tuple[int, ...]],
        batch_size: int,
        seed: int,
        owners: Sequence[int] | None = None,
    ) -> "Order":
        """The order of records of these grids.

        Args:
            grids: grid of each record.
            batch_size: records of a batch, over all workers.
            seed: of the permutations.
            owners: worker that each record belongs to; each worker has as many of every grid as any other.
        """
        owners = [0] * len(grids) if owners is None else owners
        groups = {key: [] for key in sorted({*zip(grids, owners, strict=True)})}
        for record, key in enumerate(zip(grids, owners, strict=True)):
            groups[key].append(record)
        members = tuple(record for group in groups.values() for record in group)
        counts = tuple(sum(grid == g for g in grids) for grid in sorted(set(grids)))
        return cls(members, counts, batch_size, len(set(owners)), seed)

    def record_at(self, index: tf.Tensor) -> tf.Tensor:
        """The record number at a place of the stream, both () int64."""
        grid, place = self._in_grid(index // self.batch_size, index % self.batch_size)
        begins = tf.constant(np.cumsum([0, *self.counts[:-1]]), tf.int64)
        count = tf.gather(tf.constant(self.counts, tf.int64), grid) // self.workers
        worker, place = place % self.workers, place // self.workers
        group = grid * self.workers + worker
        order = self._permutation(count, 1 + group, place // count)
        first = tf.gather(begins, grid) + worker * count
        return tf.gather(tf.constant(self.members, tf.int64), first + order[place % count])

    def _in_grid(self, batch: tf.Tensor, within: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Which grid's turn it is at a batch, and the place in that grid's own stream."""
        if len(self.counts) == 1:
            return tf.zeros([], tf.int64), batch * self.batch_size + within
        total = sum(self.counts)
        turns = tf.constant(np.repeat(np.arange(len(self.counts)), self.counts), tf.int64)
        cycle, turn = batch // total, batch % total
        schedule = tf.gather(turns, self._permutation(total, 0, cycle))
        grid = schedule[turn]
        before = tf.reduce_sum(tf.cast(schedule[:turn] == grid, tf.int64))
        done = cycle * tf.gather(tf.constant(self.counts, tf.int64), grid) + before
        return grid, done * self.batch_size + within

    def _permutation(self, count, stream, number) -> tf.Tensor:
        """The `number`-th permutation of 0..count - 1 of one of the independent streams of them."""
        salt = tf.cast(self.seed * 1_000_003, tf.int64) + tf.cast(stream, tf.int64)
        seed = tf.stack([salt, tf.cast(number, tf.int64)])
        shape = tf.reshape(tf.cast(count, tf.int64), [1])
        draws = tf.random.stateless_uniform(shape, seed, None, None, tf.int64, alg="philox")
        return tf.cast(tf.argsort(draws, stable=True), tf.int64)
