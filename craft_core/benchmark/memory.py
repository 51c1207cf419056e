"""How much memory and processor time processes take, as the system tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["MEMORY_WORDS", "forget_peak", "memory_now", "peak_memory", "session_memory", "session_seconds"]

_PROC = Path("/proc")
_IS_LINUX = sys.platform.startswith("linux")

MEMORY_WORDS = (
    "the sum over all processes of the run, looked at every 50 ms; pages that processes share are counted once"
    if _IS_LINUX
    else "the sum over all processes of the run, looked at every 50 ms; pages that processes share are counted in each"
)
"""How `session_memory` is used and what it counts, for people."""


def peak_memory() -> float | None:
    """Return the most bytes this process had at once, or None where the system does not tell."""
    found = _status("VmHWM")  # not getrusage, whose peak begins with that of the process that started this one
    if found is not None:
        return found
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


def memory_now() -> float | None:
    """Return the bytes this process has now, or None where the system does not tell."""
    return _status("VmRSS")


def forget_peak() -> bool:
    """Let `peak_memory` count from what this process has now; return whether the system does that."""
    try:
        (_PROC / "self" / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def session_memory(leader: int) -> float | None:
    """Return the bytes of all processes of a session, or None where the system does not tell.

    Parameters
    ----------
    leader : int
        The id of the process that began the session, as `subprocess.Popen(..., start_new_session=True)` starts it.
    """
    return float(sum(map(_shared_out, _members(leader)))) if _IS_LINUX else _listed(leader)


def session_seconds(leader: int) -> dict[int, float]:
    """Return the processor seconds that each process of a session has taken, by its id; nothing where the system does not tell."""
    return {one: _spent(one) for one in _members(leader)} if _IS_LINUX else {}


def _members(leader: int) -> list[int]:
    ids = [int(one) for one in os.listdir(_PROC) if one.isdigit()]  # noqa: PTH208 - many times a second
    return [one for one in ids if _session(one) == leader]


def _spent(process: int) -> float:
    with suppress(OSError, ValueError, IndexError):
        fields = (_PROC / str(process) / "stat").read_bytes().rpartition(b")")[2].split()  # a name may hold anything, parentheses too
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _session(process: int) -> int:
    try:
        return os.getsid(process)
    except OSError:  # it ended
        return -1


def _shared_out(process: int) -> int:
    """Return the proportional set size in bytes: a page that k processes share counts 1/k in each; 0 for a process that has ended."""
    with suppress(OSError, ValueError):
        for line in (_PROC / str(process) / "smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return 1024 * int(line.split()[1])
    return 0


def _listed(leader: int) -> float | None:
    """Return the sum of the resident sizes that ps lists for a process group."""
    try:
        shown = subprocess.run(["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    rows = [line.split() for line in shown.splitlines()]
    return 1024.0 * sum(int(size) for group, size in rows if int(group) == leader)


def _status(name: str) -> float | None:
    try:
        lines = (_PROC / "self" / "status").read_text(encoding="ascii").splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
