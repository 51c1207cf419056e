"""One table of parts that need not agree on their columns or types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

__all__ = ["as_text", "common", "joined"]


def joined(parts: list[pa.Table], name: str) -> pa.Array:
    """Return one column of all parts in one piece; null where a part lacks it.

    Whole and broken numbers meet as float64, where that loses nothing; types that have nothing in common become text.
    """
    columns = [part.column(name) if name in part.column_names else pa.nulls(part.num_rows) for part in parts]
    kinds = list(dict.fromkeys(column.type for column in columns if column.type != pa.null()))
    kind = common(kinds)
    try:
        pieces = [column.cast(kind) for column in columns]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # too large a whole number; a list beside something else
        kind = pa.large_string()
        pieces = [column.cast(kind) if column.type in (kind, pa.null()) else as_text(column) for column in columns]
    return _in_one(pieces, kind)


def common(kinds: Sequence[pa.DataType]) -> pa.DataType:
    """Return the type that columns of these types, all different, are first tried as."""
    if len(kinds) == 1:
        return kinds[0]
    if kinds and all(pa.types.is_integer(kind) for kind in kinds):
        return pa.int64()
    if kinds and all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return pa.float64()
    return pa.large_string()


def as_text(column: pa.ChunkedArray) -> pa.Array:
    """Return the values of a column as JSON text, for types that have nothing in common."""
    return pa.array([None if value is None else _shown(value) for value in column.to_pylist()], pa.large_string())


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _in_one(pieces: list[Any], kind: pa.DataType) -> pa.Array:
    chunks = [chunk for piece in pieces for chunk in (piece.chunks if isinstance(piece, pa.ChunkedArray) else [piece])]
    return pa.concat_arrays(chunks) if chunks else pa.array([], kind)
