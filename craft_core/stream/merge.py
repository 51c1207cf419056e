"""The pieces put together: the best pairs of every cluster over the whole pool, and with them what the run in memory would report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from craft_core.allocate import Allocation, allocate, ceilings
from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.discrepancy import MAX_LABELS
from craft_core.stream.choose import ROW, Drawn, Tops
from craft_core.stream.model import Wanted
from craft_core.stream.place import Result
from craft_core.whatif import rank, take

__all__ = ["Chosen", "Merged", "pairs_at", "pool_labels"]


@dataclass(frozen=True, eq=False)
class Chosen:
    """Hold what is chosen against one of `wanted`.

    Attributes
    ----------
    rows : IntVector
        Shape (n,): of the pool as given, best first.
    clusters : IntVector
        Shape (n,).
    scores : FloatVector
        Shape (n,).
    allocation : Allocation
        What each cluster was asked for.
    """

    rows: IntVector
    clusters: IntVector
    scores: FloatVector
    allocation: Allocation

    def __post_init__(self) -> None:
        for array in (self.rows, self.clusters, self.scores):
            frozen(array)


@dataclass(eq=False)
class Merged:
    """Take in the results of pieces, in any order; what is kept does not grow with their number.

    Attributes
    ----------
    rule, budget
        Of the allocation.
    wanted : sequence of Wanted
        What pairs were scored against.
    lots : numpy.ndarray
        Of the anchors.
    n_clusters : int
        How many there are.
    supply : IntVector
        Shape (n_clusters,): pool pairs seen so far.
    n_zero : int
        Pairs without a vector on a side, so far.
    """

    rule: str
    budget: int
    wanted: Sequence[Wanted]
    lots: Any
    n_clusters: int
    supply: IntVector = field(init=False)
    n_zero: int = 0

    def __post_init__(self) -> None:
        self.supply = np.zeros(self.n_clusters, np.int64)
        self._counts = [np.bincount(one.labels[one.labels >= 0], minlength=self.n_clusters).astype(np.int64) for one in self.wanted]
        self._tops = [Tops(one) for one in self.ceilings()]
        self._drawn = [Drawn(lot) for lot in self.lots]
        self._labels: dict[str, dict[str | None, int] | None] = {}

    def ceilings(self) -> list[IntVector]:
        """Return the most pairs each cluster can still be asked for, one array for each of `wanted`."""
        return [ceilings(self.rule, counts, self.supply, self.budget) for counts in self._counts]

    def limits(self) -> list[float]:
        """Return the numbers above which a pair is not drawn for an anchor."""
        return [one.limit for one in self._drawn]

    def add(self, piece: Result) -> None:
        """Take in a piece."""
        self.supply += piece.array("supply")
        self.n_zero += int(piece.facts["n_zero"])
        for number, (top, most) in enumerate(zip(self._tops, self.ceilings(), strict=True)):
            top.ceilings = most
            top.add(*(np.asarray(piece.array(f"tops.{number}.{name}")) for name in ("rows", "labels", "scores")))
        for number, one in enumerate(self._drawn):
            one.merge(*(np.asarray(piece.array(f"lots.{number}.{name}")) for name in ("rows", "numbers")))
        for name, counts in piece.facts["labels"].items():
            self._add_labels(name, counts)

    def chosen(self) -> list[Chosen]:
        """Return what is chosen against each of `wanted`."""
        found = []
        for top, counts in zip(self._tops, self._counts, strict=True):
            top.settle()
            by_row = np.argsort(top.rows)
            rows, labels, scores = top.rows[by_row], top.labels[by_row], top.scores[by_row]
            allocation = allocate(self.rule, counts, self.supply, self.budget)
            selection = take(rank(scores, labels, self.n_clusters), allocation)
            found.append(Chosen(rows[selection.indices], labels[selection.indices].astype(np.int64), selection.scores, allocation))
        return found

    def drawn(self) -> list[IntVector]:
        """Return the rows drawn for each anchor, in the order they were drawn."""
        return [one.rows for one in self._drawn]

    @property
    def labels(self) -> Mapping[str, Mapping[str | None, int] | None]:
        """How often each value of a text column occurs; None for a column of too many values."""
        return self._labels

    def _add_labels(self, name: str, counts: Sequence[tuple[str | None, int]] | None) -> None:
        known = self._labels.setdefault(name, {})
        if counts is None or known is None:
            self._labels[name] = None
            return
        for value, n in counts:
            known[value] = known.get(value, 0) + n
        if sum(value is not None for value in known) > MAX_LABELS:
            self._labels[name] = None


def pool_labels(labels: Mapping[str, Mapping[str | None, int] | None], names: Sequence[str], n_pool: int) -> dict[str, dict[str, float]]:
    """Return the share of each value of the label columns among these, as `discrepancy.label_shares` gives it for a whole pool."""
    found = {}
    for name in names:
        counts = labels.get(name)
        if counts is None or sum(value is not None for value in counts) < 2:
            continue
        total = {value: n for value, n in counts.items() if value is not None}
        missing = n_pool - sum(total.values())  # null, or not a column of its piece
        if missing:
            total[""] = total.get("", 0) + missing
        found[name] = {value: n / n_pool for value, n in sorted(total.items(), key=lambda one: (-one[1], one[0]))}
    return found


def pairs_at(pieces: Sequence[Result], starts: IntVector, rows: IntVector) -> pa.Table:
    """Return the kept pairs at these rows of the pool, distinct and rising, with texts and columns."""
    tables = []
    for piece, start, stop in zip(pieces, starts[:-1], starts[1:], strict=True):
        own = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)]
        if len(own):
            kept = piece.table("kept")
            there = np.asarray(kept.column(ROW))
            order = np.argsort(there)
            tables.append(kept.take(pa.array(order[np.searchsorted(there, own, sorter=order)])))
    return pa.concat_tables(tables, promote_options="default")
