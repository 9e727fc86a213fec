"""The training loop: Keras' `fit`, begun at any optimizer step, and stopped by a signal after any.

Under MultiWorkerMirroredStrategy `fit` fails (keras issue 20585): there a loop of its own calls the same
`train_step`, and the callbacks as `fit` calls them.
"""

import signal
import threading
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

from tfmsnet.errors import RunFailed
from tfmsnet.training.strategies import Team
from tfmsnet.training.trainer import Trainer


class Interrupted(RunFailed):
    """A signal stopped a run, which was saved first."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.status = 128 + number  # what shells report of a process that a signal ended


class StopRequest:
    """Within the block SIGINT and SIGTERM are noted; the second one acts as ever.

    Attributes:
        signal: the one that came, or None.
    """

    def __init__(self):
        self.signal = None
        self._before = {}

    @property
    def wanted(self) -> bool:
        """Whether one came."""
        return self.signal is not None

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():  # the only one that may set handlers
            self._before = {
                number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def _note(self, number, frame):
        self.signal = signal.Signals(number)
        self._restore()

    def _restore(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def __exit__(self, *exception) -> None:
        self._restore()


class Position:
    """Where a training stands, for its checkpoints.

    Args:
        trainer: whose metrics are the means of the epoch.
        step: optimizer steps done.
        sums: of the epoch that `step` lies in, from `sums` of an earlier process; none at its beginning.
    """

    def __init__(self, trainer: Trainer, step: int = 0, sums: list[float] | None = None):
        self.trainer, self.step = trainer, step
        self._restored, self._reduced = sums or [], []

    @property
    def sums(self) -> list[float]:
        """Total and weight of each metric in the epoch so far: float32, of which JSON keeps every bit."""
        return self._reduced or [float(keras.ops.convert_to_numpy(v)) for v in sums_of(self.trainer)]

    def begin_epoch(self, steps_per_epoch: int) -> None:
        """Put the sums of an epoch that was cut off back, once Keras has cleared its metrics."""
        variables = sums_of(self.trainer)
        # Others come from a version that kept other sums: its epoch's means begin here.
        if len(self._restored) == len(variables) and self.step % steps_per_epoch:
            for variable, value in zip(variables, self._restored, strict=True):
                variable.assign(value)
        self._restored = []

    def advance(self, reduced: list[float] | None = None) -> None:
        """A step is done; `reduced` are the sums over several workers, which one alone can't read."""
        self.step += 1
        self._reduced = reduced or []


def sums_of(trainer: Trainer) -> list:
    """The variables that the means of an epoch are made of: total and weight of each metric."""
    return [variable for metric in trainer.metrics for variable in (metric.total, metric.count)]


class _Stopped(Exception):
    """A signal came; the step after it is done."""


class _First(keras.callbacks.Callback):
    """Before the other callbacks: an epoch that was cut off goes on."""

    def __init__(self, position: Position, steps_per_epoch: int):
        super().__init__()
        self.position, self.steps_per_epoch = position, steps_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.position.begin_epoch(self.steps_per_epoch)


class _Last(keras.callbacks.Callback):
    """After the other callbacks: stop when asked to, in the middle of an epoch too."""

    def __init__(self, asked: Callable[[], bool], position: Position, steps_per_epoch: int):
        super().__init__()
        self.asked, self.position, self.steps_per_epoch = asked, position, steps_per_epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.asked() and self.position.step % self.steps_per_epoch:
            raise _Stopped

    def on_epoch_end(self, epoch, logs=None):
        if self.asked():
            raise _Stopped


class _Callbacks(keras.callbacks.CallbackList):
    """Of several calls of `fit` that are one training: begun and ended once, by `begin` and `end`."""

    def on_train_begin(self, logs=None):
        pass

    def on_train_end(self, logs=None):
        pass

    def begin(self) -> None:
        super().on_train_begin()

    def end(self) -> None:
        super().on_train_end()


