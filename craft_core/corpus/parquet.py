"""Parquet, read in batches that cannot outgrow memory before they are counted.

A column that repeats one long text is stored as the text once and many short references to it: 2 MB on disk, 20 GB in memory, and the
footer tells only of the 2 MB. So the longest text a row group can repeat is looked up first, and decides how many rows are read at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from craft_core.corpus.columns import Limits
from craft_core.corpus.delimited import check_names
from craft_core.corpus.files import InputFile, Reading, readable
from craft_core.errors import DataError

__all__ = ["read_parquet", "whole_numbers", "whole_schema"]

BATCH_ROWS = 8192
BATCH_BYTES = 256 * 2**20
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}


def read_parquet(
    file: InputFile, reading: Reading, groups: Sequence[int] | None = None, only: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of a Parquet file: texts, numbers, dates, times, bytes and lists of numbers; a struct's are called "struct.column".

    Other columns are left out, with a note in `reading`. Raises DataError for a damaged file and one that goes beyond the limits.

    Parameters
    ----------
    file, reading : InputFile, Reading
        What is read, and the counts held to the limits.
    groups : sequence of int or None
        The row groups wanted; None for all.
    only : sequence of str or None
        The columns wanted, where they exist; None for all.
    """
    with _whole(file):
        plain = pq.ParquetFile(_origin(file))
        check_names(plain.schema_arrow.names, file)
        kept = _kept(plain.schema_arrow, file, reading)
        footer = plain.metadata
        groups = range(footer.num_row_groups) if groups is None else groups
        n_rows = sum(footer.row_group(group).num_rows for group in groups)
        reading.check(file.label, rows=n_rows, size=_footer_bytes(footer, groups, kept))
        kept = kept if only is None else [name for name in kept if any(one == name or one.startswith(f"{name}.") for one in only)]
        leaves = [path for path in _leaves(footer) if _belongs(path, kept)]
        probe = pq.ParquetFile(_origin(file), read_dictionary=leaves)
        yield _table(plain.schema_arrow.empty_table().select(kept), file)
        done = 0
        for group in groups:
            at_once = _batch_rows(probe, group, set(leaves))
            for batch in plain.iter_batches(at_once, row_groups=[group], columns=kept):
                table = _table(pa.table(batch).select(kept), file)
                reading.add(file.label, rows=table.num_rows, size=table.nbytes)
                done += table.num_rows
                reading.at(file.size * done // max(n_rows, 1))
                yield table


def whole_schema(file: InputFile) -> pa.Schema:
    """Return the columns that `read_parquet` reads of a file, as it types them. Raises DataError for a damaged file."""
    with _whole(file):
        found = pq.ParquetFile(_origin(file)).schema_arrow
        return _table(found.empty_table().select(_kept(found, file, Reading(Limits()))), file).schema


def whole_numbers(file: InputFile, groups: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield the names of columns of whole numbers with the smallest and the largest number of each row group, where the footer has them."""
    with _whole(file):
        footer = pq.ParquetFile(_origin(file)).metadata
        for group in groups:
            columns = [footer.row_group(group).column(place) for place in range(footer.num_columns)]
            for column in columns:
                found = column.statistics if column.is_stats_set else None
                if found is not None and found.has_min_max and isinstance(found.min, int) and not isinstance(found.min, bool):
                    yield from ((column.path_in_schema, found.min), (column.path_in_schema, found.max))


def _origin(file: InputFile) -> Any:
    return str(file.path) if file.path is not None else pa.BufferReader(file.data)


@contextmanager
def _whole(file: InputFile) -> Iterator[None]:
    try:
        with readable(file.label):
            yield
    except pa.ArrowException as error:
        raise _damaged(file, error) from error
    except DataError as error:
        # Arrow reports some damage as an OSError without a number, which is none of the system's.
        if isinstance(error.__cause__, OSError) and error.__cause__.errno is None:
            raise _damaged(file, error.__cause__) from error
        raise


def _damaged(file: InputFile, error: Exception) -> DataError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
    return DataError(f"{file.label} is not a whole Parquet file: {reason}. Make it again, or give another format.")


def _kept(schema: pa.Schema, file: InputFile, reading: Reading) -> list[str]:
    kept = [field.name for field in schema if _is_kept(field.type) or (pa.types.is_struct(field.type) and _is_flat(field.type))]
    left = [f"'{field.name}' ({field.type})"[:80] for field in schema if field.name not in kept]
    if left:
        reading.notes.append(
            f"{file.label}: left out {', '.join(left[:20])}, as only text, numbers, dates, times, bytes and lists of numbers are kept."
        )
    return kept


def _is_kept(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_string(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _is_number(kind.value_type)
    return (
        _is_string(kind)
        or _is_number(kind)
        or types.is_boolean(kind)
        or types.is_timestamp(kind)
        or types.is_date(kind)
        or types.is_time(kind)
        or types.is_duration(kind)
        or types.is_decimal128(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_null(kind)
    )


def _is_flat(kind: pa.StructType) -> bool:
    return all(_is_kept(kind.field(position).type) for position in range(kind.num_fields))


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_float32(kind) or pa.types.is_float64(kind))


def _leaves(footer: pq.FileMetaData) -> list[str]:
    columns = [footer.schema.column(position) for position in range(footer.num_columns)]
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _belongs(path: str, kept: list[str]) -> bool:
    # The leaf of a nested column is called "column.leaf"; but a plain column may have a dot in its name, too.
    return any(path[:end] in kept for end, letter in enumerate(path + ".") if letter == ".")


def _footer_bytes(footer: pq.FileMetaData, groups: Sequence[int], kept: list[str]) -> int:
    total = 0
    for group in groups:
        for position in range(footer.num_columns):
            column = footer.row_group(group).column(position)
            if _belongs(column.path_in_schema, kept):
                # A list that repeats one number is tiny too, but the footer knows how many numbers there are.
                total += max(column.total_uncompressed_size, column.num_values * _WIDTHS.get(column.physical_type, 0))
    return total


def _batch_rows(probe: pq.ParquetFile, group: int, leaves: set[str]) -> int:
    footer = probe.metadata.row_group(group)
    longest = 1
    for position in range(footer.num_columns):
        column = footer.column(position)
        if column.path_in_schema in leaves:
            longest += _longest_repeat(probe, group, column)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // longest))


def _longest_repeat(probe: pq.ParquetFile, group: int, column: pq.ColumnChunkMetaData) -> int:
    if "DELTA_BYTE_ARRAY" in column.encodings:
        # Texts that share a beginning store it once; none is longer than the whole.
        return int(column.total_uncompressed_size)
    batch = next(probe.iter_batches(1, row_groups=[group], columns=[column.path_in_schema]), None)
    if batch is None:
        return 0
    array = batch.column(0)
    while pa.types.is_struct(array.type):
        array = array.field(0)
    if not pa.types.is_dictionary(array.type):
        return int(column.total_uncompressed_size)
    return int(pc.max(pc.binary_length(array.dictionary)).as_py() or 0)


def _table(table: pa.Table, file: InputFile) -> pa.Table:
    table = table.flatten()
    check_names(table.column_names, file)
    table.validate(full=True)  # Arrow reads bytes that are not UTF-8 as they are.
    columns = []
    for column in table.columns:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        columns.append(column.cast(pa.large_string()) if _is_string(kind) else column)
    return pa.table(columns, table.column_names)
