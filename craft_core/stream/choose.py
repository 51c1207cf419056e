"""The second pass over a piece: vectors, clusters, scores; of a cluster only pairs are kept that some allocation may take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, LabelVector
from craft_core.cluster import assign
from craft_core.corpus.sift import Marks
from craft_core.corpus.survey import as_common
from craft_core.discrepancy import MAX_LABELS, MAX_ROWS
from craft_core.draws import drawn_first, uniforms_of
from craft_core.stream.model import Model
from craft_core.stream.place import Writer
from craft_core.stream.plan import Plan
from craft_core.stream.scan import Block, Keys, blocks_of
from craft_core.whatif import rank

__all__ = ["ROW", "SOURCE", "TARGET", "VECTORS", "Drawn", "Tops", "choose_piece"]

ROW = "\0row"
"""The column of a kept pair that holds its row of the pool as given; no column of a file can be called so in earnest."""

SOURCE, TARGET = "\0s", "\0t"
"""The columns of its texts."""

VECTORS = ("\0source", "\0target")
"""The columns that hold the vectors of a kept pair, where they are kept."""

_SLACK = 32_768  # pairs that may be kept in excess before they are sorted out


class Tops:
    """Keep the best pairs of each cluster, as many as it may be asked for.

    Parameters
    ----------
    ceilings : IntVector
        Shape (n_clusters,): pairs wanted of each at most; see `allocate.ceilings`.
    """

    def __init__(self, ceilings: IntVector) -> None:
        self.ceilings = ceilings
        self.rows, self.labels, self.scores = np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
        self._least = np.full(len(ceilings), -np.inf, np.float32)  # what a later pair must score to be among the best
        self._least[ceilings == 0] = np.inf
        self._waiting: list[tuple[IntVector, LabelVector, FloatVector]] = []
        self._n_waiting = 0

    def add(self, rows: IntVector, labels: LabelVector, scores: FloatVector) -> IntVector:
        """Look at more pairs; return the positions of those that are kept for now. Rows may come in any order."""
        least = self._least[labels]
        # a pair that equals the last one is kept, as its row may be lower; infinitely bad ones have a place where pairs are few
        better = np.flatnonzero((scores >= least) & (least < np.inf))
        self._waiting.append((rows[better], labels[better], scores[better]))
        self._n_waiting += len(better)
        if self._n_waiting > max(_SLACK, len(self.rows)):
            self.settle()
        return better

    def settle(self) -> None:
        """Let go of pairs that are not among the best."""
        columns = zip((self.rows, self.labels, self.scores), *self._waiting, strict=True)
        rows, labels, scores = (np.concatenate(one) for one in columns)
        by_row = np.argsort(rows, kind="stable")  # so that ties go to the lower row
        rows, labels, scores = rows[by_row], labels[by_row], scores[by_row]
        ranking = rank(scores, labels, len(self.ceilings))
        supply = np.diff(ranking.starts)
        counts = np.minimum(self.ceilings, supply)
        places = np.repeat(ranking.starts[:-1] - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        kept = ranking.order[places]
        full = (counts == self.ceilings) & (counts > 0)
        self._least[full] = scores[ranking.order[(ranking.starts[:-1] + counts - 1)[full]]]
        self.rows, self.labels, self.scores = rows[kept], labels[kept], scores[kept]
        self._waiting, self._n_waiting = [], 0

    def held(self) -> list[IntVector]:
        """Return the rows of all pairs that are kept for now."""
        return [self.rows, *(one[0] for one in self._waiting)]


class Drawn:
    """Keep the pairs with the smallest numbers of a lot, none above a limit that is known to hold."""

    def __init__(self, lot: np.uint64, limit: float = 1.0) -> None:
        self._lot = lot
        self.limit = limit
        self.rows: IntVector = np.zeros(0, np.int64)
        self.numbers: FloatVector = np.zeros(0)

    def add(self, rows: IntVector, keys: Keys) -> IntVector:
        """Look at more pairs, given their content keys of seed 0; return the positions of those that may be kept."""
        return self.merge(rows, uniforms_of(keys, self._lot))

    def merge(self, rows: IntVector, numbers: FloatVector) -> IntVector:
        """Look at more pairs whose numbers are known; return the positions of those that may be kept."""
        likely = np.flatnonzero(numbers <= self.limit)
        rows, numbers = np.concatenate([self.rows, rows[likely]]), np.concatenate([self.numbers, numbers[likely]])
        by_row = np.argsort(rows, kind="stable")
        first = by_row[drawn_first(numbers[by_row], MAX_ROWS)]
        self.rows, self.numbers = rows[first], numbers[first]
        if len(first) == MAX_ROWS:
            self.limit = float(self.numbers[-1])
        return likely


class _Shelf:
    """Keep the texts and columns of pairs that are kept."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []
        self._n_rows = self._settled = 0

    def add(self, table: pa.Table) -> None:
        self.tables.append(table)
        self._n_rows += table.num_rows

    @property
    def is_full(self) -> bool:
        """Whether there are many pairs more than were wanted when it was last settled."""
        return self._n_rows > 2 * self._settled + _SLACK

    def settle(self, wanted: IntVector) -> None:
        """Let go of pairs that nobody wants any more."""
        kept = []
        for table in self.tables:
            rows = np.asarray(table.column(ROW))
            inside = np.flatnonzero(np.isin(rows, wanted))
            if len(inside):
                kept.append(table.take(pa.array(inside)) if len(inside) < len(rows) else table)
        self.tables = kept
        self._n_rows = self._settled = sum(table.num_rows for table in kept)


