"""Importance weights from words: how much more usual a pair's words are in validation than in the pool.

The log weight of a pair is the sum, over its tokens and pairs of neighbouring tokens on both sides, of log p_validation - log p_pool of
that token's bucket: the log ratio of two bag-of-n-grams models (Xie et al. 2023, DSIR, arXiv 2302.03169). Each side has buckets of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import FloatVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.blocks import in_order, text_blocks
from craft_core.vectorize.tokens import Analyzer

__all__ = ["MOST_BUCKETS", "log_weights"]

MOST_BUCKETS = 65_536
"""A bucket is kept in two bytes."""

_TOKENS_AND_BIGRAMS = Analyzer("token", 1, 2)
_Block = tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]]


def log_weights(pool: Corpus, validation: Corpus, n_buckets: int = 10_000, progress: Progress = silent) -> FloatVector:
    """Return the log importance weight of each pool pair.

    Parameters
    ----------
    pool, validation : Corpus
        Their texts. Tokens are words in lower case and runs of punctuation, of any script.
    n_buckets : int
        Hash buckets a side, at most 65,536. Counts are smoothed by one a bucket (Laplace).

    Returns
    -------
    FloatVector
        Shape (N,), float64, in nats; 0 for a pair without any token.

    Notes
    -----
    One pass over the texts. Memory: 2 bytes for each token and bigram of a side, about 70 MB for a million pairs of 17 words, and 8 bytes a
    pair.
    """
    total = np.zeros(len(pool))
    for side, now in (("sources", part(progress, 0.0, 0.5)), ("targets", part(progress, 0.5, 1.0))):
        total += _side(getattr(pool, side), getattr(validation, side), n_buckets, now)
    return frozen(total)


def _side(pool: pa.LargeStringArray, validation: pa.LargeStringArray, n_buckets: int, progress: Progress) -> FloatVector:
    usual = np.zeros(n_buckets, dtype=np.int64)
    blocks: list[_Block] = []
    for buckets, lengths in _buckets(pool, n_buckets, progress):
        usual += np.bincount(buckets, minlength=n_buckets)
        blocks.append((buckets, lengths))
    wanted = np.zeros(n_buckets, dtype=np.int64)
    for buckets, _ in _buckets(validation, n_buckets, silent):
        wanted += np.bincount(buckets, minlength=n_buckets)
    ratio = _log_shares(wanted) - _log_shares(usual)
    sums = [np.bincount(np.repeat(np.arange(len(lengths)), lengths), ratio[buckets], len(lengths)) for buckets, lengths in blocks]
    return np.concatenate([np.zeros(0), *sums])


def _buckets(texts: pa.LargeStringArray, n_buckets: int, progress: Progress) -> Iterator[_Block]:
    """Return, block by block, the buckets of all tokens and bigrams, text after text, and how many each text has."""

    def find(block: tuple[int, int]) -> _Block:
        terms = _TOKENS_AND_BIGRAMS.terms(texts.slice(block[0], block[1] - block[0]))
        order = np.argsort(terms.rows, kind="stable")
        buckets = ((terms.keys[order] >> np.uint64(32)) * np.uint64(n_buckets) >> np.uint64(32)).astype(np.uint16)
        return buckets, np.bincount(terms.rows, minlength=block[1] - block[0])

    return in_order(find, text_blocks(texts), progress, "Weighing words")


def _log_shares(counts: npt.NDArray[np.int64]) -> FloatVector:
    shares: FloatVector = np.log((counts + 1) / (counts.sum() + len(counts)))
    return shares
