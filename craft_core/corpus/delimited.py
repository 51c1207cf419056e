"""CSV and TSV: every row has as many fields as the first, or the file is refused with the line number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain, islice

import pyarrow as pa

from craft_core.corpus.columns import MAX_COLUMNS, Limits
from craft_core.corpus.decode import TextBlock, text_blocks, without_trailing_blank_lines
from craft_core.corpus.files import InputFile, Reading
from craft_core.corpus.split import split_fields
from craft_core.errors import DataError

__all__ = ["check_names", "column_names", "read_csv", "read_tsv"]

MAX_FIELD = 16 * 2**20
BATCH_ROWS = 10_000


def read_tsv(file: InputFile, codec: str, header: bool, reading: Reading, names: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a tab-separated file; quotes are text. Raises DataError for a line with too few or too many fields.

    With `names`, those of the columns, every line is a row: the file is a part of another, behind its header.
    """
    blocks = without_trailing_blank_lines(text_blocks(file, codec, reading))
    first = next(blocks, None)
    if first is None:
        raise DataError(f"{file.label} is empty. Give a file with rows.")
    if names is None:
        line, _, rest = first.text.partition(b"\n")
        names = _names(_fields(line), header, file)
        if header:
            first = TextBlock(rest, first.line + 1)
    for block in chain([first], blocks):
        fields = split_fields(block.text, len(names))
        if fields is None:
            raise _ragged_tsv(block, len(names), file)
        reading.add(file.label, rows=len(fields[0]))
        yield pa.table(fields, names)


def column_names(file: InputFile, header: bool) -> list[str]:
    """Return the names of the columns of a tab-separated file in UTF-8."""
    first = next(text_blocks(file, "utf-8", Reading(Limits())))
    return _names(_fields(first.text.partition(b"\n")[0]), header, file)


def _fields(line: bytes) -> list[str]:
    return line.removesuffix(b"\r").decode().split("\t")


def read_csv(file: InputFile, codec: str, header: bool, reading: Reading) -> Iterator[pa.Table]:
    """Yield the rows of a comma-separated file, quoted as RFC 4180 says, also over several lines.

    Raises
    ------
    DataError
        For a row with too few or too many fields, a quote that is never closed, or text after a closing quote.
    """
    csv.field_size_limit(MAX_FIELD)  # for the whole process: the module has no limit of a single reader
    blocks = without_trailing_blank_lines(text_blocks(file, codec, reading))
    # StringIO with this newline breaks lines at "\n" only and leaves "\r\n" inside quotes as it is.
    lines = chain.from_iterable(io.StringIO(block.text.decode(), newline="\n") for block in blocks)
    rows = csv.reader(lines, strict=True)
    first = _csv_rows(rows, 1, 1, file)
    if not first:
        raise DataError(f"{file.label} is empty. Give a file with rows.")
    names = _names(first[0], header, file)
    line = rows.line_num + 1
    batch = [] if header else first
    yield _csv_table(batch, names, 1, file, reading)
    while batch := _csv_rows(rows, BATCH_ROWS, line, file):
        yield _csv_table(batch, names, line, file, reading)
        line = rows.line_num + 1


def check_names(names: list[str], file: InputFile) -> None:
    """Raise DataError for two columns of one name, or too many columns."""
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{file.label} has {len(names):,} columns. At most {MAX_COLUMNS:,} are read.")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"{file.label} has two columns called '{name[:80]}'. Rename one; or say that the file has no header line.")
        seen.add(name)


def _names(first: list[str], header: bool, file: InputFile) -> list[str]:
    if not any(first):
        raise DataError(f"{file.label}, line 1: blank. Begin the file with {'the names of the columns' if header else 'a row'}.")
    names = first if header else [str(number) for number in range(1, len(first) + 1)]
    check_names(names, file)
    return names


def _csv_rows(rows: Iterator[list[str]], n_rows: int, line: int, file: InputFile) -> list[list[str]]:
    taken: list[list[str]] = []
    try:
        taken.extend(islice(rows, n_rows))
    except csv.Error as error:
        # What was read before the mistake is still in the list, and leads to the line where the faulty row begins.
        start = line + sum(map(_n_lines, taken))
        raise DataError(
            f"{file.label}, row at line {start:,}: not quoted as CSV must be ({error}). Close and double the quotes, or give a TSV file."
        ) from error
    return taken


def _csv_table(rows: list[list[str]], names: list[str], line: int, file: InputFile, reading: Reading) -> pa.Table:
    if any(len(row) != len(names) for row in rows):
        bad = next(position for position, row in enumerate(rows) if len(row) != len(names))
        raise _ragged(file, line + sum(map(_n_lines, rows[:bad])), len(names), len(rows[bad]))
    reading.add(file.label, rows=len(rows))
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table([pa.array(column, pa.large_string()) for column in columns], names)


def _n_lines(row: list[str]) -> int:
    return 1 + sum(field.count("\n") for field in row)


def _ragged_tsv(block: TextBlock, n_fields: int, file: InputFile) -> DataError:
    for number, line in enumerate(block.text.split(b"\n"), block.line):
        found = line.count(b"\t") + 1
        if found != n_fields:
            return _ragged(file, number, n_fields, found if line.strip(b"\r") else 0)
    raise AssertionError("every line has its fields")  # unreachable: called where one has not


def _ragged(file: InputFile, line: int, expected: int, found: int) -> DataError:
    advice = "Quote fields that hold commas" if file.suffix == ".csv" else "Remove tabs from the texts"
    what = f"{found} fields" if found != 1 else "1 field"
    what = "a blank line" if found == 0 else what
    return DataError(f"{file.label}, line {line:,}: {what} where the first line has {expected}. {advice}, or correct this line.")
