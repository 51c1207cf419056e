"""Words along a ranking: how many the chosen pairs have, and which of the held-out ones they contain, for any budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.discrepancy.coverage import Coverage, TermPlaces, reference_terms, term_places
from craft_core.progress import Progress, part, silent
from craft_core.whatif import Ranking

__all__ = ["FirstRanks", "RunningWords", "running_words"]

_FINDING = "Finding held-out words along the ranking"

Int32Vector = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class FirstRanks:
    """Hold the first rank at which each held-out term occurs in each cluster, for one of the four vocabularies.

    Attributes
    ----------
    clusters, ranks : Int32Vector
        One item a (term, cluster) couple that occurs, sorted by term: the cluster, and the rank in it, counted from 0, of the best pair
        that has the term.
    terms, begins : IntVector
        The terms that occur, ascending, and where the couples of each begin.
    weights : FloatVector
        Share of the held-out occurrences each term of the vocabulary makes up, whether it occurs in the pool or not.
    """

    clusters: Int32Vector
    ranks: Int32Vector
    terms: IntVector
    begins: IntVector
    weights: FloatVector

    def __post_init__(self) -> None:
        for array in (self.clusters, self.ranks, self.terms, self.begins, self.weights):
            frozen(array)

    def covered(self, counts: IntVector) -> float:
        """Return the share of held-out occurrences whose term is in one of the best counts[c] pairs of a cluster c; nan without any."""
        if not len(self.weights):
            return float("nan")
        seen = np.zeros(len(self.weights), dtype=bool)
        if len(self.terms):
            reached = self.ranks < counts.astype(np.int32)[self.clusters]
            seen[self.terms] = np.logical_or.reduceat(reached, self.begins)
        return min(float(self.weights[seen].sum()), 1.0)  # a sum of all shares can be 1 + 1e-16


@dataclass(frozen=True, eq=False)
class RunningWords:
    """Hold word counts summed along a ranking, and first occurrences of held-out terms.

    Attributes
    ----------
    starts : IntVector
        Shape (n_clusters + 1,): of the ranking.
    sources, targets : IntVector
        Shape (ranked pairs + 1,): words of each side in the pairs ranked before, over all clusters.
    firsts : tuple of FirstRanks
        For the four vocabularies of `Coverage`; empty where nothing is held out.
    """

    starts: IntVector
    sources: IntVector
    targets: IntVector
    firsts: tuple[FirstRanks, ...]

    def __post_init__(self) -> None:
        frozen(self.sources)
        frozen(self.targets)

    def counted(self, counts: IntVector) -> tuple[int, int]:
        """Return the source and the target words in the best counts[c] pairs of every cluster c."""
        begins, ends = self.starts[:-1], self.starts[:-1] + counts
        return int((self.sources[ends] - self.sources[begins]).sum()), int((self.targets[ends] - self.targets[begins]).sum())

    def coverage(self, counts: IntVector) -> Coverage | None:
        """Return which share of the held-out terms these pairs contain; None where nothing is held out."""
        return Coverage(*(first.covered(counts) for first in self.firsts)) if self.firsts else None


def running_words(ranking: Ranking, pool: Corpus, held: Corpus | None, progress: Progress = silent) -> RunningWords:
    """Count words along a ranking and find held-out terms in it; one pass over the pool's texts.

    Parameters
    ----------
    ranking : Ranking
        Of the pool.
    pool : Corpus
        Its texts.
    held : Corpus or None
        Held-out texts; None or empty for no coverage.
    """
    reference = reference_terms(pool.take(np.zeros(0, np.int64)) if held is None else held)
    places = term_places(pool, reference, part(progress, 0.0, 0.8))
    sources, targets = (_running_sum(places[side].tokens[ranking.order]) for side in (0, 2))
    firsts: tuple[FirstRanks, ...] = ()
    if held is not None and len(held):
        ranked_at = np.full(len(pool), -1, dtype=np.int64)
        ranked_at[ranking.order] = np.arange(len(ranking.order))
        now = part(progress, 0.8, 1.0)
        firsts = tuple(
            _first_ranks(*one, ranking.starts, ranked_at, part(now, number / 4, (number + 1) / 4))
            for number, one in enumerate(zip(places, reference.weights, strict=True))
        )
    return RunningWords(ranking.starts, sources, targets, firsts)


def _running_sum(numbers: Int32Vector) -> IntVector:
    sums = np.zeros(len(numbers) + 1, dtype=np.int64)
    np.cumsum(numbers, out=sums[1:])
    return sums


def _first_ranks(places: TermPlaces, weights: FloatVector, starts: IntVector, ranked_at: IntVector, progress: Progress) -> FirstRanks:
    """Keep of every (term, cluster) couple the best pair. `ranked_at` is where each pool pair stands in the ranking, -1 for nowhere."""
    progress(0.0, _FINDING)
    ranked = ranked_at[places.pairs]
    # one sort of packed keys: by term, then by place in the ranking, which is by cluster, then by rank
    keys = np.sort((places.terms[ranked >= 0].astype(np.int64) << 32) | ranked[ranked >= 0])
    progress(0.6, _FINDING)
    terms, ranked = keys >> 32, keys & 0xFFFF_FFFF
    clusters = np.searchsorted(starts, ranked, side="right") - 1
    is_first = np.ones(len(keys), dtype=bool)
    is_first[1:] = (terms[1:] != terms[:-1]) | (clusters[1:] != clusters[:-1])
    terms, clusters, ranked = terms[is_first], clusters[is_first], ranked[is_first]
    occurring, begins = np.unique(terms, return_index=True)
    ranks = ranked - starts[clusters]
    return FirstRanks(clusters.astype(np.int32), ranks.astype(np.int32), occurring, begins.astype(np.int64), weights)
