"""An export opened again: what a run chose and how good it is, from its folder alone, however large the pool was.

The folder comes from outside: sizes are capped, nothing is run, and what was changed since it was written is said.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector, frozen
from craft_core.corpus import Columns, InputFile, Limits, file_digest, on_disk
from craft_core.corpus.files import Reading
from craft_core.corpus.read import side_lines, tables
from craft_core.describe import ClusterNames, Words
from craft_core.errors import CraftError, DataError
from craft_core.export.clusters import CLUSTERS
from craft_core.export.formats import subset_names
from craft_core.export.manifest import MANIFEST, Manifest, read_manifest
from craft_core.export.told import Told, told_of

__all__ = ["MOST_PAIRS", "Opened", "open_folder"]

MOST_PAIRS = 100_000
"""Chosen pairs that are read to be looked through."""

_MOST_TEXT = 128 * 2**20  # bytes of texts that are read to be looked through
_LARGEST = 64 * 2**20  # bytes of a manifest or a table of clusters
_LARGEST_HASHED = 512 * 2**20  # bytes of a file whose hash is compared: half a second
_LONGEST_LIST = 2**30  # bytes of a list of rows: 134 million
_SELECTION, _ROWS = "selection.parquet", "indices.npy"
_NUMBERS = {"rank": "i", "row": "i", "cluster": "i", "score": "f", "frequency": "f"}
_COUNTS = ("supply", "validation pairs", "count")


@dataclass(frozen=True, eq=False)
class Opened:
    """Hold what an export's folder says.

    Attributes
    ----------
    folder : Path
        Where it is.
    manifest : Manifest
        As it was written.
    told : Told
        What the manifest tells people.
    allocation : Allocation
        What each cluster gave.
    words : tuple of Words
        Of the clusters, both sides.
    names : ClusterNames
        What people called them.
    changed : tuple of str
        A sentence for each file that is not as it was written.
    unchecked : tuple of str
        Files too large to be hashed here; their sizes are as they were written.
    root : Path or None
        What all files must lie in; None for anywhere.
    """

    folder: Path
    manifest: Manifest
    told: Told
    allocation: Allocation
    words: tuple[Words, Words]
    names: ClusterNames
    changed: tuple[str, ...]
    unchecked: tuple[str, ...] = ()
    root: Path | None = None

    @cached_property
    def pairs(self) -> pa.Table:
        """The chosen pairs, the best first, at most `MOST_PAIRS` and 128 MiB of text; read when first asked for.

        Columns are rank, source, target, score, where known frequency, cluster and row (of the pool as given, from 0), then the further
        columns of the data.

        Raises
        ------
        DataError
            If a file is missing or cannot be read.
        """
        columns = self.manifest.config.columns
        files = [on_disk(_file(self.folder, name, self.root)) for name in subset_names(self.manifest.config.export.format)]
        texts = _first_lines(files, columns) if len(files) > 1 else _first_rows(files[0], columns)
        numbers = self._numbers(texts.num_rows)
        sides = {"source": columns.source, "target": columns.target}
        for name in (name for name in sides.values() if name not in texts.column_names):
            raise DataError(f"{files[0].label} has no column '{name[:80]}'. Make the export again.")
        found = {"rank": numbers["rank"]} | {side: texts.column(name) for side, name in sides.items()}
        found |= {name: numbers[name] for name in ("score", "frequency", "cluster", "row") if name in numbers}
        further = (name for name in texts.column_names if name not in sides.values())
        return pa.table(found | {(name if name not in found else f"{name} (column)"): texts.column(name) for name in further})

    @property
    def rows(self) -> IntVector:
        """The rows of the pool as given, from 0, best first. Raises DataError if the file is missing or is no such list."""
        path = _file(self.folder, _ROWS, self.root)
        if path.stat().st_size > _LONGEST_LIST:
            raise DataError(f"The file '{_ROWS}' of '{self.folder.name}' is too large to be compared here. Use verify on the command line.")
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, OverflowError) as error:
            raise DataError(f"The file '{_ROWS}' of '{self.folder.name}' is no list of rows. Make the export again.") from error
        if not isinstance(found, np.ndarray) or found.ndim != 1 or found.dtype.kind != "i":
            raise DataError(f"The file '{_ROWS}' of '{self.folder.name}' is no list of rows. Make the export again.")
        return frozen(np.array(found, np.int64))

    def _numbers(self, n_rows: int) -> dict[str, pa.Array]:
        """Return rank, score, cluster and row of the first chosen pairs."""
        path = _file(self.folder, _SELECTION, self.root)
        try:
            with pq.ParquetFile(path) as file:
                found = _first_numbers(file, n_rows)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"The file '{_SELECTION}' of '{self.folder.name}' cannot be read. Make the export again.") from error
        if found is None or found.num_rows < n_rows:
            raise DataError(f"The file '{_SELECTION}' of '{self.folder.name}' does not fit the subset. Make the export again.")
        numbers = {name: found.column(name).slice(0, n_rows) for name in found.column_names}
        clusters = numbers["cluster"].to_numpy()
        if len(clusters) and not 0 <= clusters.min() <= clusters.max() < len(self.allocation.counts):
            raise DataError(f"The file '{_SELECTION}' of '{self.folder.name}' names clusters that are not there. Make the export again.")
        return numbers


def open_folder(folder: Path, root: Path | None = None) -> Opened:
    """Open an export.

    Parameters
    ----------
    folder : Path
        With the files that `select` writes.
    root : Path or None
        What all of them must lie in, links followed; None for anywhere.

    Raises
    ------
    DataError
        If there is no manifest, or it or the table of clusters is missing or damaged. Other files are told of in `Opened.changed`.
    ParameterError
        If the manifest has settings that are refused.
    """
    folder = folder.resolve()
    manifest = _manifest(_bytes(folder, MANIFEST, root))
    told = told_of(manifest.record)
    table = _clusters(_bytes(folder, CLUSTERS, root))
    supply, validation, counts = (_whole(table, name) for name in _COUNTS)
    if (counts > supply).any():
        raise _damaged("a cluster gave more pairs than it had")
    source, target = (tuple(tuple(row[f"{side} words"].split()) for row in table) for side in ("source", "target"))
    names = ClusterNames.of({number: row["name"] for number, row in enumerate(table) if row["name"]})
    allocation = Allocation(max(told.budget, 1), frozen(counts), frozen(supply), frozen(validation))
    changed, unchecked = _changes(folder, manifest, root)
    return Opened(folder, manifest, told, allocation, (source, target), names, changed, unchecked, root)


def _file(folder: Path, name: str, root: Path | None) -> Path:
    path = folder / name
    if not path.is_file():
        raise DataError(f"The folder '{folder.name}' has no file '{name}'. Give a folder that 'select' wrote.")
    if root is not None and not path.resolve().is_relative_to(root):
        raise DataError(f"The file '{name}' of '{folder.name}' leads out of the folder that data may be read from. It is not opened.")
    return path


def _bytes(folder: Path, name: str, root: Path | None) -> bytes:
    path = _file(folder, name, root)
    if path.stat().st_size > _LARGEST:
        raise DataError(f"The file '{name}' has {path.stat().st_size:,} bytes, more than any export's. It is not opened.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"The file '{name}' of '{folder.name}' cannot be read: {error.strerror or error}.") from error


def _manifest(text: bytes) -> Manifest:
    try:
        return read_manifest(text)
    except CraftError:
        raise
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError("The manifest is damaged: a number or a name in it is not as a run writes it.") from error


def _clusters(text: bytes) -> list[dict[str, str]]:
    try:
        lines = io.StringIO(text.decode(), newline="")
        found = list(csv.DictReader(lines, delimiter="\t", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _damaged("it is no table") from error
    needed = {"cluster", "name", "source words", "target words", *_COUNTS}
    if not found or not needed <= set(found[0]):
        raise _damaged("columns or rows are missing")
    if any(None in row or None in row.values() for row in found):
        raise _damaged("its rows are not equally long")
    if [row["cluster"] for row in found] != [str(number) for number in range(len(found))]:
        raise _damaged("its clusters are not numbered from 0")
    return found


def _whole(table: list[dict[str, str]], name: str) -> IntVector:
    wrong = f"'{name}' holds something else than numbers of pairs"
    try:
        numbers = np.array([int(row[name]) for row in table], np.int64)
    except (ValueError, OverflowError) as error:
        raise _damaged(wrong) from error
    if (numbers < 0).any() or (numbers >= 2**53 // len(numbers)).any():  # their sum is exact in every kind of number
        raise _damaged(wrong)
    return numbers


def _damaged(what: str) -> DataError:
    return DataError(f"The file '{CLUSTERS}' is not as it was written: {what}. Make the export again.")


def _changes(folder: Path, manifest: Manifest, root: Path | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a sentence for each file that is not as it was written, and the names of those too large to be hashed."""
    sizes = {one["name"]: one.get("bytes") for one in manifest.record["outputs"]}
    said, unchecked = [], []
    for name, digest in manifest.outputs.items():
        try:
            path = _file(folder, name, root)
            size = path.stat().st_size
            if size == sizes[name] and size > _LARGEST_HASHED:
                unchecked.append(name)
            elif size != sizes[name] or file_digest(path) != digest:
                said.append(f"The file '{name}' was changed after the run wrote it.")
        except CraftError as error:
            said.append(str(error))
    return tuple(said), tuple(unchecked)


