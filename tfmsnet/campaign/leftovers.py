"""Half-written files that a killed campaign leaves behind."""

import os
import re
import time
from pathlib import Path

# As `tfmsnet.files` names what isn't whole yet.
_PARTIAL = re.compile(r"\..+\.h5\.(?P<pid>\d+)-[0-9a-f]{8}\.partial")
# On a file system that machines share, the writer may live on another one: but then it writes.
_QUIET_S = 60.0


def remove_leftovers(directory: Path) -> None:
    """Remove half-written samples whose writers are dead: not a process here, and silent for a minute."""
    for path in directory.iterdir():
        match = _PARTIAL.fullmatch(path.name)
        if match and not _alive(int(match["pid"])) and _quiet_s(path) > _QUIET_S:
            path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _quiet_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # renamed by its writer meanwhile
        return 0.0
