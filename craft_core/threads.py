"""How many threads linear algebra uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

__all__ = ["one_thread"]


_LOCK = threading.Lock()
_INSIDE: list[Any] = []  # the limit in force, once for each context that is open; it belongs to the whole process


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS and OpenMP (faiss) use one thread while the context is open, in whichever thread of the process.

    A second thread saves a third of the time on an idle machine; on a busy one it waits by spinning and costs five times as much
    (k-means, 33,000 rows of 256, 100 clusters, two cores: 2.6 s against 0.5 s). And the result no longer depends on the number of cores.
    """
    with _LOCK:
        _INSIDE.append(_INSIDE[0] if _INSIDE else threadpool_limits(1))
    try:
        yield
    finally:
        with _LOCK:
            limit = _INSIDE.pop()
            if not _INSIDE:  # the last one out; an earlier one would lift the limit under the others
                limit.restore_original_limits()
