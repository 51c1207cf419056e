"""Pairs that stand twice: found bucket by bucket, so that memory does not grow with the pool.

A pair is known by 128 bits of hash, of which the first byte names its bucket. Twins share a bucket, and of a bucket all pieces are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from craft_core.arrays import IntVector
from craft_core.corpus.sample import keys_of
from craft_core.corpus.sift import N_MARKS, TWIN, Marks
from craft_core.stream.place import Result
from craft_core.stream.scan import N_BUCKETS, Keys

__all__ = ["first_repeat", "mark_twins", "read_marks"]


def mark_twins(scans: Sequence[Result], starts: IntVector, path: Path, tick: Callable[[float], None]) -> IntVector:
    """Write what is wrong with every pair of the pool, twins marked, to a file; return how often each combination of marks occurs.

    Parameters
    ----------
    scans : sequence of Result
        Of the first pass, in the order of the pieces.
    starts : IntVector
        Shape (pieces + 1,): the row of the pool where each piece begins.
    path : Path
        An `.npy` file of one byte a pair, written whole or not at all.
    tick : callable
        Called with the share that is done.

    Returns
    -------
    IntVector
        Shape (N_MARKS,).
    """
    fresh = path.with_name(f".{path.name}.part")
    marks = np.lib.format.open_memmap(fresh, mode="w+", dtype=np.uint8, shape=(int(starts[-1]),))
    for scan, start in zip(scans, starts, strict=False):
        for part in range(scan.facts["n_parts"]):
            own = scan.array(f"marks.{part}")
            marks[start : start + len(own)] = own
            start = start + len(own)
    for bucket, (rows, sources, targets) in enumerate(_pairs_by_bucket(scans, starts)):
        marks[_later_twins(rows, sources, targets)] |= TWIN
        tick((bucket + 1) / N_BUCKETS)
    counts = np.zeros(N_MARKS, np.int64)
    for begin in range(0, len(marks), 1 << 24):
        counts += np.bincount(marks[begin : begin + (1 << 24)], minlength=N_MARKS)
    marks.flush()
    del marks
    fresh.rename(path)
    return counts


def read_marks(path: Path) -> Marks:
    """Return what is wrong with every pair of the pool, mapped into memory."""
    found: Marks = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def first_repeat(scans: Sequence[Result], starts: IntVector) -> tuple[int, int] | None:
    """Return the first row whose id has the hash of a later row's, and the first such row; None where all ids differ."""
    found: list[tuple[int, int]] = []
    for rows, ids in _gathered(scans, starts, ("id",), "id_rows", "id_starts"):
        order = np.lexsort((rows, ids))
        rows, ids = rows[order], ids[order]
        is_first = np.concatenate([[True], ids[1:] != ids[:-1]])[:-1] if len(ids) else np.zeros(0, bool)
        repeated = np.flatnonzero(is_first & (ids[1:] == ids[:-1]))
        if len(repeated):
            first = repeated[np.argmin(rows[repeated])]
            found.append((int(rows[first]), int(rows[first + 1])))
    return min(found, default=None)


def _pairs_by_bucket(scans: Sequence[Result], starts: IntVector) -> Iterator[tuple[IntVector, Keys, Keys]]:
    yield from _gathered(scans, starts, ("source", "target"), "rows", "starts")


def _gathered(scans: Sequence[Result], starts: IntVector, names: tuple[str, ...], rows_name: str, starts_name: str) -> Iterator[Any]:
    """Yield, bucket by bucket, the rows of the pool and the columns of these names, over all pieces."""
    parts = []
    for scan, start in zip(scans, starts, strict=False):
        for part in range(scan.facts["n_parts"]):
            columns = [scan.array(f"{name}.{part}") for name in (rows_name, *names)]
            parts.append((int(start), scan.array(f"{starts_name}.{part}"), columns))
            start = start + len(columns[0])
    for bucket in range(N_BUCKETS):
        pieces = [[one[begins[bucket] : begins[bucket + 1]] for one in columns] for _, begins, columns in parts]
        rows = np.concatenate([start + piece[0].astype(np.int64) for (start, _, _), piece in zip(parts, pieces, strict=True)])
        yield [rows, *(np.concatenate([piece[place] for piece in pieces]) for place in range(1, len(names) + 1))]


def _later_twins(rows: IntVector, sources: Keys, targets: Keys) -> IntVector:
    """Return the rows of pairs that stand earlier as well."""
    keys = keys_of(sources, targets)
    ordered = np.sort(keys)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(repeated):
        return rows[:0]
    likely = np.flatnonzero(np.isin(keys, repeated))
    likely = likely[np.lexsort((rows[likely], targets[likely], sources[likely]))]
    same = (sources[likely][1:] == sources[likely][:-1]) & (targets[likely][1:] == targets[likely][:-1])
    later: IntVector = rows[likely[1:][same]]
    return later
