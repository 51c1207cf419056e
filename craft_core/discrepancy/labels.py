"""Label columns: what a person called the pairs, which no method looks at."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import IntVector
from craft_core.corpus.pairs import Corpus

__all__ = ["MAX_LABELS", "has_labels", "label_columns", "label_shares"]

MAX_LABELS = 100
"""Distinct values a text column may have to count as a label column."""


def label_columns(corpus: Corpus) -> tuple[str, ...]:
    """Return the names of the further columns that hold labels: text with 2 to `MAX_LABELS` distinct values, missing ones not counted."""
    return tuple(name for name in corpus.columns.column_names if has_labels(corpus, name, least=2))


def has_labels(corpus: Corpus, name: str, least: int = 1) -> bool:
    """Return whether there is a further column of this name, of text with `least` to `MAX_LABELS` distinct values."""
    if name not in corpus.columns.column_names:
        return False
    column = corpus.columns.column(name)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    n_values = int(pc.count_distinct(column, mode="only_valid").as_py())
    return least <= n_values <= MAX_LABELS


def label_shares(column: pa.ChunkedArray, positions: IntVector | None = None) -> dict[str, float]:
    """Return the share of each value of a label column, the largest first, ties by value.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Text, one a pair; a missing value counts as the empty text.
    positions : IntVector or None
        The pairs to count; None for all.

    Returns
    -------
    dict of str to float
        Shares in (0, 1], which sum to 1; empty where there is no pair.
    """
    chosen = column if positions is None else column.take(pa.array(positions))
    counts = pc.value_counts(pc.fill_null(chosen, "")).to_pylist()
    counts.sort(key=lambda one: (-one["counts"], one["values"]))
    return {one["values"]: one["counts"] / len(chosen) for one in counts}
