"""Results kept on disk, so that a page loaded again, or a server started again, finds what was computed."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from craft_core.progress import Progress
from craft_core.store import Store, open_store

__all__ = ["PLAIN", "Keep", "Timed", "found_or_made", "is_kept"]

_WORTH_SECONDS = 0.25  # what is made faster than that is made again


@dataclass(frozen=True)
class Keep:
    """Say how a result is kept: what is written, and how the result is made of that again.

    A result that holds another stage's result is written without it.
    """

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


PLAIN = Keep(lambda result: result, lambda packed: packed)
"""Write the result as it is."""


@dataclass(frozen=True, eq=False)
class Timed:
    """Hold a result, the seconds it took when it was made, and whether that was now."""

    value: Any
    seconds: float
    is_new: bool = True


def found_or_made(kind: str, key: str, make: Callable[[Progress], Any], keep: Keep | None) -> Callable[[Progress], Timed]:
    """Return work that reads a result from disk or, where it is not there, makes it and has it written while the page goes on."""

    def work(progress: Progress) -> Timed:
        store = None if keep is None else open_store()
        if store is not None and keep is not None:
            progress(0.0, "Looking for an earlier result")
            found = store.get(kind, key)
            if found is not None:
                return Timed(keep.unpack(found["result"]), float(found["seconds"]), is_new=False)
        started = time.monotonic()
        result = make(progress)
        timed = Timed(result, time.monotonic() - started)
        if store is not None and keep is not None and timed.seconds >= _WORTH_SECONDS:
            _writer().submit(_write, store, kind, key, keep, timed)
        return timed

    return work


def is_kept(kind: str, key: str, keep: Keep | None) -> bool:
    """Return whether a result is on disk."""
    store = None if keep is None else open_store()
    return store is not None and store.has(kind, key)


def _write(store: Store, kind: str, key: str, keep: Keep, timed: Timed) -> None:
    store.put(kind, key, {"result": keep.pack(timed.value), "seconds": timed.seconds})


@cache
def _writer() -> ThreadPoolExecutor:
    """One thread that writes one result after another; the process waits for it at its end."""
    return ThreadPoolExecutor(1, thread_name_prefix="store")
