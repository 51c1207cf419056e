"""Do the two sides of a pair belong together? A classifier that learned it from the pool itself (ours).

Pairs of the pool are told from the same pairs with their targets exchanged, by a logistic regression on four numbers of a pair: the cosine
of its target with what a linear map makes of its source, the same backwards, how far the ratio of its lengths is from the usual one, and
its length. The maps are ridge regressions. That a part of the pool is itself mispaired weakens both a little and misleads neither:
mispaired pairs agree on nothing. Telling pairs from exchanged ones to filter them is an old idea (Munteanu and Marcu 2005; Xu and Koehn
2017).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow.compute as pc

from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, IntVector, frozen
from craft_core.corpus.sample import sample_positions
from craft_core.problem import Problem
from craft_core.progress import Progress, silent
from craft_core.ridge import ridge_map
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["LEAST_AUC", "Alignment", "alignment"]

LEAST_AUC = 0.75
"""Where pairs and exchanged pairs are told apart worse than this, the classifier is not trusted and leaves no pair out.

A pool of which a share e is mispaired reaches 1 - e / 2 at most, so pools with up to half of their pairs mispaired can still be filtered;
sides that have nothing to do with one another reach 0.7 at most on small samples.
"""

_SAMPLE_ROWS = 20_000
_LEAST_ROWS = 100  # fewer tell nothing
_BLOCK_ROWS = 16_384
_KEPT: WeakKeyDictionary[EncodedPairs, Alignment] = WeakKeyDictionary()  # it depends on the pool alone: every budget and fold shares it


@dataclass(frozen=True, eq=False)
class Alignment:
    """Hold how much each pool pair looks like a pair.

    Attributes
    ----------
    probabilities : FloatVector
        Shape (N,), float32: of being one of the pool's pairs and not an exchanged one, both being equally likely beforehand; 0 for pairs
        in no cluster.
    auc : float
        How often a pair of the pool looks more like one than an exchanged pair does, on pairs the maps were not fitted on; 0.5 is guessing.
    """

    probabilities: FloatVector
    auc: float

    def __post_init__(self) -> None:
        frozen(self.probabilities)

    def paired(self, least: float) -> BoolVector:
        """Return which pairs have at least this probability, shape (N,); all of them where the classifier cannot be trusted."""
        return self.probabilities >= (least if self.auc >= LEAST_AUC else 0.0)


def alignment(problem: Problem, owner: str, progress: Progress = silent) -> Alignment:
    """Return how much each pool pair looks like a pair; nothing is drawn, and validation is not looked at.

    At most 20,000 pairs, those with the smallest content keys, are learned from; no pair is judged with maps that were fitted on
    it. The result is kept for as long as the pool's vectors are.

    Raises
    ------
    DataError
        Where there are no texts, naming the method that needs them (`owner`).
    """
    found = _KEPT.get(problem.pool)
    if found is None:
        found = _KEPT[problem.pool] = _learned(problem, owner, progress)
    return found


def _learned(problem: Problem, owner: str, progress: Progress) -> Alignment:
    texts, _ = problem.texts(owner)
    available, pool = problem.available, problem.pool
    keys = problem.pool_keys[available]
    sample = available[sample_positions(keys, _SAMPLE_ROWS)]
    if len(sample) < _LEAST_ROWS:
        return Alignment(np.ones(len(pool), dtype=np.float32), 0.5)
    lengths = [np.log1p(pc.utf8_length(side).to_numpy()) for side in (texts.sources, texts.targets)]
    usual = float(np.median(lengths[1][sample] - lengths[0][sample]))
    with one_thread():
        progress(0.0, "Learning which pairs belong together")
        judge = _Judge(pool, lengths, usual, [_maps(pool, sample[half::2]) for half in (1, 0)])
        # the sample is in the order of its keys: its halves are mixed, and the next but one is a pair like any other of the same half
        pairs = np.concatenate([judge.features(sample[half::2], sample[half::2], half) for half in (0, 1)])
        exchanged = np.concatenate([judge.features(sample[half::2], np.roll(sample[half::2], 1), half) for half in (0, 1)])
        model, auc = _classifier(pairs, exchanged)
        found = np.empty(len(pool), dtype=np.float32)
        for start in range(0, len(pool), _BLOCK_ROWS):
            progress(start / len(pool), "Judging which pairs belong together")
            rows = slice(start, start + _BLOCK_ROWS)
            found[rows] = model(judge.features(rows, rows, 0))
        found[sample[1::2]] = model(judge.features(sample[1::2], sample[1::2], 1))  # those the maps of the first half were fitted on
    found[problem.clustering.pool_labels < 0] = 0
    return Alignment(found, auc)


@dataclass(frozen=True, eq=False)
class _Judge:
    """What is measured of a pair."""

    pool: EncodedPairs
    lengths: list[FloatVector]  # log(1 + characters) of sources and targets
    usual: float  # log ratio of the two
    maps: list[tuple[FloatMatrix, FloatMatrix]]  # forwards and backwards, one couple for each half of the pool

    def features(self, sources: IntVector | slice, targets: IntVector | slice, half: int) -> FloatMatrix:
        """Return shape (n, 4): cosine forwards, cosine backwards, how unusual the ratio of lengths is, log length of the source."""
        source, target = self.pool.sources[sources], self.pool.targets[targets]
        forwards, backwards = self.maps[half]
        longer = np.abs(self.lengths[1][targets] - self.lengths[0][sources] - self.usual)
        return np.column_stack(
            [_cosines(source @ forwards, target), _cosines(target @ backwards, source), longer, self.lengths[0][sources]]
        )


def _maps(pool: EncodedPairs, positions: IntVector) -> tuple[FloatMatrix, FloatMatrix]:
    mirrored = EncodedPairs(pool.targets, pool.sources)
    forwards, backwards = (ridge_map(one, positions=positions).astype(np.float32) for one in (pool, mirrored))
    return forwards, backwards


def _cosines(mapped: FloatMatrix, rows: FloatMatrix) -> FloatVector:
    """Return the cosine of each mapped row with a row of length 1, or 0 for a row that is zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", mapped, mapped))
    cosines: FloatVector = np.einsum("ij,ij->i", mapped, rows) / np.maximum(lengths, 1e-12)
    return cosines


def _classifier(pairs: FloatMatrix, exchanged: FloatMatrix) -> tuple[Callable[[FloatVector], FloatVector], float]:
    """Return the probability of being a pair as a function of features, and how well it tells the two kinds apart."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    seen, is_pair = np.concatenate([pairs, exchanged]).astype(np.float64), np.repeat([1, 0], [len(pairs), len(exchanged)])
    center, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-9)
    model = LogisticRegression(max_iter=1_000).fit((seen - center) / spread, is_pair)

    def probability(features: FloatVector) -> FloatVector:
        found: FloatVector = model.predict_proba((features - center) / spread)[:, 1]
        return found

    return probability, float(roc_auc_score(is_pair, probability(seen)))
