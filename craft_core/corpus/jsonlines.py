"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow as pa

from craft_core.corpus.decode import TextBlock, text_blocks
from craft_core.corpus.delimited import check_names
from craft_core.corpus.files import InputFile, Reading
from craft_core.errors import DataError

__all__ = ["read_jsonl"]

_ABSENT = object()
Record = dict[str, Any]


def read_jsonl(file: InputFile, codec: str, texts: tuple[str, ...], required: tuple[str, ...], reading: Reading) -> Iterator[pa.Table]:
    """Yield the objects of a JSON Lines file as rows; blank lines are none.

    Numbers, strings and booleans keep their type where a column has only one; nested values become JSON text.

    Parameters
    ----------
    file, codec, reading
        What is read, its encoding, and the counts held to the limits.
    texts : tuple of str
        Keys every object must have, with text or null.
    required : tuple of str
        Further keys every object must have.

    Raises
    ------
    DataError
        With the line number, for what is no object, lacks a key, or has a text that is none.
    """
    is_empty = True
    for block in text_blocks(file, codec, reading):
        records = _records(block, file)
        if records:
            is_empty = False
            reading.add(file.label, rows=len(records))
            _check_keys(records, texts, required, block, file)
            yield _table(records, block, file)
    if is_empty:
        raise DataError(f"{file.label} is empty. Give a file with one JSON object a line.")


def _records(block: TextBlock, file: InputFile) -> list[Record]:
    lines = [line for line in map(_stripped, block.text.decode().split("\n")) if line]
    try:
        # One call for the whole block is twice as fast as one a line.
        records: list[Record] = json.loads("[" + ",".join(lines) + "]")
    except (ValueError, RecursionError):
        return _line_by_line(block, file)
    is_plain = len(records) == len(lines) and all(line[0] == "{" and line[-1] == "}" for line in lines)
    return records if is_plain else _line_by_line(block, file)


def _line_by_line(block: TextBlock, file: InputFile) -> list[Record]:
    records = []
    for number, line in _numbered(block):
        try:
            record = json.loads(line)
        except RecursionError as error:
            raise DataError(f"{file.label}, line {number:,}: JSON nested too deeply. Give one flat object a line.") from error
        except ValueError as error:
            raise DataError(f"{file.label}, line {number:,}: not JSON ({error}). Give one object a line.") from error
        if not isinstance(record, dict):
            raise DataError(f"{file.label}, line {number:,}: not an object but {_shown(record)}. Give one object a line.")
        records.append(record)
    return records


def _check_keys(records: list[Record], texts: tuple[str, ...], required: tuple[str, ...], block: TextBlock, file: InputFile) -> None:
    for key in (*texts, *required):
        values = [record.get(key, _ABSENT) for record in records]
        kinds = set(map(type, values))
        if object in kinds:
            position = values.index(_ABSENT)
            known = ", ".join(f"'{name[:40]}'" for name in list(records[position])[:20])
            raise DataError(f"{file.label}, line {_line_of(position, block):,}: no '{key}'. The object has: {known or 'nothing'}.")
        if key in texts and not kinds <= {str, type(None)}:
            position = next(i for i, value in enumerate(values) if not isinstance(value, str | None))
            where = f"{file.label}, line {_line_of(position, block):,}"
            raise DataError(f"{where}: '{key}' must be text. Got {_shown(values[position])}. Choose another column.")


def _table(records: list[Record], block: TextBlock, file: InputFile) -> pa.Table:
    names = list(dict.fromkeys(chain.from_iterable(records)))
    check_names(names, file)
    try:
        return pa.table([_column([record.get(name) for record in records]) for name in names], names)
    except UnicodeEncodeError as error:
        position = next(i for i, record in enumerate(records) if not _is_text(json.dumps(record, ensure_ascii=False)))
        line = _line_of(position, block)
        raise DataError(f"{file.label}, line {line:,}: half a surrogate pair, which is no character. Mend this line.") from error


def _column(values: list[Any]) -> pa.Array:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {str}:
        return pa.array(values, pa.large_string())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {int, float}:
        try:
            return pa.array(values, pa.int64() if kinds == {int} else pa.float64())
        except (OverflowError, pa.ArrowInvalid):
            pass  # A whole number too large to be kept exactly stays as it was written.
    shown = [value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    return pa.array(shown, pa.large_string())


def _stripped(line: str) -> str:
    return line.strip(" \t\r")


def _numbered(block: TextBlock) -> Iterator[tuple[int, str]]:
    lines = map(_stripped, block.text.decode().split("\n"))
    return ((number, line) for number, line in enumerate(lines, block.line) if line)


def _line_of(position: int, block: TextBlock) -> int:
    return [number for number, _ in _numbered(block)][position]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:80] + "…"
