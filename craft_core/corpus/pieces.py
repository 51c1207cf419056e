"""The pool cut into pieces that can be read apart from each other, each in bounded memory, with the rows that reading in one go gives."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from craft_core.corpus.columns import Columns, Limits
from craft_core.corpus.decode import text_blocks, text_encoding
from craft_core.corpus.delimited import column_names, read_tsv
from craft_core.corpus.files import InputFile, ParallelText, Reading, on_disk, readable
from craft_core.corpus.hashes import text_hashes
from craft_core.corpus.jsonlines import read_jsonl
from craft_core.corpus.parquet import read_parquet, whole_numbers, whole_schema
from craft_core.corpus.read import check_columns, label_of, labelled, lines_differ, side_lines, tables
from craft_core.corpus.survey import Survey
from craft_core.errors import DataError

__all__ = ["Piece", "cut", "id_hashes", "read_piece"]

_LOOKED_AT = 1 << 16  # bytes in which the end of a line is looked for at a time
_MOST_LOOKED_AT = 1 << 24
_LINE_ROWS = 65_536
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Piece:
    """Name a part of one input.

    Attributes
    ----------
    number : int
        Place among all pieces of the pool.
    input : int
        Place of its input among those given.
    paths, labels : tuple of str
        Its file, or the two of line-aligned text, and what messages call them.
    start, stop : int
        Row groups of a Parquet file, bytes of a text file; stop is -1 where the whole is read in one go.
    """

    number: int
    input: int
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    start: int = 0
    stop: int = -1


@dataclass(frozen=True)
class _Part(InputFile):
    """Some whole lines of a text file."""

    start: int = 0
    stop: int = 0

    @property
    def size(self) -> int:
        """Bytes of the part."""
        return self.stop - self.start

    def open(self) -> BinaryIO:
        """Open the part."""
        stream = super().open()
        stream.seek(self.start)
        return io.BufferedReader(_Window(stream, self.size), 1 << 20)


class _Window(io.RawIOBase):
    """The next so many bytes of a stream."""

    def __init__(self, stream: BinaryIO, left: int) -> None:
        self._stream, self._left, self._at = stream, left, 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        found = self._stream.read(min(len(buffer), self._left))
        buffer[: len(found)] = found
        self._left -= len(found)
        self._at += len(found)
        return len(found)

    def close(self) -> None:
        self._stream.close()
        super().close()


def cut(files: Sequence[InputFile | ParallelText], columns: Columns, piece_bytes: int) -> tuple[Piece, ...]:
    """Cut the inputs of a pool, in their order.

    Parquet is cut between row groups; plain TSV and JSON Lines in UTF-8 between lines. Packed files, CSV (whose rows may go over lines),
    text in other encodings and pairs of line-aligned files are one piece each, read in blocks.

    Parameters
    ----------
    files : sequence of InputFile or ParallelText
        On disk.
    columns : Columns
        Which encoding text has.
    piece_bytes : int
        Bytes of a piece, about; of Parquet, as they are when unpacked.

    Raises
    ------
    DataError
        For a file that cannot be opened, or is of no format that is read.
    """
    pieces: list[Piece] = []
    for number, given in enumerate(labelled(files)):
        singles = (given.source, given.target) if isinstance(given, ParallelText) else (given,)
        paths, labels = tuple(str(one.path) for one in singles), tuple(one.label for one in singles)
        for span in _spans(given, columns, piece_bytes):
            pieces.append(Piece(len(pieces), number, paths, labels, *span))
    return tuple(pieces)


def read_piece(
    piece: Piece, columns: Columns, limits: Limits, only: tuple[str, ...] | None = None, survey: Survey | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of a piece in tables of bounded size.

    Parameters
    ----------
    piece : Piece
        Of `cut`.
    columns, limits : Columns, Limits
        As for `read_corpus`.
    only : tuple of str or None
        Further columns that are wanted, where they exist; None for all. Parquet then reads no others.
    survey : Survey or None
        Takes note of what is read.

    Raises
    ------
    DataError
        As `read_corpus`, with the line where it would be.
    """
    given, reading = _given(piece), Reading(limits)
    survey = Survey() if survey is None else survey
    survey.label, survey.input = label_of(given), piece.input
    if piece.stop >= 0 and not piece.paths[0].lower().endswith(".parquet"):
        rows = _part_of_text(piece, columns, reading)
    elif piece.stop >= 0:
        assert isinstance(given, InputFile)  # noqa: S101 -- no two files are of Parquet
        groups, names = range(piece.start, piece.stop), None if only is None else (columns.source, columns.target, *only)
        survey.see_schema(whole_schema(given))
        survey.see_sizes(whole_numbers(given, groups))
        rows = read_parquet(given, reading, groups, names)
    elif isinstance(given, ParallelText):
        rows = _side_by_side(given, columns, limits, reading)
    else:
        rows = tables(given, columns, reading, (columns.source, columns.target), (columns.id,) if columns.id else ())
    wanted = None if only is None else {columns.source, columns.target, *only}
    for table in rows:
        check_columns(table, columns, survey.label)
        survey.see_schema(table.schema)
        survey.see_rows(table, columns)
        yield table if wanted is None else table.select([name for name in table.column_names if name in wanted])
    survey.n_bytes, survey.notes = reading.bytes, list(reading.notes)


def id_hashes(column: pa.ChunkedArray) -> pa.LargeStringArray:
    """Return a hash of each id, shape (n,), uint64: of its text, so that numbers and texts that read alike are alike."""
    texts = column.cast(pa.large_string()) if _has_text(column.type) else pa.chunked_array([pa.nulls(len(column), pa.large_string())])
    return text_hashes(pc.fill_null(pa.concat_arrays(texts.chunks) if texts.num_chunks != 1 else texts.chunk(0), ""))


