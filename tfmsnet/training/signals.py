"""SIGINT and SIGTERM during a run: noted, so that the run can save before it stops."""

import signal
import threading

from tfmsnet.errors import RunFailed


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
