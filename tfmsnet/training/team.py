"""The processes of one run: which of them this is, and what they must agree on before they begin."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfmsnet.errors import RunFailed, UserError

# What TensorFlow raises in the others when one worker is gone.
WORKER_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


@dataclass(frozen=True)
class Team:
    """Args:
    strategy: of the run.
    workers: how many processes; 1 without TF_CONFIG.
    worker: which of them this is; 0 is the chief, the only one that writes.
    """

    strategy: tf.distribute.Strategy
    workers: int
    worker: int

    @classmethod
    def of(cls, strategy: tf.distribute.Strategy) -> "Team":
        """The team of a strategy."""
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return cls(strategy, 1, 0)
        resolver = strategy.cluster_resolver
        jobs = resolver.cluster_spec().as_dict()
        chiefs = len(jobs.get("chief", []))
        worker = resolver.task_id + (0 if resolver.task_type == "chief" else chiefs)
        return cls(strategy, chiefs + len(jobs.get("worker", [])), worker)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory."""
        return self.worker == 0

    def gathered(self, value: int) -> list[int]:
        """A whole number of each worker, in all of them; also a barrier."""
        if self.workers == 1:
            return [value]
        row = np.zeros(self.workers)
        row[self.worker] = value

        @tf.function
        def summed():
            part = self.strategy.run(lambda: tf.constant(row, tf.float64))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, part, axis=None)

        replicas = self.strategy.num_replicas_in_sync // self.workers
        return [round(total / replicas) for total in summed().numpy()]

    def check_same(self, what: str, value: int, hint: str) -> None:
        """Refuse a run whose workers differ from the chief.

        Raises:
            UserError: in all of them.
        """
        values = self.gathered(value)
        for worker, other in enumerate(values):
            if other != values[0]:
                raise UserError(f"worker {worker}: {what} differs from the chief's; {hint}")


def worker_gone(error: Exception) -> RunFailed:
    """The message for a run that lost a worker."""
    reason = str(error).strip().splitlines()
    return RunFailed(
        f"a worker stopped answering ({reason[0][:200] if reason else type(error).__name__}); the run is "
        "kept up to its last checkpoint: start all workers again with the same command"
    )
