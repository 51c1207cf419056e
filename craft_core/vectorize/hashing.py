"""Hashed terms and a fixed random projection: nothing to fit but how rare the terms are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import scipy.sparse

from craft_core.arrays import IntVector
from craft_core.corpus.pairs import Corpus
from craft_core.corpus.sample import content_keys, sample_positions
from craft_core.params import check, param
from craft_core.progress import Progress, part
from craft_core.vectorize.counts import Buckets, Counter, document_frequencies, smooth_idf
from craft_core.vectorize.fitting import SideSample
from craft_core.vectorize.projection import Projection, project_sides
from craft_core.vectorize.protocol import Vectors
from craft_core.vectorize.sides import texts_of
from craft_core.vectorize.tokens import ANALYZERS, Analyzer, make_analyzer

__all__ = ["Hashing"]

_SIGNS_PER_TERM = 8


@dataclass(frozen=True)
class Hashing:
    """Hash terms into buckets, weight them by IDF, and project the buckets at random.

    There is no vocabulary: every term has a bucket, and each bucket adds or subtracts its weight in 8 dimensions drawn at random, so that
    cosines of the sparse rows are kept up to an error of about 1 / sqrt(dimensions) (sparse Johnson-Lindenstrauss transform in blocks;
    Kane and Nelson, "Sparser Johnson-Lindenstrauss transforms", JACM 2014). It finds texts that share words better than `tfidf` does, and
    texts about one thing in other words worse. IDF comes from a sample of the pool.
    """

    name: ClassVar[str] = "hashing"
    counts_pool: ClassVar[bool] = False

    analyzer: str = param("word", choices=ANALYZERS, help="Terms are words, or runs of characters within words (for Thai, Chinese, ...).")
    ngram_min: int | None = param(None, low=1, high=15, help="Words or characters in the shortest term; empty: 1 word, 2 characters.")
    ngram_max: int | None = param(None, low=1, high=15, help="Words or characters in the longest term; empty: 1 word, 3 characters.")
    n_bits: int = param(20, low=8, high=22, help="There are 2 to this power buckets; terms that share one cannot be told apart.")
    sublinear_tf: bool = param(False, help="Take a term that occurs c times in a text as 1 + ln(c) instead of c.")
    dimensions: int = param(256, low=8, high=2048, help="Length of the vectors.")
    sample_rows: int = param(20_000, low=100, high=1_000_000, help="Pairs of the pool to count how rare terms are.")

    def __post_init__(self) -> None:
        check(self)
        self._terms()

    def vectorize(self, pool: Corpus, validation: Corpus, test: Corpus | None, seed: int, progress: Progress) -> Vectors:
        """Count how rare terms are in a sample of the pool; return unit rows for all corpora."""
        rows = sample_positions(content_keys(pool, seed, part(progress, 0, 0.15)), self.sample_rows)

        def fit(side: str, progress: Progress) -> Projection:
            sample = SideSample(texts_of(pool, side).take(pa.array(rows)), texts_of(validation, side).slice(0, 0), f"{pool.name}'s {side}s")
            counter = self.counter(sample)
            frequencies = document_frequencies(counter, sample.pool, progress)
            return self.fit_side(sample, counter, frequencies, len(sample.pool), seed, progress)

        return project_sides(pool, validation, test, fit, part(progress, 0.15, 1))

    def counter(self, sample: SideSample) -> Counter:
        """Return what counts buckets."""
        return Counter(self._terms(), Buckets(self.n_bits), self.sublinear_tf)

    def fit_side(
        self, sample: SideSample, counter: Counter, frequencies: IntVector, n_texts: int, seed: int, progress: Progress
    ) -> Projection:
        """Return the projection of one side, given in how many of `n_texts` texts of the sample each bucket occurs."""
        idf = smooth_idf(frequencies, n_texts)
        signs = _random_signs(1 << self.n_bits, self.dimensions, seed)
        weights = (signs.data.reshape(-1, _SIGNS_PER_TERM) * idf.astype(np.float32)[:, None]).ravel()
        return Projection(counter, scipy.sparse.csr_matrix((weights, signs.indices, signs.indptr), shape=signs.shape))

    def _terms(self) -> Analyzer:
        return make_analyzer(self.analyzer, self.ngram_min, self.ngram_max, self.name)


def _random_signs(n_terms: int, dimensions: int, seed: int) -> Any:
    """Return a CSR matrix of shape (n_terms, dimensions): in each of 8 blocks of dimensions one random place of a row is +1 or -1."""
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, dimensions, _SIGNS_PER_TERM + 1).astype(np.int32)
    places = rng.integers(edges[:-1], edges[1:], size=(n_terms, _SIGNS_PER_TERM), dtype=np.int32)
    signs = rng.integers(0, 2, size=places.shape, dtype=np.int8).astype(np.float32) * 2 - 1
    starts = np.arange(n_terms + 1, dtype=np.int32) * _SIGNS_PER_TERM
    return scipy.sparse.csr_matrix((signs.ravel(), places.ravel(), starts), shape=(n_terms, dimensions))
