"""How much memory there is here, and whether something fits into it."""

import math
import os
from pathlib import Path

from tfmsnet.errors import UserError


def available_bytes() -> float:
    """Memory that a new process can have here, the limit of a container included."""
    free = math.inf
    for line in Path("/proc/meminfo").read_text().splitlines() if os.path.exists("/proc/meminfo") else []:
        if line.startswith("MemAvailable:"):
            free = float(line.split()[1]) * 1024
    if not math.isfinite(free):
        free = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(free, _container_limit())


def _container_limit() -> float:
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            return float(Path(limit).read_text()) - float(Path(used).read_text())
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return math.inf


def require_memory(needed: float, what: str, remedy: str) -> None:
    """Refuse what can't fit, before the system kills the process for it.

    Args:
        needed: bytes.
        what: needs them.
        remedy: what to do.

    Raises:
        UserError: more than there are.
    """
    there = available_bytes()
    if needed > there:
        raise UserError(
            f"{what}: takes about {needed / 1e9:.3g} GB of memory, {there / 1e9:.3g} GB are free here; "
            f"{remedy}"
        )
