"""Run a program in a session of its own and see what it takes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from craft_core.benchmark.memory import session_memory, session_seconds
from craft_core.errors import ParameterError

__all__ = ["Watched", "watched"]

_EVERY = 0.05
"""Seconds between two looks at the memory."""

_MOST_SHARE = 0.05  # of the time, for looking: the kernel walks the pages of each process, which slows it down

_CLASS = re.compile(r"^(Error|craft_core\.errors\.\w+): ")  # what stands before the sentence of a mistake


@dataclass(frozen=True)
class Watched:
    """Hold what a program took.

    Attributes
    ----------
    out : str
        What it printed.
    seconds : float
        Wall time from its start to its end.
    cpu_seconds, peak_bytes : float or None
        Of it and all processes it started; None where the system does not tell.
    """

    out: str
    seconds: float
    cpu_seconds: float | None
    peak_bytes: float | None


def watched(words: Sequence[str], what: str) -> Watched:
    """Run ``python -m`` with these words and return what it took.

    Parameters
    ----------
    words : sequence of str
        A module of this project and its arguments.
    what : str
        What is run, for the message of an error.

    Raises
    ------
    ParameterError
        If it ends with a mistake, with the last line it printed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as told:
        before, start = _children_seconds(), time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdin=subprocess.DEVNULL, stdout=out, stderr=told, env=_environment(), start_new_session=True
        )
        peak, seen = _looked_at(process)
        seconds, after = time.perf_counter() - start, _children_seconds()
        out.seek(0)
        told.seek(0)
        if process.returncode:
            lines = told.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise ParameterError(f"{what} failed: {_CLASS.sub('', lines[-1])}")
        own = None if before is None or after is None else after - before
        spent = max(seen, own or 0.0) or own  # what a process started is counted as its own only if it waited for its end
        return Watched(out.read().decode(), seconds, spent, peak)


def _looked_at(process: subprocess.Popen[bytes]) -> tuple[float | None, float]:
    """Wait for a process; return the most memory its session had, and the processor seconds that were seen of it.

    All of it is ended if the wait is interrupted.
    """
    found: list[float] = []
    spent: dict[int, float] = {}
    try:
        while True:
            start = time.perf_counter()
            now = session_memory(process.pid)
            found += [] if now is None else [now]
            for one, seconds in session_seconds(process.pid).items():
                spent[one] = max(spent.get(one, 0.0), seconds)
            looked = time.perf_counter() - start
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(_EVERY, looked / _MOST_SHARE))
                return max(found, default=None), sum(spent.values())
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, and what it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _children_seconds() -> float | None:
    """Return the processor seconds of all processes this one started that have ended."""
    try:
        import resource
    except ImportError:  # Windows does not tell
        return None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment() -> dict[str, str]:
    """Return the environment, in which this project is found from any folder."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
