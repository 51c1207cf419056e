"""The first pass over a piece: what is wrong with each pair, who it is, and whether it is in the sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import IntVector
from craft_core.corpus.hashes import text_hashes
from craft_core.corpus.pieces import id_hashes, read_piece
from craft_core.corpus.sample import keys_of, seeded
from craft_core.corpus.sift import Marks
from craft_core.corpus.survey import Survey
from craft_core.stream.place import Writer
from craft_core.stream.plan import Plan

__all__ = ["N_BUCKETS", "SAMPLE", "Block", "Keys", "blocks_of", "sampled", "scan_piece"]

N_BUCKETS = 256
"""Parts into which pairs are sorted by their hash: twins fall into one part, and a part of a billion pairs fits into memory."""

SAMPLE = pa.schema([("key", pa.uint64()), ("row", pa.int64()), ("source", pa.large_string()), ("target", pa.large_string())])
"""The columns of a sample: content key, place in the piece, texts."""

Keys = npt.NDArray[np.uint64]
"""Hashes, shape (n,)."""

_PART_ROWS = 1 << 20  # pairs whose hashes are held at once; a piece that cannot be cut, such as a .gz file, has several parts


@dataclass(frozen=True, eq=False)
class Block:
    """Hold some pairs of a piece that follow each other.

    Attributes
    ----------
    start : int
        Place of the first in its piece.
    sources, targets : pyarrow.LargeStringArray
        Without nulls.
    table : pyarrow.Table
        All columns that were asked for.
    """

    start: int
    sources: pa.LargeStringArray
    targets: pa.LargeStringArray
    table: pa.Table

    def __len__(self) -> int:
        return len(self.sources)


def blocks_of(plan: Plan, number: int, only: tuple[str, ...] | None, survey: Survey | None = None) -> Iterator[Block]:
    """Yield the pairs of a piece in blocks of at most `plan.block_rows`; `only` names the further columns wanted, None wants all."""
    config, start = plan.config, 0
    for table in read_piece(plan.pieces[number], config.columns, config.limits, only, survey=survey):
        for begin in range(0, table.num_rows, plan.block_rows):
            part = table.slice(begin, plan.block_rows)
            sources, targets = (_texts(part.column(name)) for name in (config.columns.source, config.columns.target))
            yield Block(start, sources, targets, part)
            start += len(sources)


def scan_piece(plan: Plan, number: int, threshold: int, writer: Writer) -> dict[str, Any]:
    """Read a piece for the first time and write what it holds; return the facts.

    Parameters
    ----------
    plan : Plan
        Of the run.
    number : int
        The piece.
    threshold : int
        Pairs that cleaning keeps and whose content key is not above it are sampled.
    writer : Writer
        Takes, part by part, `marks.i` and content keys of seed 0 `keys.i` (shape (n,), in the order of the pairs); sorted into `N_BUCKETS`
        by hash, `rows.i`, `source.i`, `target.i` and where the buckets begin, `starts.i`; for ids `id_rows.i`, `id.i`, `id_starts.i`; and
        the `sample`.
    """
    survey, parts, samples = Survey(), [_Part()], [SAMPLE.empty_table()]
    id_name = plan.config.columns.id or "id"
    has_ids = True
    for block in blocks_of(plan, number, (id_name,), survey):
        sides = text_hashes(block.sources), text_hashes(block.targets)
        marks = plan.sift.marks(block.sources, block.targets)
        has_ids = has_ids and id_name in block.table.column_names
        parts[-1].add(marks, *sides, id_hashes(block.table.column(id_name)) if has_ids else None)
        keys = seeded(keys_of(*sides), plan.config.seed)
        samples.append(sampled(block, keys, np.flatnonzero(plan.sift.kept(marks) & (keys <= np.uint64(threshold)))))
        if parts[-1].n_rows >= _PART_ROWS:
            parts[-1].write(len(parts) - 1, writer)
            parts.append(_Part())
    parts[-1].write(len(parts) - 1, writer)
    sample = pa.concat_tables(samples)
    writer.table("sample", sample)
    n_rows = sum(part.n_rows for part in parts)
    return {"n_rows": n_rows, "n_parts": len(parts), "has_ids": has_ids and n_rows > 0, "sampled": len(sample), "survey": survey.record()}


@dataclass
class _Part:
    """Collect the arrays of some blocks, and let them go when they are written."""

    n_rows: int = 0
    columns: list[tuple[Marks, Keys, Keys, Keys | None]] = field(default_factory=list)

    def add(self, marks: Marks, sources: Keys, targets: Keys, ids: Keys | None) -> None:
        self.columns.append((marks, sources, targets, ids))
        self.n_rows += len(marks)

    def write(self, number: int, writer: Writer) -> None:
        empty = np.zeros(0, np.uint8), np.zeros(0, np.uint64), np.zeros(0, np.uint64), None
        marks, sources, targets = (np.concatenate([one[place] for one in (empty, *self.columns)]) for place in range(3))
        writer.array(f"marks.{number}", marks.astype(np.uint8))
        keys = keys_of(sources, targets)
        writer.array(f"keys.{number}", keys)
        order, starts = _buckets(keys)
        for name, array in (("rows", order), ("starts", starts), ("source", sources[order]), ("target", targets[order])):
            writer.array(f"{name}.{number}", array)
        known = [one[3] for one in self.columns if one[3] is not None]
        if len(known) == len(self.columns) and known:
            ids = np.concatenate(known)
            order, starts = _buckets(ids)
            for name, array in (("id_rows", order), ("id_starts", starts), ("id", ids[order])):
                writer.array(f"{name}.{number}", array)
        self.columns.clear()


def _buckets(keys: Keys) -> tuple[npt.NDArray[np.uint32], IntVector]:
    """Return an order that sorts by bucket, and where each bucket begins in it, shape (N_BUCKETS + 1,)."""
    bucket = (keys >> np.uint64(56)).astype(np.uint8)
    order = np.argsort(bucket, kind="stable")  # of bytes: a radix sort
    return order.astype(np.uint32), np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=N_BUCKETS))]).astype(np.int64)


def _texts(column: pa.ChunkedArray) -> pa.LargeStringArray:
    texts = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
    texts = texts.cast(pa.large_string())
    return pc.fill_null(texts, "") if texts.null_count else texts


def sampled(block: Block, keys: Keys, places: IntVector) -> pa.Table:
    """Return the pairs at these places of a block as a sample."""
    index = pa.array(places)
    columns = [pa.array(keys[places]), pa.array(block.start + places), block.sources.take(index), block.targets.take(index)]
    return pa.table(columns, schema=SAMPLE)
