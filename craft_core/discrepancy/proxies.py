"""Two stand-ins for fine-tuning that need no training run. They rank selections; they are not the score of a fine-tuned model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.corpus.pairs import Corpus
from craft_core.ridge import ridge_map
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["MAX_HELD", "MAX_SELECTED", "Proxies", "downstream_proxies", "nearest_chrf", "ridge_rank"]

MAX_HELD = 1_000
"""Held-out pairs the proxies look at; a larger set is sampled."""

MAX_SELECTED = 20_000
"""Chosen pairs the proxies learn from; a larger set is sampled."""

_SAME = 1e-9  # cosines in float64 of equal rows differ by less, those of different rows in float32 by more


@dataclass(frozen=True)
class Proxies:
    """Hold the two proxies; larger is better. nan where there is nothing to learn from, or too little to measure on.

    Attributes
    ----------
    ridge_rank : float
        Mean reciprocal rank, in (0, 1], of the true held-out target among all held-out targets, when source vectors are mapped to target
        vectors by a ridge regression fitted on the selection. Guessing gives the mean of 1/rank, about (ln m + 0.58) / m for m pairs.
    nearest_chrf : float
        chrF (sacrebleu, 0 to 100) of "translating" each held-out source by the target of the nearest selected source.
    """

    ridge_rank: float
    nearest_chrf: float


def downstream_proxies(
    selected: EncodedPairs, selected_texts: Corpus, held: EncodedPairs, held_texts: Corpus, rng: np.random.Generator
) -> Proxies:
    """Return both proxies; at most 1,000 held-out pairs and 20,000 chosen ones are used, samples of larger sets.

    Give the selections that are to be compared generators of one seed, so that they face the same held-out pairs.

    Parameters
    ----------
    selected, held : EncodedPairs
        Vectors of the chosen and of the held-out pairs.
    selected_texts, held_texts : Corpus
        Their texts, in the same order.
    rng : numpy.random.Generator
        Draws the samples: of the held-out pairs first, then of the chosen ones.
    """
    kept, learnt = _sample(len(held), MAX_HELD, rng), _sample(len(selected), MAX_SELECTED, rng)
    selected, held = selected.take(learnt), held.take(kept)
    with one_thread():
        return Proxies(ridge_rank(selected, held), nearest_chrf(selected, selected_texts.take(learnt), held, held_texts.take(kept)))


def ridge_rank(selected: EncodedPairs, held: EncodedPairs, penalty: float = 1.0) -> float:
    """Return the mean reciprocal rank of the true targets under the ridge map source -> target; ties count with their mean rank.

    The map W solves (X'X + penalty I) W = X'Y on the selection, and the held-out targets are ranked by their cosine with the predicted
    one. A source that is mapped to zero ties with all. nan where nothing is selected or fewer than 2 pairs are held out.
    """
    if len(selected) == 0 or len(held) < 2:
        return float("nan")
    predicted = held.sources @ ridge_map(selected, penalty)
    norms = np.linalg.norm(predicted, axis=1, keepdims=True)
    cosines = np.divide(predicted, norms, out=np.zeros_like(predicted), where=norms > 0) @ held.targets.T.astype(np.float64)
    own = cosines.diagonal()[:, None]
    above = (cosines > own + _SAME).sum(axis=1)
    level = (np.abs(cosines - own) <= _SAME).sum(axis=1)  # the true target is one of them
    return float((1 / (above + 0.5 * (level + 1))).mean())


def nearest_chrf(selected: EncodedPairs, selected_texts: Corpus, held: EncodedPairs, held_texts: Corpus) -> float:
    """Return the corpus chrF of nearest-neighbour translation, 0 to 100.

    chrF is sacrebleu's default: runs of 1 to 6 characters, no words, beta 2 (Popović 2015). A held-out source without vector is translated
    by the empty text. nan where nothing is selected or held out.
    """
    from sacrebleu.metrics import CHRF

    if len(selected) == 0 or len(held) == 0:
        return float("nan")
    texts = selected_texts.take(_nearest(held.sources, selected.sources)).targets.to_pylist()
    has_vector = np.asarray(held.sources.any(axis=1))
    translations = [text if one else "" for text, one in zip(texts, has_vector, strict=True)]
    return float(CHRF().corpus_score(translations, [held_texts.targets.to_pylist()]).score)


def _nearest(rows: FloatMatrix, among: FloatMatrix) -> IntVector:
    """Return for each row the position of the one with the largest inner product."""
    import faiss

    _, found = faiss.knn(np.ascontiguousarray(rows), np.ascontiguousarray(among), 1, metric=faiss.METRIC_INNER_PRODUCT)
    nearest: IntVector = found[:, 0]
    return nearest


def _sample(n: int, limit: int, rng: np.random.Generator) -> IntVector:
    return np.arange(n) if n <= limit else np.sort(rng.choice(n, limit, replace=False))
