"""What the machine has."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_memory"]

_GROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Return the bytes this process may still take, within the limit of its container if there is one; None where nobody tells."""
    free = [one for one in (_free_memory(), _free_in_container()) if one is not None]
    return min(free, default=None)


def _free_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return _whole_memory()


def _whole_memory() -> int | None:
    """Return all memory of the machine, where the system does not tell what is free."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows knows neither
        return None


def _free_in_container() -> int | None:
    """Return limit less use of the control group; of version 2, then of version 1."""
    for limit, used in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        try:
            return max(int((_GROUP / limit).read_text()) - int((_GROUP / used).read_text()), 0)
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
    return None
