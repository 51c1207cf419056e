"""What reading a pool in pieces learns that only all pieces together decide: types of columns, ids, limits."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from craft_core.corpus.columns import MAX_COLUMNS, Columns, Limits
from craft_core.corpus.tables import as_text, common
from craft_core.errors import DataError

__all__ = ["Survey", "as_common", "check_totals", "common_types", "id_problem_of"]

_EXACT = 2**53  # whole numbers up to this are kept by float64
_MODE = b"craft"  # in the metadata of a field: how its values become text


@dataclass
class Survey:
    """Collect what is learned of a piece while it is read.

    Attributes
    ----------
    label : str
        What messages call its file, or its two files.
    input : int
        Place of its input among those given.
    n_rows, n_bytes, null_texts : int
        Rows, bytes after decompression, and texts that were null.
    notes : list of str
        What the reader decided.
    columns : dict
        By name, the types seen, as base64 of an Arrow schema.
    largest : dict
        By name of a column of whole numbers, the largest absolute value, as text.
    id_null : int or None
        The first row of the piece without an id, where there is a column of ids.
    has_id : bool
        Whether there is one, in every part of the piece.
    """

    label: str = ""
    input: int = 0
    n_rows: int = 0
    n_bytes: int = 0
    null_texts: int = 0
    notes: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    largest: dict[str, str] = field(default_factory=dict)
    id_null: int | None = None
    has_id: bool = True

    def record(self) -> dict[str, Any]:
        """Return plain values; `Survey(**record)` is the opposite."""
        return asdict(self)

    def see_schema(self, schema: pa.Schema) -> None:
        """Note the types of all columns of a part."""
        for one in schema:
            known, kind = self.columns.setdefault(one.name, []), _packed(one.type)
            if kind not in known:
                known.append(kind)

    def see_rows(self, table: pa.Table, columns: Columns) -> None:
        """Note the rows of a part."""
        for name in (columns.source, columns.target):
            self.null_texts += table.column(name).null_count
        for name in table.column_names:
            if pa.types.is_integer(table.schema.field(name).type):
                found = pc.min_max(table.column(name)).as_py()
                self.see_sizes([(name, found["min"] or 0), (name, found["max"] or 0)])
        name = columns.id or "id"
        if name not in table.column_names:
            self.has_id = False
        elif self.id_null is None and table.column(name).null_count:
            self.id_null = self.n_rows + int(pc.index(table.column(name).is_null(), True).as_py())
        self.n_rows += table.num_rows

    def see_sizes(self, numbers: Iterable[tuple[str, int]]) -> None:
        """Note whole numbers of columns, the smallest and the largest of each among them."""
        for name, number in numbers:
            self.largest[name] = str(max(abs(number), int(self.largest.get(name, "0"))))


def check_totals(surveys: Sequence[Survey], limits: Limits) -> None:
    """Hold all pieces together to the limits, and every input to having rows. Raises DataError as reading in one go does."""
    rows = size = 0
    per_input: dict[int, tuple[str, int]] = {}
    for one in surveys:
        rows, size = rows + one.n_rows, size + one.n_bytes
        if rows > limits.max_rows:
            raise DataError(f"{one.label} goes beyond the limit of {limits.max_rows:,} rows. Give fewer rows, or raise max_rows.")
        if size > limits.max_bytes:
            raise DataError(
                f"{one.label} goes beyond the limit of {limits.max_bytes:,} bytes after decompression. Give less data, or raise max_bytes."
            )
        per_input[one.input] = one.label, per_input.get(one.input, ("", 0))[1] + one.n_rows
    for label, n_rows in per_input.values():
        if not n_rows:
            raise DataError(f"{label} has no rows. Give a file with at least one.")


def common_types(surveys: Sequence[Survey], columns: Columns) -> pa.Schema:
    """Return the columns of the whole pool but for source and target, in the order they appear, as `tables.joined` types them.

    Raises
    ------
    DataError
        If there are more columns than are read.
    """
    names = dict.fromkeys(name for one in surveys for name in one.columns)
    if len(names) > MAX_COLUMNS:
        raise DataError(f"The pool has {len(names):,} columns over all rows. At most {MAX_COLUMNS:,} are read.")
    return pa.schema([_common(surveys, name) for name in names if name not in (columns.source, columns.target)])


def as_common(table: pa.Table, types: pa.Schema) -> pa.Table:
    """Return these columns of a part of the pool as the whole pool has them; null where the part lacks one."""
    columns = []
    for one in types:
        if one.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, one.type))
            continue
        column = table.column(one.name)
        plain = column.type in (one.type, pa.null()) or not (one.metadata or {}).get(_MODE)
        columns.append(column.cast(one.type) if plain else as_text(column))
    return pa.table(columns, schema=pa.schema([one.remove_metadata() for one in types]))


def id_problem_of(surveys: Sequence[Survey], types: pa.Schema, name: str, starts: Sequence[int]) -> str | None:
    """Say why a column cannot name the pairs, as `read` says it, but for values that stand twice; None where it can."""
    kind = types.field(name).type
    if not (pa.types.is_integer(kind) or kind == pa.large_string()):
        return f"The id column '{name}' is {kind}, neither text nor whole numbers."
    for one, start in zip(surveys, starts, strict=False):
        if one.n_rows and (not one.has_id or one.id_null is not None):
            return f"The id column '{name}' is null in row {int(start) + (one.id_null or 0):,}."
    return None


def _common(surveys: Sequence[Survey], name: str) -> pa.Field:
    kinds = list(dict.fromkeys(_kinds(surveys, name)))
    kind = common(kinds)
    if _loses(surveys, name, kinds, kind) or (kind == pa.large_string() and not all(map(_has_text, kinds))):
        return pa.field(name, pa.large_string(), metadata={_MODE: b"as it is shown"})
    return pa.field(name, kind)


def _kinds(surveys: Sequence[Survey], name: str) -> Iterator[pa.DataType]:
    for one in surveys:
        for packed in one.columns.get(name, ()):
            kind = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(packed))).field(0).type
            if kind != pa.null():
                yield kind


def _loses(surveys: Sequence[Survey], name: str, kinds: Sequence[pa.DataType], kind: pa.DataType) -> bool:
    """Return whether some whole number is too large for the type all parts have in common."""
    if len(kinds) < 2 or kind not in (pa.int64(), pa.float64()):
        return False
    most = _EXACT if kind == pa.float64() else 2**63 - 1
    return any(int(one.largest.get(name, "0")) > most for one in surveys)


def _has_text(kind: pa.DataType) -> bool:
    try:
        pa.array([], kind).cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _packed(kind: pa.DataType) -> str:
    return base64.b64encode(pa.schema([("", kind)]).serialize().to_pybytes()).decode()