class _Labels:
    """Count the values of every text column that may hold labels."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str | None, int] | None] = {}

    def add(self, table: pa.Table) -> None:
        for name in table.column_names:
            kind = table.schema.field(name).type
            if self.counts.get(name, {}) is None:
                continue
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                continue
            known = self.counts.setdefault(name, {})
            for one in pc.value_counts(table.column(name)).to_pylist():
                known[one["values"]] = known.get(one["values"], 0) + one["counts"]  # type: ignore[index,union-attr]
            if len(known) > MAX_LABELS + 1:  # type: ignore[arg-type]
                self.counts[name] = None

    def record(self) -> dict[str, list[tuple[str | None, int]] | None]:
        """Return plain values; None for a column of too many values."""
        return {name: None if counts is None else list(counts.items()) for name, counts in self.counts.items()}


def choose_piece(
    plan: Plan,
    model: Model,
    marks: Marks,
    keys: Keys,
    number: int,
    start: int,
    ceilings: Sequence[IntVector],
    limits: Sequence[float],
    writer: Writer,
) -> dict[str, Any]:
    """Read a piece for the second time, and write the pairs that may be needed.

    Parameters
    ----------
    plan, model : Plan, Model
        Of the run.
    marks, keys : numpy.ndarray
        What is wrong with each pair of the piece, and its content key of seed 0.
    number, start : int
        The piece, and the row of the pool where it begins.
    ceilings : sequence of IntVector
        One for each of `model.wanted`.
    limits : sequence of float
        One for each of `model.lots`: numbers above it are of no use.
    writer : Writer
        Takes `tops.i.rows`, `.labels`, `.scores`, `lots.i.rows`, `.numbers`, the `supply` of each cluster, and the `kept` pairs.
    """
    tops = [Tops(one) for one in ceilings]
    lots = [Drawn(*one) for one in zip(model.lots, limits, strict=True)]
    shelf, supply, n_zero = _Shelf(), np.zeros(len(model.centers), np.int64), 0
    labels = _Labels()
    for block in blocks_of(plan, number, None):
        inside = slice(block.start, block.start + len(block))
        kept = np.flatnonzero(plan.sift.kept(marks[inside]))
        if not len(kept):
            continue
        block, block_keys = _taken(block, kept), keys[inside][kept]
        block = Block(block.start, block.sources, block.targets, as_common(block.table, model.types))
        labels.add(block.table)
        rows = start + inside.start + kept
        sources, targets = model.encode(block.sources, block.targets, rows)
        usable = np.flatnonzero(sources.any(axis=1) & targets.any(axis=1))
        n_zero += len(rows) - len(usable)
        if len(usable) < len(rows):
            sources, targets, rows, block_keys = sources[usable], targets[usable], rows[usable], block_keys[usable]
            block = _taken(block, usable)
        clusters = assign(sources, model.centers)
        supply += np.bincount(clusters, minlength=len(supply))
        places = [one.add(rows, clusters, score(targets, clusters)) for one, score in zip(tops, model.scorers, strict=True)]
        places += [drawn.add(rows, block_keys) for drawn in lots]
        _shelve(shelf, block, rows, _union(places, len(rows)), (sources, targets) if model.keeps_vectors else None)
        if shelf.is_full:
            shelf.settle(_wanted(tops, lots))
    for one in tops:
        one.settle()
    shelf.settle(_wanted(tops, lots))
    _write(writer, tops, lots, supply, shelf)
    return {"n_zero": n_zero, "labels": labels.record(), "n_kept": sum(table.num_rows for table in shelf.tables)}


def _taken(block: Block, places: IntVector) -> Block:
    if len(places) == len(block):
        return block
    index = pa.array(places)
    return Block(block.start, block.sources.take(index), block.targets.take(index), block.table.take(index))


def _shelve(shelf: _Shelf, block: Block, rows: IntVector, places: IntVector, vectors: tuple[FloatMatrix, FloatMatrix] | None) -> None:
    if not len(places):
        return
    index = pa.array(places)
    own = {ROW: pa.array(rows[places]), SOURCE: block.sources.take(index), TARGET: block.targets.take(index)}
    table = pa.table(own | {name: block.table.column(name).take(index) for name in block.table.column_names})
    for name, matrix in zip(VECTORS, vectors or (), strict=False):
        table = table.append_column(name, pa.FixedSizeListArray.from_arrays(pa.array(matrix[places].ravel()), matrix.shape[1]))
    shelf.add(table)


def _union(places: Sequence[IntVector], n_rows: int) -> IntVector:
    """Return the places that stand in one of several lists, rising."""
    inside = np.zeros(n_rows, bool)
    for one in places:
        inside[one] = True
    return np.flatnonzero(inside)


def _wanted(tops: Sequence[Tops], lots: Sequence[Drawn]) -> IntVector:
    return np.unique(np.concatenate([*(rows for one in tops for rows in one.held()), *(one.rows for one in lots)]))


def _write(writer: Writer, tops: Sequence[Tops], lots: Sequence[Drawn], supply: npt.NDArray[Any], shelf: _Shelf) -> None:
    writer.array("supply", supply)
    for number, top in enumerate(tops):
        for name in ("rows", "labels", "scores"):
            writer.array(f"tops.{number}.{name}", getattr(top, name))
    for number, drawn in enumerate(lots):
        writer.array(f"lots.{number}.rows", drawn.rows)
        writer.array(f"lots.{number}.numbers", drawn.numbers)
    if shelf.tables:
        writer.table("kept", pa.concat_tables(shelf.tables).combine_chunks())
