"""The corpus: pairs of texts with their row numbers, ids and further columns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from craft_core.arrays import IntVector, frozen
from craft_core.errors import DataError

__all__ = ["Corpus", "corpus_from_texts", "hash_texts"]


@dataclass(frozen=True, eq=False)
class Corpus:
    """Hold pairs of texts, aligned by position.

    Attributes
    ----------
    sources, targets : pyarrow.LargeStringArray
        The two sides, n texts each, without nulls.
    ids : pyarrow.LargeStringArray
        One name a pair; the row number in text where the data have no id column.
    rows : IntVector
        Shape (n,): the row of each pair in the data as given, before any cleaning, counted from 0 over all files.
    columns : pyarrow.Table
        Further columns as read (n rows, possibly no column).
    name : str
        What people call it: "pool", "validation" or "test".
    source_column, target_column : str
        What the two sides are called in the data, so that an export can call them the same.
    id_column : str or None
        The column the ids came from; None where they are row numbers.

    Raises
    ------
    DataError
        If the parts are not of one length.
    """

    sources: pa.LargeStringArray
    targets: pa.LargeStringArray
    ids: pa.LargeStringArray
    rows: IntVector
    columns: pa.Table
    name: str
    source_column: str = "source"
    target_column: str = "target"
    id_column: str | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.sources), len(self.targets), len(self.ids), len(self.rows)}
        if self.columns.num_columns:
            lengths.add(self.columns.num_rows)
        if len(lengths) > 1:
            raise DataError(f"The {self.name} has sides of different length: {sorted(lengths)} rows. Give two sides of one length.")
        frozen(self.rows)

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, positions: IntVector) -> Corpus:
        """Return the pairs at these positions (0 to n-1, not rows of the data as given), in their order."""
        index = pa.array(positions)
        columns = self.columns.take(index) if self.columns.num_columns else self.columns
        return Corpus(
            self.sources.take(index),
            self.targets.take(index),
            self.ids.take(index),
            self.rows[positions].copy(),
            columns,
            self.name,
            self.source_column,
            self.target_column,
            self.id_column,
        )

    @cached_property
    def digest(self) -> str:
        """The sha256 of everything in the corpus: texts, ids, rows and further columns. Equal digest, equal corpus."""
        digest = hashlib.sha256(f"{self.name}\0{self.source_column}\0{self.target_column}\0{self.id_column}".encode())
        for texts in (self.sources, self.targets, self.ids):
            hash_texts(digest, texts)
        digest.update(self.rows.tobytes())
        for name in self.columns.column_names:
            digest.update(name.encode() + b"\0")
            column = self.columns.column(name).combine_chunks()
            sink = pa.BufferOutputStream()
            batch = pa.record_batch([pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column], names=["column"])
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            digest.update(sink.getvalue())
        return digest.hexdigest()


def corpus_from_texts(sources: list[str], targets: list[str], name: str) -> Corpus:
    """Make a corpus of two lists of texts; ids and rows count from 0. Raises DataError if the lists differ in length."""
    rows = np.arange(len(sources), dtype=np.int64)
    texts = pa.large_string()
    ids = pa.array([str(row) for row in rows], texts)
    return Corpus(pa.array(sources, texts), pa.array(targets, texts), ids, rows, pa.table({}), name)


def hash_texts(digest: hashlib._Hash, texts: pa.LargeStringArray) -> None:
    """Feed texts and their lengths to a hash, independent of how the array is sliced in memory."""
    _, offsets_buffer, data = texts.buffers()
    offsets = (
        np.frombuffer(offsets_buffer, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1] if len(texts) else np.zeros(1, np.int64)
    )
    digest.update(np.diff(offsets).tobytes())
    if data is not None:
        digest.update(memoryview(data)[offsets[0] : offsets[-1]])
