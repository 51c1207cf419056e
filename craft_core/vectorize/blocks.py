"""Work on blocks of text in as many threads as there are cores, in an order and with results that do not depend on how many.

The compiled loops and array operations this package is made of release Python's lock, so threads run side by side on shared memory.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pyarrow as pa

from craft_core.progress import Progress

__all__ = ["in_order", "text_blocks"]

T = TypeVar("T")
B = TypeVar("B")

_BLOCK_BYTES = 1 << 20  # what is computed from it fits in the cache of a core, and in a few megabytes of memory a thread
_BLOCK_ROWS = 1 << 14
_MAX_THREADS = 8


def text_blocks(texts: pa.LargeStringArray) -> list[tuple[int, int]]:
    """Cut texts into blocks of at most 16,384 texts and, unless a single text is longer, one megabyte: a list of (start, stop)."""
    if len(texts) == 0:
        return []
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    blocks, start = [], 0
    while start < len(texts):
        fits = int(np.searchsorted(offsets, offsets[start] + _BLOCK_BYTES, side="right")) - 1
        stop = min(max(fits, start + 1), start + _BLOCK_ROWS, len(texts))
        blocks.append((start, stop))
        start = stop
    return blocks


def in_order(work: Callable[[B], T], blocks: Sequence[B], progress: Progress, text: str) -> Iterator[T]:
    """Do the work on every block in several threads and yield the results in the order of the blocks.

    `progress` is called between blocks, in the thread of the caller; raising from it drops the blocks not yet begun.
    """
    n_threads = min(_cores(), _MAX_THREADS, max(len(blocks), 1))
    waiting: deque[Future[T]] = deque()
    executor = ThreadPoolExecutor(n_threads)
    try:
        for number, block in enumerate(blocks):
            waiting.append(executor.submit(work, block))
            if len(waiting) > 2 * n_threads:
                yield waiting.popleft().result()
                progress((number + 1 - len(waiting)) / len(blocks), text)
        while waiting:
            yield waiting.popleft().result()
            progress(1 - len(waiting) / len(blocks), text)
    finally:
        executor.shutdown(cancel_futures=True)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
