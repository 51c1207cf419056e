"""Read files into a corpus: every format, several files as one, nothing changed in silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.corpus.columns import MAX_COLUMNS, Columns, Limits
from craft_core.corpus.decode import text_blocks, text_encoding
from craft_core.corpus.delimited import read_csv, read_tsv
from craft_core.corpus.files import InputFile, ParallelText, Reading, file_digest
from craft_core.corpus.jsonlines import read_jsonl
from craft_core.corpus.pairs import Corpus
from craft_core.corpus.parquet import read_parquet
from craft_core.corpus.split import split_lines
from craft_core.corpus.tables import joined
from craft_core.errors import DataError
from craft_core.progress import Progress, silent

__all__ = [
    "TABLE_SUFFIXES",
    "FileReport",
    "ReadReport",
    "check_columns",
    "encoding_of",
    "label_of",
    "labelled",
    "lines_differ",
    "read_corpus",
    "side_lines",
    "tables",
]

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""Suffixes of files that hold both sides; all but the last also with ".gz"."""


@dataclass(frozen=True)
class FileReport:
    """What one file was: bytes and sha256 as given, the encoding its text was read with (None for Parquet)."""

    label: str
    size: int
    sha256: str
    encoding: str | None


@dataclass(frozen=True)
class ReadReport:
    """What was read.

    Attributes
    ----------
    files : tuple of FileReport
        In the order given; two for line-aligned text.
    n_rows : int
        Rows of all files.
    null_texts : int
        Sources and targets that were null and are read as empty.
    notes : tuple of str
        What the reader decided that a person should know, in sentences.
    """

    files: tuple[FileReport, ...]
    n_rows: int
    null_texts: int
    notes: tuple[str, ...]


def read_corpus(
    files: Sequence[InputFile | ParallelText], columns: Columns, limits: Limits, name: str, progress: Progress = silent
) -> tuple[Corpus, ReadReport]:
    """Read files, in their order, into one corpus.

    Columns that only some files have are null in the others. Rows are counted from 0 over all files; in line-aligned text every line is
    a row, elsewhere blank lines at the end are none.

    Raises
    ------
    DataError
        For anything in a file that cannot be taken exactly as it is, with the file and, in text, the line.
    """
    inputs = labelled(files)
    singles = [file for given in inputs for file in ((given.source, given.target) if isinstance(given, ParallelText) else (given,))]
    reading = Reading(limits, sum(file.size for file in singles), progress)
    required = (columns.id,) if columns.id else ()
    parts: list[pa.Table] = []
    for given in inputs:
        before = reading.rows
        for table in tables(given, columns, reading, (columns.source, columns.target), required):
            check_columns(table, columns, label_of(given))
            parts.append(table)
        if reading.rows == before:
            raise DataError(f"{label_of(given)} has no rows. Give a file with at least one.")
    corpus, null_texts = _corpus(parts, columns, name, reading.notes)
    return corpus, ReadReport(tuple(_file_report(file, columns) for file in singles), len(corpus), null_texts, tuple(reading.notes))


def tables(
    given: InputFile | ParallelText, columns: Columns, reading: Reading, texts: tuple[str, ...], required: tuple[str, ...]
) -> Iterator[pa.Table]:
    """Yield the rows of one input in pieces, with all its columns; `texts` and `required` are keys that JSON objects must have."""
    if isinstance(given, ParallelText):
        yield _parallel(given, columns, reading)
        return
    match given.suffix:
        case ".parquet" if not given.gzipped:
            yield from read_parquet(given, reading)
        case ".tsv":
            yield from read_tsv(given, text_encoding(given, columns.encoding), columns.header, reading)
        case ".csv":
            yield from read_csv(given, text_encoding(given, columns.encoding), columns.header, reading)
        case ".jsonl" | ".ndjson":
            yield from read_jsonl(given, text_encoding(given, columns.encoding), texts, required, reading)
        case _:
            raise _unknown(given)
    reading.finish(given)


def side_lines(file: InputFile, columns: Columns, reading: Reading) -> Iterator[pa.LargeStringArray]:
    """Yield the lines of one side of line-aligned text."""
    if file.suffix in TABLE_SUFFIXES:
        raise DataError(f"{file.label} is a table, not one side of line-aligned text. Give it alone, or two text files.")
    for block in text_blocks(file, text_encoding(file, columns.encoding), reading):
        lines = split_lines(block.text)
        reading.add(file.label, rows=len(lines))
        yield lines


def encoding_of(file: InputFile, columns: Columns) -> str | None:
    """Return the encoding a file is read with; None for Parquet, which has its own."""
    return None if file.suffix == ".parquet" else text_encoding(file, columns.encoding)


def _parallel(given: ParallelText, columns: Columns, reading: Reading) -> pa.Table:
    before = reading.rows
    sides = []
    for file in (given.source, given.target):
        reading.rows = before  # a row is counted once, though it has a line in each file
        sides.append(pa.chunked_array(list(side_lines(file, columns, reading)), pa.large_string()))
        reading.finish(file)
    source, target = map(len, sides)
    if source != target:
        raise lines_differ(given, source, target)
    return pa.table(sides, [columns.source, columns.target])


