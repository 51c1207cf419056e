"""The chosen pairs as files: every text comes back byte for byte, or the format is refused.

Nothing here loops over pairs: Arrow and Polars write whole blocks.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from craft_core.config import Export
from craft_core.corpus import Corpus
from craft_core.errors import DataError

__all__ = ["defused", "subset_names", "subset_table", "write_subset"]

_BLOCK_ROWS = 65_536
_MARK = "\ufeff"
_FORMULA = r"^[=+\-@\t\r]"


def subset_names(export_format: str) -> tuple[str, ...]:
    """Return the file names a subset has in a format: one, or two for line-aligned text."""
    kind, _, packed = export_format.partition(".")
    ending = f".{packed}" if packed else ""
    if kind == "text":
        return f"subset.source.txt{ending}", f"subset.target.txt{ending}"
    return (f"subset.{export_format}",)


def subset_table(chosen: Corpus) -> pa.Table:
    """Return the pairs with the columns the data had, under their own names: ids (if they came from a column), both sides, the rest."""
    columns = {} if chosen.id_column is None else {chosen.id_column: chosen.ids}
    columns |= {chosen.source_column: chosen.sources, chosen.target_column: chosen.targets}
    columns |= {name: chosen.columns.column(name) for name in chosen.columns.column_names}
    return pa.table(columns)


def write_subset(chosen: Corpus, export: Export, folder: Path) -> tuple[str, ...]:
    """Write the chosen pairs into a folder.

    Parameters
    ----------
    chosen : Corpus
        The pairs, in the order to be written.
    export : Export
        The format. Line-aligned text holds the two sides only.
    folder : Path
        Where to; it exists.

    Returns
    -------
    tuple of str
        The names of the files written.

    Raises
    ------
    DataError
        If a text holds a character the format has no way to write; with the row and the formats that can.
    """
    names = subset_names(export.format)
    kind = export.format.removesuffix(".gz")
    if kind == "text":
        _check_texts(chosen, "[\n\r]", "a line break", export.format, ("source", "target"))
        _check_mark(chosen, export.format)
        parts = [pa.table({"text": side}) for side in (chosen.sources, chosen.targets)]
    else:
        parts = [subset_table(chosen)]
    if export.safe_for_spreadsheets and kind in ("csv", "tsv"):
        parts = [defused(part) for part in parts]
    if kind == "tsv":
        _check_tsv(chosen, parts[0], export.format)
    for name, part in zip(names, parts, strict=True):
        with _opened(folder / name) as stream:
            _WRITERS[kind](part, stream)
    return names


def _write_parquet(table: pa.Table, stream: IO[bytes]) -> None:
    pyarrow.parquet.write_table(table, stream, compression="zstd", row_group_size=_BLOCK_ROWS)


def _write_csv(table: pa.Table, stream: IO[bytes]) -> None:
    pyarrow.csv.write_csv(_flat(table), stream, pyarrow.csv.WriteOptions(quoting_style="needed"))


def _write_jsonl(table: pa.Table, stream: IO[bytes]) -> None:
    table = _hexadecimal(table)
    for start in range(0, table.num_rows, _BLOCK_ROWS):
        pl.DataFrame(pl.from_arrow(table.slice(start, _BLOCK_ROWS))).write_ndjson(stream)


def _write_tsv(table: pa.Table, stream: IO[bytes]) -> None:
    stream.write(("\t".join(table.column_names) + "\n").encode())
    _write_lines(_flat(table), stream)


def _write_lines(table: pa.Table, stream: IO[bytes]) -> None:
    """Write each row as a line, fields separated by tabs, without quoting."""
    for start in range(0, table.num_rows, _BLOCK_ROWS):
        block = table.slice(start, _BLOCK_ROWS).combine_chunks()
        fields = [pc.fill_null(_as_text(column), "").combine_chunks() for column in block.columns]
        lines = pc.binary_join_element_wise(*fields, _large("\t"))
        ended = pc.binary_join_element_wise(lines, _large("\n"), _large(""))
        ended = pa.concat_arrays([ended])  # in one piece that begins at 0
        stream.write(memoryview(ended.buffers()[2])[: pc.sum(pc.binary_length(ended)).as_py()])


_WRITERS: dict[str, Callable[[pa.Table, IO[bytes]], None]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "tsv": _write_tsv,
    "jsonl": _write_jsonl,
    "text": _write_lines,
}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with path.open("wb") as raw:
        if path.suffix != ".gz":
            yield raw
            return
        # no name and no time in the header: the same texts give the same bytes
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
            yield packed


def _large(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _flat(table: pa.Table) -> pa.Table:
    """Return the table with nested columns as JSON text and binary ones as digits; CSV and TSV have no way to hold them."""
    columns = [_json(column) if pa.types.is_nested(column.type) else column for column in _hexadecimal(table).columns]
    return pa.table(columns, table.column_names)


def _hexadecimal(table: pa.Table) -> pa.Table:
    """Return the table with binary columns as hexadecimal digits; no text format holds any bytes."""
    is_binary = [pa.types.is_binary(kind) or pa.types.is_large_binary(kind) for kind in table.schema.types]
    columns = [_digits(column) if binary else column for column, binary in zip(table.columns, is_binary, strict=True)]
    return pa.table(columns, table.column_names)


def _digits(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([[None if value is None else value.hex() for value in column.to_pylist()]], pa.large_string())


def _json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = [None if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in column.to_pylist()]
    return pa.chunked_array([texts], pa.large_string())


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.large_string())


def defused(table: pa.Table) -> pa.Table:
    """Return the table with an apostrophe before the texts that a spreadsheet would run as a formula."""
    columns = []
    for column in table.columns:
        if pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
            marked = pc.binary_join_element_wise(_large("'"), column.cast(pa.large_string()), _large(""))
            column = pc.if_else(pc.match_substring_regex(column, _FORMULA), marked, column.cast(pa.large_string()))
        columns.append(column)
    return pa.table(columns, table.column_names)


def _check_tsv(chosen: Corpus, table: pa.Table, export_format: str) -> None:
    for name in table.column_names:
        if set(name) & set("\t\n\r"):
            raise DataError(f"The column name {name!r} cannot be written as {export_format}. Choose parquet, csv or jsonl.")
    _check_texts(chosen, "[\t\n\r]", "a tab or a line break", export_format, ("source", "target", "ids"))
    for name in chosen.columns.column_names:
        column = _as_text(_flat(chosen.columns.select([name])).column(0))
        _refuse_match(chosen, column, "[\t\n\r]", f"column '{name}'", "a tab or a line break", export_format)


def _check_texts(chosen: Corpus, pattern: str, what: str, export_format: str, parts: tuple[str, ...]) -> None:
    sides = {"source": chosen.sources, "target": chosen.targets, "ids": chosen.ids}
    for part in parts:
        _refuse_match(chosen, sides[part], pattern, "id" if part == "ids" else part, what, export_format)


def _refuse_match(chosen: Corpus, texts: pa.Array, pattern: str, where: str, what: str, export_format: str) -> None:
    position = pc.index(pc.match_substring_regex(texts, pattern), pa.scalar(True)).as_py()
    if position >= 0:
        raise DataError(
            f"The {where} of {chosen.name} row {int(chosen.rows[position]):,} (id '{chosen.ids[position].as_py()[:80]}') holds {what}, "
            f"which {export_format} cannot hold. Choose parquet, csv or jsonl."
        )


def _check_mark(chosen: Corpus, export_format: str) -> None:
    """Refuse a first text that begins with a byte-order mark: every reader would take it for the file's own."""
    for side, texts in (("source", chosen.sources), ("target", chosen.targets)):
        if len(texts) and texts[0].as_py().startswith(_MARK):
            raise DataError(
                f"The {side} of {chosen.name} row {int(chosen.rows[0]):,} begins with a byte-order mark, which {export_format} "
                "cannot hold at the beginning of a file. Choose parquet, csv or jsonl."
            )
