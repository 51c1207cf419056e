"""A first look at a file: its columns and a few rows, whatever the chosen columns are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from craft_core.corpus.columns import Columns, Limits
from craft_core.corpus.files import InputFile, ParallelText, Reading
from craft_core.corpus.read import side_lines, tables
from craft_core.errors import DataError

__all__ = ["Preview", "guess_columns", "preview"]

# In the order of trust: a name that says it before a name that may say it.
_SOURCES = ("source", "src", "source_text", "input", "prompt", "question", "instruction", "en", "english", "translation.en")
_TARGETS = ("target", "tgt", "trg", "target_text", "output", "response", "completion", "answer", "hi", "hindi", "translation.hi")


@dataclass(frozen=True)
class Preview:
    """Column names, the first rows, and what the columns probably mean (None where there are fewer than two)."""

    names: tuple[str, ...]
    rows: pa.Table = field(repr=False)
    guess: tuple[str, str] | None


def preview(given: InputFile | ParallelText, columns: Columns, n_rows: int = 20) -> Preview:
    """Read the beginning of a file. Raises DataError if that cannot be read; missing columns are no error."""
    reading = Reading(Limits())
    if isinstance(given, ParallelText):
        sides = [next(side_lines(file, columns, reading), pa.array([], pa.large_string())) for file in (given.source, given.target)]
        n_rows = min(n_rows, *map(len, sides))
        first = pa.table([side.slice(0, n_rows) for side in sides], [columns.source, columns.target])
    else:
        first = _first_rows(given, columns, reading, n_rows)
    names = tuple(first.column_names)
    return Preview(names, first, guess_columns(names) if len(names) > 1 else None)


def guess_columns(names: Sequence[str]) -> tuple[str, str]:
    """Guess which columns are source and target, by their names; else the first two that are no id.

    Raises
    ------
    DataError
        If there are fewer than two columns.
    """
    if len(names) < 2:
        raise DataError(f"A source and a target are two columns. Got {', '.join(map(repr, names)) or 'none'}.")
    others = sorted(names, key=lambda name: name.lower() in ("id", ""))  # stable: ids go last
    source = _named(names, _SOURCES)
    target = _named([name for name in names if name != source], _TARGETS)
    source = source or next(name for name in others if name != target)
    return source, target or next(name for name in others if name != source)


def _named(names: Sequence[str], wanted: tuple[str, ...]) -> str | None:
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in wanted if name in by_lower), None)


def _first_rows(file: InputFile, columns: Columns, reading: Reading, n_rows: int) -> pa.Table:
    table = None
    for table in tables(file, columns, reading, (), ()):
        if table.num_rows:
            break
    if table is None:
        raise DataError(f"{file.label} has no rows. Give a file with at least one.")
    return table.slice(0, n_rows)
