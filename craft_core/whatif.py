"""Nested ranking: rank once, and every budget is an allocation plus prefixes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector, IntVector, LabelVector, frozen
from craft_core.problem import Selection
from craft_core.progress import Progress, silent
from craft_core.threads import one_thread

__all__ = ["Ranking", "rank", "reordered", "take"]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Hold the pool ordered inside each cluster, best first.

    Attributes
    ----------
    order : IntVector
        Pool positions, cluster after cluster, best first inside each; pairs in no cluster are left out.
    starts : IntVector
        Shape (n_clusters + 1,): cluster c is ``order[starts[c]:starts[c + 1]]``.
    scores : FloatVector
        Shape (N,): the scores the order rests on.
    notes : tuple of str
        What the method has to say of it, one sentence each; a selection that is taken from it says the same.
    """

    order: IntVector
    starts: IntVector
    scores: FloatVector
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frozen(self.order)
        frozen(self.starts)

    def members(self, cluster: int) -> IntVector:
        """Return the pool positions of a cluster, best first."""
        return self.order[self.starts[cluster] : self.starts[cluster + 1]]


def rank(scores: FloatVector, labels: LabelVector, n_clusters: int) -> Ranking:
    """Order the pool by cluster, then by falling score, then by row.

    Parameters
    ----------
    scores : FloatVector
        Shape (N,), float32, higher is better; may be minus infinity.
    labels : LabelVector
        Shape (N,): clusters; -1 is left out.
    """
    positions = np.flatnonzero(labels >= 0)
    # One stable sort of packed keys instead of a lexsort: cluster in the high half, falling score in the low half.
    keys = (labels[positions].astype(np.uint64) << np.uint64(32)) | _falling_bits(scores[positions])
    order = positions[np.argsort(keys, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(labels[positions], minlength=n_clusters))]).astype(np.int64)
    return Ranking(order.astype(np.int64), starts, scores)


def reordered(
    ranking: Ranking, counts: IntVector, order: Callable[[int, IntVector, int], IntVector], progress: Progress = silent
) -> Ranking:
    """Put the first pairs of each cluster in another order; the others stay behind them as they were.

    Parameters
    ----------
    ranking : Ranking
        Best first inside each cluster.
    counts : IntVector
        Shape (n_clusters,): how many pairs of each cluster are wanted in the new order; 0 leaves a cluster as it is.
    order : callable
        Given a cluster, its pool positions best first and a count, returns the places, in that list, of so many distinct pairs, or of
        fewer: those it leaves out follow as they were.
    """
    found = ranking.order.copy()
    with one_thread():  # once for all clusters: it costs milliseconds
        for number, c in enumerate(clusters := np.flatnonzero(counts)):
            progress(number / len(clusters), "Ordering the pairs inside each cluster")
            members = ranking.members(int(c))
            first = order(int(c), members, int(counts[c]))
            rest = np.delete(members, first)
            found[ranking.starts[c] : ranking.starts[c + 1]] = np.concatenate([members[first], rest])
    return Ranking(found, ranking.starts, ranking.scores, ranking.notes)


def take(ranking: Ranking, allocation: Allocation) -> Selection:
    """Take the best count_c pairs of every cluster.

    Inside a cluster the best pair comes first. The clusters are interleaved in proportion to their counts, so any prefix of the
    selection keeps about the shares of the whole.
    """
    counts = allocation.counts
    clusters = np.repeat(np.arange(len(counts)), counts)
    ranks = np.arange(len(clusters)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = ranking.order[ranking.starts[clusters] + ranks]
    # a pair that is r-th of count_c stands where (r + 1/2) / count_c of its cluster is taken
    turn = np.lexsort((chosen, (ranks + 0.5) / np.maximum(counts[clusters], 1)))
    indices = chosen[turn]
    return Selection(indices, ranking.scores[indices].copy(), np.ones(len(indices), dtype=np.float32), ranking.notes)


def _falling_bits(scores: FloatVector) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Map float32 scores to integers that sort in falling order: flip the sign bit of positives, all bits of negatives, then invert."""
    bits = (scores.astype(np.float32) + np.float32(0.0)).view(np.uint32)  # + 0.0 makes -0.0 and 0.0 one
    rising = np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(1 << 31))
    return (~rising).astype(np.uint64)