def _first_rows(file: InputFile, columns: Columns) -> pa.Table:
    """Return the first rows of a subset that is one table. It is in UTF-8 and has a header, whatever the pool had."""
    written = Columns(columns.source, columns.target)
    parts: list[pa.Table] = []
    rows = size = 0
    for table in tables(file, written, Reading(Limits()), (), ()):
        parts.append(table.slice(0, MOST_PAIRS - rows))
        rows, size = rows + table.num_rows, size + table.nbytes
        if rows >= MOST_PAIRS or size >= _MOST_TEXT:
            break
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(f"{file.label} is not as it was written: a column changes its kind. Make the export again.") from error


def _first_lines(files: list[InputFile], columns: Columns) -> pa.Table:
    """Return the first lines of two files aligned by line."""
    written = Columns()
    sides = [pa.chunked_array(list(_enough(side_lines(file, written, Reading(Limits())))), pa.large_string()) for file in files]
    n_rows = min(map(len, sides))
    return pa.table([side.slice(0, n_rows) for side in sides], [columns.source, columns.target])


def _enough(blocks: Iterator[pa.Array]) -> Iterator[pa.Array]:
    rows = size = 0
    for block in blocks:
        yield block.slice(0, MOST_PAIRS - rows)
        rows, size = rows + len(block), size + block.nbytes
        if rows >= MOST_PAIRS or size >= _MOST_TEXT:
            return


def _first_numbers(file: pq.ParquetFile, n_rows: int) -> pa.Table | None:
    """Return the columns of numbers with at least so many rows; None where one is missing or holds something else."""
    types: dict[str, Any] = {one.name: one.type for one in file.schema_arrow}
    wanted = [name for name in _NUMBERS if name in types or name != "frequency"]
    fits = {"i": pa.types.is_integer, "f": pa.types.is_floating}
    if not all(name in types and fits[_NUMBERS[name]](types[name]) for name in wanted):
        return None
    parts, rows = [], 0
    for batch in file.iter_batches(65_536, columns=wanted):
        parts.append(batch)
        rows += len(batch)
        if rows >= n_rows:
            break
    found = pa.Table.from_batches(parts) if parts else file.schema_arrow.empty_table().select(wanted)
    return None if any(column.null_count for column in found.columns) else found
