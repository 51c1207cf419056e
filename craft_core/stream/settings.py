"""How a run out of core is done: nothing here changes what it chooses."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from craft_core.errors import ParameterError
from craft_core.machine import available_memory

__all__ = ["Streaming", "free_memory", "memory_bytes", "worker_count"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_SIZE = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]+)?)\s*((?:[KMGT]I?)?)B?\s*", re.IGNORECASE)
_MOST_WORKERS = 1024


@dataclass(frozen=True)
class Streaming:
    """Choose how much a run out of core may take, and who does the work.

    Attributes
    ----------
    memory : int
        Bytes that all processes on this machine may hold together.
    workers : int or None
        Processes; None for one a core.
    engine : str
        "processes" on this machine, "dask" for a local cluster of Dask, or "dask:ADDRESS" with the address of a scheduler.
    work : Path or None
        Folder for what is finished on the way, so that a run that was stopped goes on where it was; None for one beside the output.
    """

    memory: int
    workers: int | None = None
    engine: str = "processes"
    work: Path | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= _MOST_WORKERS:
            raise ParameterError(f"The number of workers must lie in [1, {_MOST_WORKERS:,}]. Got {self.workers}.")
        kind, _, address = self.engine.partition(":")
        if kind not in ("processes", "dask") or (address and kind == "processes"):
            raise ParameterError(f"There is no engine '{self.engine}'. There are: processes, dask, dask:ADDRESS (of a scheduler).")


def memory_bytes(text: str) -> int:
    """Return the bytes a text such as "4GB", "500 MB" or "2GiB" says. Raises ParameterError for any other text."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise ParameterError(f"The memory must be a number with a unit, such as 4GB or 500MB. Got {text!r}.")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def free_memory() -> int:
    """Return the bytes a run takes where nothing is said: 80 % of what is free. Raises ParameterError where no system tells."""
    found = available_memory()
    if found is None:
        raise ParameterError("This system does not tell how much memory is free. Say how much may be taken, as in --memory 4GB.")
    return int(0.8 * found)


def worker_count(asked: int | None) -> int:
    """Return how many processes work side by side: those asked for, or one a core."""
    if asked is not None:
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
