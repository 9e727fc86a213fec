"""Which devices and machines a run uses, and how several processes of one run agree."""

import json
import os
import sys
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfmsnet.errors import RunFailed, UserError

CHOICES = ("auto", "one", "mirrored", "multiworker")


def make_strategy(choice: str, devices: tuple[str, ...] = ()) -> tf.distribute.Strategy:
    """A tf.distribute strategy.  Call it before anything else of TensorFlow.

    Args:
        choice: "one" device; "mirrored" over all devices of the best kind on this machine; "multiworker"
            over the processes that the environment variable TF_CONFIG lists; "auto": multiworker where
            TF_CONFIG lists several workers, mirrored where there is more than one GPU (or, without GPUs,
            more than one logical CPU), else one.
        devices: names such as "GPU:0", instead of all of the best kind.

    Raises:
        UserError: a choice or a device that doesn't exist, a TF_CONFIG that isn't one.
    """
    if choice not in CHOICES:
        raise UserError(f"strategy: expected one of {', '.join(CHOICES)}, found {choice!r}")
    workers = cluster_size()
    if choice == "multiworker" and workers == 0:
        raise UserError(
            "TF_CONFIG: not set; --strategy multiworker expects it in every worker's environment, such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
        )
    if choice == "multiworker" or (choice == "auto" and workers > 1):
        if devices:
            raise UserError("devices: expected none under --strategy multiworker; use CUDA_VISIBLE_DEVICES")
        return _multiworker(workers)
    return _on_this_machine(choice, _existing(devices))


def _on_this_machine(choice: str, devices: list[str]) -> tf.distribute.Strategy:
    if not devices:
        logical = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        found = [device.name for device in logical]
    else:
        found = devices
    if choice == "mirrored" or (choice == "auto" and len(found) > 1):
        return tf.distribute.MirroredStrategy(found)
    if len(devices) > 1:
        raise UserError(f"devices: expected one under --strategy one, found {', '.join(devices)}")
    return tf.distribute.OneDeviceStrategy(devices[0]) if devices else tf.distribute.get_strategy()


def _existing(devices: tuple[str, ...]) -> list[str]:
    if not devices:
        return []
    there = {device.name.removeprefix("/device:"): device.name for device in tf.config.list_logical_devices()}
    for device in devices:
        if device.upper() not in there:
            raise UserError(f"devices: {device!r} isn't there; expected some of {', '.join(there)}")
    return [there[device.upper()] for device in devices]


def cluster_size() -> int:
    """How many workers TF_CONFIG lists, the chief included; 0 where it isn't set.

    Raises:
        UserError: not the JSON that TensorFlow expects.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return 0
    try:
        content = json.loads(text)
        cluster, task = content["cluster"], content["task"]
        jobs = {job: list(hosts) for job, hosts in cluster.items()}
        host = jobs[task["type"]][int(task["index"])]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(
            "TF_CONFIG: expected a JSON object with cluster (job -> addresses) and task (type, index) of the "
            f"cluster, found {text!r} ({type(error).__name__}: {error})"
        ) from None
    strange = sorted(set(jobs) - {"chief", "worker"})
    if strange or not isinstance(host, str):
        raise UserError(f"TF_CONFIG: expected the jobs chief and worker alone, found {', '.join(strange)}")
    return sum(map(len, jobs.values()))


def _multiworker(workers: int) -> tf.distribute.Strategy:
    task = json.loads(os.environ["TF_CONFIG"])["task"]
    print(f"{task['type']} {task['index']}: waiting for {workers} workers", file=sys.stderr, flush=True)
    return tf.distribute.MultiWorkerMirroredStrategy()


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