def lines_differ(given: ParallelText, source: int, target: int) -> DataError:
    """Return what is said of two files with different numbers of lines."""
    shorter = given.source if source < target else given.target
    return DataError(
        f"{given.source.label} has {source:,} lines and {given.target.label} has {target:,}: {shorter.label} is shorter. "
        "Give two files whose lines belong together."
    )


def labelled(files: Sequence[InputFile | ParallelText]) -> list[InputFile | ParallelText]:
    """Return the inputs as messages call them: numbered, where there are several."""
    if not files:
        raise DataError("There is no file to read. Give at least one.")
    if len(files) == 1:
        return list(files)
    numbered: list[InputFile | ParallelText] = []
    for number, given in enumerate(files, 1):
        mark = f" (file {number} of {len(files)})"
        if isinstance(given, ParallelText):
            source, target = (replace(file, label=file.label + mark) for file in (given.source, given.target))
            numbered.append(ParallelText(source, target))
        else:
            numbered.append(replace(given, label=given.label + mark))
    return numbered


def label_of(given: InputFile | ParallelText) -> str:
    """Return what messages call an input."""
    return f"{given.source.label} with {given.target.label}" if isinstance(given, ParallelText) else given.label


def _unknown(file: InputFile) -> DataError:
    if file.suffix == ".parquet":
        return DataError(f"{file.label}: Parquet is compressed inside and is not read from .gz. Unpack it first.")
    known = ", ".join(TABLE_SUFFIXES)
    return DataError(
        f"{file.label} is of no format that is read: {known} (.gz allowed, but for Parquet). Of line-aligned text, give two files together."
    )


def check_columns(table: pa.Table, columns: Columns, label: str) -> None:
    """Raise DataError unless a table has the columns that are named, and texts in both sides."""
    names = table.column_names
    for name in (columns.source, columns.target, columns.id):
        if name is not None and name not in names:
            shown = ", ".join(f"'{known[:40]}'" for known in names[:20])
            raise DataError(
                f"{label} has no column '{name}'. It has: {shown}. All files of a run share their column names.{_header_hint(names)}"
            )
    for name in (columns.source, columns.target):
        kind = table.schema.field(name).type
        if kind not in (pa.large_string(), pa.null()):
            raise DataError(f"{label}: column '{name}' must be text. It is {kind}. Choose another column.")


def _header_hint(names: list[str]) -> str:
    # Names of columns are short; a first line with a sentence in it is more likely a row.
    if any(len(name) > 40 or name.count(" ") > 2 for name in names):
        return " Its first line looks like a row: if it has no header line, say so, and name the columns 1, 2, ..."
    return ""


def _corpus(parts: list[pa.Table], columns: Columns, name: str, notes: list[str]) -> tuple[Corpus, int]:
    names = dict.fromkeys(column for part in parts for column in part.column_names)
    if len(names) > MAX_COLUMNS:  # objects of one JSON Lines file may all have other keys
        raise DataError(f"The {name} has {len(names):,} columns over all rows. At most {MAX_COLUMNS:,} are read.")
    n_rows = sum(part.num_rows for part in parts)
    rows = np.arange(n_rows, dtype=np.int64)
    sides, null_texts = [], 0
    for side in (columns.source, columns.target):
        column = joined(parts, side).cast(pa.large_string())
        null_texts += column.null_count
        sides.append(pc.fill_null(column, "") if column.null_count else column)
    ids, id_column = _ids(parts, columns, notes)
    further = {one: joined(parts, one) for one in names if one not in (columns.source, columns.target, id_column)}
    ids = pa.array(rows).cast(pa.large_string()) if ids is None else ids
    return Corpus(sides[0], sides[1], ids, rows, pa.table(further), name, columns.source, columns.target, id_column), null_texts


def _ids(parts: list[pa.Table], columns: Columns, notes: list[str]) -> tuple[pa.LargeStringArray | None, str | None]:
    name = columns.id or "id"
    if name in (columns.source, columns.target) or not any(name in part.column_names for part in parts):
        return None, None
    ids = joined(parts, name)
    problem = _id_problem(ids, name)
    if problem is None:
        return ids.cast(pa.large_string()), name
    if columns.id is not None:
        raise DataError(f"{problem} Ids must name one pair each: mend them, or choose no id column.")
    notes.append(f"{problem} So row numbers are the ids.")
    return None, None


def _id_problem(ids: pa.Array, name: str) -> str | None:
    if not (pa.types.is_integer(ids.type) or ids.type == pa.large_string()):
        return f"The id column '{name}' is {ids.type}, neither text nor whole numbers."
    if ids.null_count:
        return f"The id column '{name}' is null in row {pc.index(ids.is_null(), True).as_py():,}."
    series = pl.Series(pl.from_arrow(ids))
    if series.n_unique() == len(series):
        return None
    again = series.filter(series.is_duplicated()).head(1)
    where = series.eq(again.item()).arg_true().head(2).to_list()
    return f"The id column '{name}' has '{str(again.item())[:80]}' in row {where[0]:,} and again in row {where[1]:,}."


def _file_report(file: InputFile, columns: Columns) -> FileReport:
    digest = file_digest(file.path if file.path is not None else file.data or b"")
    return FileReport(file.label, file.size, digest, encoding_of(file, columns))
