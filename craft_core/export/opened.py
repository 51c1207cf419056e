"""An export opened again: what a run chose and how good it is, from its folder alone, however large the pool was.

The folder comes from outside: sizes are capped, nothing is run, and what was changed since it was written is said.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector
from craft_core.corpus import ParallelText, file_digest, on_disk
from craft_core.corpus.preview import preview
from craft_core.describe import ClusterNames, Words
from craft_core.discrepancy import Anchors, Energy
from craft_core.errors import DataError
from craft_core.export.clusters import CLUSTERS
from craft_core.export.formats import subset_names
from craft_core.export.manifest import MANIFEST, Manifest, read_manifest

__all__ = ["SHOWN_PAIRS", "Opened", "open_folder"]

SHOWN_PAIRS = 2_000
"""Chosen pairs that are read to be shown."""

_LARGEST = 64 * 2**20  # bytes of a manifest or a table of clusters
_COUNTS = ("supply", "validation pairs", "count")
_SIDES = ("source", "target", "joint")


@dataclass(frozen=True, eq=False)
class Opened:
    """Hold what an export's folder says.

    Attributes
    ----------
    folder : Path
        Where it is.
    manifest : Manifest
        As it was written.
    allocation : Allocation
        What each cluster gave.
    words : tuple of Words
        Of the clusters, both sides.
    names : ClusterNames
        What people called them.
    changed : tuple of str
        A sentence for each file that is not as it was written.
    """

    folder: Path
    manifest: Manifest
    allocation: Allocation
    words: tuple[Words, Words]
    names: ClusterNames
    changed: tuple[str, ...]

    @property
    def counts(self) -> Mapping[str, Any]:
        """Pairs read, dropped and used, of each role; pairs chosen and the budget."""
        return _mapping(self.manifest.record, "counts")

    @property
    def metrics(self) -> Mapping[str, Any]:
        """How good the selection is, as the manifest has it."""
        return _mapping(self.manifest.record, "metrics")

    @cached_property
    def energy(self) -> tuple[Energy, Anchors] | None:
        """The distance to held-out pairs and its anchors; None where it was not measured."""
        found, anchors = self.metrics.get("energy_distance"), self.metrics.get("anchors")
        if not isinstance(found, dict) or not isinstance(anchors, dict):
            return None
        return _energy(found), Anchors(*(_energy(_mapping(anchors, name)) for name in ("half_against_half", "random", "pool")))

    @cached_property
    def pairs(self) -> pa.Table:
        """The first chosen pairs with rank, cluster, score and row of the pool, and their columns; at most `SHOWN_PAIRS`.

        Raises
        ------
        DataError
            If a file is missing or cannot be read.
        """
        names = subset_names(self.manifest.config.export.format)
        files = [on_disk(self.folder / name) for name in names]
        given = files[0] if len(files) == 1 else ParallelText(files[0], files[1])
        texts = preview(given, self.manifest.config.columns, SHOWN_PAIRS).rows
        chosen = self._chosen(texts.num_rows)
        columns = {name: chosen.column(name) for name in ("rank", "cluster", "score", "row") if name in chosen.column_names}
        return pa.table(columns | {name: texts.column(name) for name in texts.column_names if name not in columns})

    @property
    def rows(self) -> IntVector:
        """The rows of the pool as given, best first. Raises DataError if the file is missing or is no such list."""
        path = self.folder / "indices.npy"
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"The file '{path.name}' of '{self.folder.name}' cannot be read: {error}.") from error
        if found.ndim != 1 or found.dtype.kind != "i":
            raise DataError(f"The file '{path.name}' of '{self.folder.name}' is no list of rows.")
        return np.asarray(found, np.int64)

    def _chosen(self, n_rows: int) -> pa.Table:
        path = self.folder / "selection.parquet"
        try:
            with pq.ParquetFile(path) as file:
                first = next(file.iter_batches(max(n_rows, 1)), None)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"The file '{path.name}' of '{self.folder.name}' cannot be read: {str(error).splitlines()[0]}.") from error
        if first is None or len(first) < n_rows:
            raise DataError(f"The file '{path.name}' of '{self.folder.name}' has fewer rows than the subset. Make the export again.")
        return pa.table(first).slice(0, n_rows)


def open_folder(folder: Path) -> Opened:
    """Open an export.

    Parameters
    ----------
    folder : Path
        With the files that `select` writes.

    Raises
    ------
    DataError
        If there is no manifest, or a file is missing or damaged.
    ParameterError
        If the manifest has settings that are refused.
    """
    manifest = read_manifest(_bytes(folder / MANIFEST))
    table = _clusters(folder / CLUSTERS)
    supply, validation, counts = (_whole(table, name) for name in _COUNTS)
    budget = int(_mapping(manifest.record, "counts").get("budget", manifest.config.budget))
    words = tuple(tuple(tuple(row[f"{side} words"].split()) for row in table) for side in ("source", "target"))
    changed = tuple(_changes(folder, manifest))
    names = ClusterNames.of({number: row["name"] for number, row in enumerate(table) if row["name"]})
    return Opened(folder, manifest, Allocation(budget, counts, supply, validation), (words[0], words[1]), names, changed)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"The file '{path.name}' has {path.stat().st_size:,} bytes, more than any export's. It is not opened.")
        return path.read_bytes()
    except OSError as error:
        said = f"The folder '{path.parent.name}' has no '{path.name}' that can be read ({error.strerror or error})"
        raise DataError(f"{said}. Give the folder that 'select' wrote.") from error


def _clusters(path: Path) -> list[dict[str, str]]:
    try:
        lines = io.StringIO(_bytes(path).decode(), newline="")
        found = list(csv.DictReader(lines, delimiter="\t", restval="", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The file '{path.name}' of '{path.parent.name}' is not as it was written: {error}.") from error
    needed = {"name", "source words", "target words", *_COUNTS}
    if not found or not needed <= set(found[0]):
        raise DataError(f"The file '{path.name}' of '{path.parent.name}' is not as it was written: columns are missing. Make it again.")
    return found


def _whole(table: list[dict[str, str]], name: str) -> IntVector:
    try:
        numbers = np.array([int(row[name]) for row in table], np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"The file '{CLUSTERS}' is not as it was written: '{name}' holds something else than pairs. Make it again."
        ) from error
    if (numbers < 0).any():
        raise _damaged(name)
    return numbers


def _damaged(column: str) -> DataError:
    return DataError(f"The file '{CLUSTERS}' is not as it was written: '{column}' holds something else than numbers of pairs.")


def _changes(folder: Path, manifest: Manifest) -> list[str]:
    said = []
    for name, digest in manifest.outputs.items():
        path = folder / name
        if not path.is_file():
            said.append(f"'{name}' is missing from the folder.")
        elif file_digest(path) != digest:
            said.append(f"'{name}' was changed after the run wrote it.")
    return said


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    if not isinstance(found, Mapping):
        raise DataError(f"The manifest is damaged: its '{name}' is not as it was written.")
    return found


def _energy(record: Mapping[str, Any]) -> Energy:
    try:
        return Energy(*(float(record[side]) for side in _SIDES))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError("The manifest is damaged: its distances are not as they were written.") from error