def _has_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_large_string(kind) or pa.types.is_string(kind))


def _given(piece: Piece) -> InputFile | ParallelText:
    files = [replace(on_disk(Path(path)), label=label) for path, label in zip(piece.paths, piece.labels, strict=True)]
    return files[0] if len(files) == 1 else ParallelText(files[0], files[1])


def _spans(given: InputFile | ParallelText, columns: Columns, piece_bytes: int) -> list[tuple[int, int]]:
    if isinstance(given, ParallelText) or given.gzipped:
        return [(0, -1)]
    if given.suffix == ".parquet":
        return _groups(given, columns, piece_bytes)
    if given.suffix in (".tsv", ".jsonl", ".ndjson") and given.size > piece_bytes and text_encoding(given, columns.encoding) == "utf-8":
        return _lines(given, piece_bytes)
    return [(0, -1)]


def _groups(file: InputFile, columns: Columns, piece_bytes: int) -> list[tuple[int, int]]:
    """Join row groups up to the size; a Parquet file that is not whole is one piece, as reading says best what is wrong."""
    try:
        with readable(file.label):
            footer = pq.read_metadata(str(file.path))
    except (pa.ArrowException, DataError):
        return [(0, -1)]
    spans, start, size = [], 0, 0
    for group in range(footer.num_row_groups):
        found = footer.row_group(group)
        parts = [found.column(place) for place in range(found.num_columns)]
        own = sum(one.total_uncompressed_size for one in parts if one.path_in_schema in (columns.source, columns.target))
        if group > start and size + own > piece_bytes:
            spans.append((start, group))
            start, size = group, 0
        size += own
    return [*spans, (start, footer.num_row_groups)]


def _lines(file: InputFile, piece_bytes: int) -> list[tuple[int, int]]:
    """Cut between two lines neither of which is blank: blank lines are rows, faults or nothing, depending on what stands around them."""
    cuts = [0]
    with readable(file.label), file.open() as stream:
        while cuts[-1] + piece_bytes < file.size:
            found = _next_line(stream, cuts[-1] + piece_bytes)
            if found is None:
                break
            cuts.append(found)
    return list(zip(cuts, [*cuts[1:], file.size], strict=True))


def _next_line(stream: BinaryIO, position: int) -> int | None:
    stream.seek(position)
    seen = b""
    while len(seen) < _MOST_LOOKED_AT and (more := stream.read(_LOOKED_AT)):
        start = max(len(seen) - 8, 0)
        seen += more
        while (end := seen.find(b"\n", start)) >= 0:
            before, after = seen[:end].removesuffix(b"\r")[-1:], seen[end + 1 : end + 4]
            if len(after) < 3:
                break
            if before not in (b"", b"\n") and after[:1] not in (b"\r", b"\n") and after != _MARK:
                return position + end + 1
            start = end + 1
    return None


def _part_of_text(piece: Piece, columns: Columns, reading: Reading) -> Iterator[pa.Table]:
    file = _given(piece)
    assert isinstance(file, InputFile)  # noqa: S101 -- two files are not cut
    own = _Part(file.label, file.suffix, file.gzipped, file.path, None, piece.start, piece.stop)
    try:
        if file.suffix == ".tsv":
            names = None if piece.start == 0 else column_names(file, columns.header)
            yield from read_tsv(own, "utf-8", columns.header, reading, names)
        else:
            yield from read_jsonl(own, "utf-8", (columns.source, columns.target), (columns.id,) if columns.id else (), reading)
    except DataError:
        # the line is counted from the beginning of the file, so that is read, too; lines of blanks alone are no rows of JSON Lines
        for _ in tables(file, columns, Reading(reading.limits), (columns.source, columns.target), (columns.id,) if columns.id else ()):
            pass
        if file.suffix == ".tsv" or any(block.text.strip() for block in text_blocks(own, "utf-8", Reading(reading.limits))):
            raise


def _side_by_side(given: ParallelText, columns: Columns, limits: Limits, reading: Reading) -> Iterator[pa.Table]:
    """Yield the lines of two files, so many at a time."""
    other = Reading(limits)  # rows are counted once, though each has a line in both files
    sides = [_Lines(side_lines(file, columns, own)) for file, own in ((given.source, reading), (given.target, other))]
    while True:
        size = min(one.ready() for one in sides)
        if not size:
            break
        yield pa.table([one.take(size) for one in sides], [columns.source, columns.target])
    left = [one.n_taken + one.rest() for one in sides]
    if left[0] != left[1]:
        raise lines_differ(given, *left)
    reading.bytes += other.bytes


class _Lines:
    """Lines that come in blocks and are taken in others."""

    def __init__(self, blocks: Iterator[pa.LargeStringArray]) -> None:
        self._blocks, self._ready = blocks, pa.array([], pa.large_string())
        self.n_taken = 0

    def ready(self) -> int:
        """Return how many lines can be taken: some, unless there are no more."""
        while not len(self._ready) and (block := next(self._blocks, None)) is not None:
            self._ready = block
        return min(len(self._ready), _LINE_ROWS)

    def take(self, size: int) -> pa.LargeStringArray:
        taken, self._ready = self._ready.slice(0, size), self._ready.slice(size)
        self.n_taken += size
        return taken

    def rest(self) -> int:
        """Count the lines that were not taken."""
        return len(self._ready) + sum(map(len, self._blocks))