def fit(
    trainer: Trainer,
    team: Team,
    batches: Callable[[int], Iterable],
    position: Position,
    *,
    epochs: int,
    steps_per_epoch: int,
    callbacks: list[keras.callbacks.Callback],
    stop: StopRequest,
) -> int:
    """Train from a position to the end of the last epoch, or until a signal asks to stop.

    Callbacks get, after each step and each epoch, the means of the epoch so far: see `Trainer.train_step`.

    Args:
        trainer: compiled.
        team: whose strategy it was made under.
        batches: optimizer step -> the endless stream of batches from it on; distributed with several workers.
        position: where to begin; kept up to date.
        epochs, steps_per_epoch: in all.
        callbacks: Keras callbacks.
        stop: set by a signal; with several workers any of them stops all of them, after the same step.

    Returns:
        Optimizer steps done.
    """
    together = isinstance(team.strategy, tf.distribute.MultiWorkerMirroredStrategy)
    steps = _Together(trainer, team, stop) if together else _Here(trainer, stop)
    last = _Last(steps.asked, position, steps_per_epoch)
    inner = [_First(position, steps_per_epoch), steps.counting(position), *callbacks, last]
    hooks = _Callbacks(inner, add_history=True, model=trainer)
    hooks.begin()
    try:
        while position.step < epochs * steps_per_epoch:
            epoch, place = divmod(position.step, steps_per_epoch)
            steps.fit(
                batches(position.step),
                initial_epoch=epoch,
                epochs=epoch + 1 if place else epochs,  # the rest of an epoch that was cut off first
                steps_per_epoch=steps_per_epoch - place,
                callbacks=hooks,
            )
    except _Stopped:
        pass
    finally:
        hooks.end()
    return position.step


class _Counting(keras.callbacks.Callback):
    """Tells the position of every step."""

    def __init__(self, position: Position, reduced: Callable[[], list[float] | None]):
        super().__init__()
        self.position, self.reduced = position, reduced

    def on_train_batch_end(self, batch, logs=None):
        self.position.advance(self.reduced())


class _Here:
    """One process, whatever its devices: Keras' `fit`."""

    def __init__(self, trainer: Trainer, stop: StopRequest):
        self.trainer, self.stop = trainer, stop

    def asked(self) -> bool:
        return self.stop.wanted

    def counting(self, position: Position) -> _Counting:
        return _Counting(position, lambda: None)

    def fit(self, batches, **options) -> None:
        self.trainer.fit(batches, shuffle=False, verbose=0, **options)


class _Together:
    """Several processes: `fit` by hand, under the team's strategy."""

    def __init__(self, trainer: Trainer, team: Team, stop: StopRequest):
        self.trainer, self.stop = trainer, stop
        self._advance = _compiled(trainer, team.strategy)
        self._sums, self._asked = [], False

    def asked(self) -> bool:
        return self._asked

    def counting(self, position: Position) -> _Counting:
        return _Counting(position, lambda: self._sums)

    def fit(self, batches, initial_epoch, epochs, steps_per_epoch, callbacks) -> None:
        iterator, names = iter(batches), [metric.name for metric in self.trainer.metrics]
        for epoch in range(initial_epoch, epochs):
            self.trainer.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            for batch in range(steps_per_epoch):
                callbacks.on_train_batch_begin(batch)
                *sums, asked = self._advance(iterator, tf.constant(float(self.stop.wanted))).numpy()
                self._sums, self._asked = [float(value) for value in sums], asked > 0
                means = [float(total / weight) for total, weight in zip(sums[::2], sums[1::2], strict=True)]
                logs = dict(zip(names, means, strict=True))
                callbacks.on_train_batch_end(batch, logs)
            callbacks.on_epoch_end(epoch, logs)


def _compiled(trainer, strategy):
    """(iterator, stop) -> over all replicas: total and weight of each metric, and how many ask to stop."""

    def on_replica(batch, asked):
        trainer.train_step(batch)
        return tf.stack([*(tf.convert_to_tensor(variable) for variable in sums_of(trainer)), asked])

    @tf.function
    def advance(iterator, asked):
        parts = strategy.run(on_replica, args=(next(iterator), asked))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)

    return advance
