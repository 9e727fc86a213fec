"""Signs of life: each worker touches a file in the search's directory, the chief looks at their ages."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

EVERY_S = 2.0
DEAD_AFTER_S = 60.0


class Repeated:
    """Within the block a function is called every so often in a thread, the first time at once."""

    def __init__(self, function: Callable[[], None], every_s: float = EVERY_S):
        self.function, self.every_s = function, every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True, name=f"repeated-{id(self)}")

    def __enter__(self) -> "Repeated":
        self.function()
        self._thread.start()
        return self

    def _repeat(self):
        while not self._over.wait(self.every_s):
            self.function()

    def __exit__(self, *exception) -> None:
        self._over.set()
        self._thread.join()


class Heartbeats:
    """workers/ of a search.

    Args:
        folder: workers/, which all processes see.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def beat(self, name: str) -> None:
        """Say that a process lives."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.touch()
        os.utime(path)

    def silent_s(self, name: str, observer: str) -> float:
        """Seconds since a process was last heard of; infinite when it never was.

        Measured from the observer's own beat: the clocks of two machines may differ.
        """
        try:
            return (self.folder / observer).stat().st_mtime - (self.folder / name).stat().st_mtime
        except FileNotFoundError:
            return float("inf")
