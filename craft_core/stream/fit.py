"""Between the passes: from a sample of the pool to encoders, centers and what pairs are scored against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from craft_core.arrays import FloatMatrix, IntVector, LabelVector
from craft_core.cluster import Clustering, assign, fit_centers, sample_size
from craft_core.config import ExperimentConfig
from craft_core.corpus import Corpus
from craft_core.corpus.sample import content_keys, sample_positions
from craft_core.describe import PAIRS_LIMIT, Labelled, Words, words_of_parts, words_read
from craft_core.errors import DataError
from craft_core.holdout import HoldOut, hold_out
from craft_core.measure import Lots, anchor_lots
from craft_core.problem import Problem
from craft_core.progress import Progress, part, silent
from craft_core.stream.model import Wanted, encoder_of
from craft_core.vectorize import Hashing, Precomputed, SentenceTransformers, Tfidf
from craft_core.vectorize.fitting import SideSample
from craft_core.vectorize.projection import Projection
from craft_core.vectorize.protocol import EncodedPairs, Vectorizer

__all__ = ["Fitted", "Sample", "ShortSampleError", "fit", "sample_wanted", "side_samples"]

_BLOCK = 16_384


class ShortSampleError(Exception):
    """The sample has too few pairs with vectors; a larger one is needed, and the pool has it."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Hold the pairs of the pool with the smallest content keys, in the order of their keys.

    Attributes
    ----------
    rows : IntVector
        Shape (n,): of the pool as given.
    sources, targets : pyarrow.LargeStringArray
        Their texts.
    is_all : bool
        Whether these are all pairs of the pool that cleaning keeps.
    n_pool : int
        How many those are.
    """

    rows: IntVector
    sources: pa.LargeStringArray
    targets: pa.LargeStringArray
    is_all: bool
    n_pool: int

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Fitted:
    """Hold what is fitted.

    Attributes
    ----------
    problem : Problem
        Validation vectors, centers and the clusters of the validation pairs; no pool pair is in it.
    test : EncodedPairs or None
        None where there is no test set.
    held : HoldOut
        What the selection is measured on.
    wanted : tuple of Wanted
        What pairs are scored against: the validation set, then each fold that selects anew.
    lots : Lots
        What decides which pairs are drawn for the anchors.
    words : tuple of Words
        Of the clusters, both sides.
    """

    problem: Problem
    test: EncodedPairs | None
    held: HoldOut
    wanted: tuple[Wanted, ...]
    lots: Lots
    words: tuple[Words, Words]


def sample_wanted(config: ExperimentConfig) -> int:
    """Return how many pairs of the pool the sample should have, some of which may turn out to have no vectors."""
    rows = getattr(config.vectorizer, "sample_rows", 0)
    return max(rows, sample_size(config.clustering) if config.clustering.fit_on != "validation" else 0, PAIRS_LIMIT)


def side_samples(config: ExperimentConfig, sample: Sample, validation: Corpus) -> tuple[SideSample, SideSample] | None:
    """Return what the two sides are fitted on, source side first; None for vectors that are not made of counted terms."""
    vectorizer = config.vectorizer
    if not isinstance(vectorizer, Tfidf | Hashing):
        return None
    first = pa.array(np.arange(min(vectorizer.sample_rows, len(sample))))
    wanted = pa.array(sample_positions(content_keys(validation, config.seed), vectorizer.sample_rows))
    source = SideSample(sample.sources.take(first), validation.sources.take(wanted), "pool's sources")
    return source, SideSample(sample.targets.take(first), validation.targets.take(wanted), "pool's targets")


def fit(
    config: ExperimentConfig,
    sample: Sample,
    validation: Corpus,
    test: Corpus | None,
    projections: tuple[Projection, ...],
    progress: Progress = silent,
) -> Fitted:
    """Place the centers, and decide what pairs are scored against and measured on.

    Raises
    ------
    ShortSampleError
        If the sample must be larger.
    DataError
        If no pair of pool or validation has vectors.
    """
    own = encoded("validation", validation, config.vectorizer, projections)
    usable, sources = _usable(config, sample, projections, part(progress, 0.0, 0.4))
    wanted = np.flatnonzero(~own.zero)
    if not len(usable) or not len(wanted):
        empty = "pool" if not len(usable) else "validation set"
        raise DataError(
            f"No pair of the {empty} has a known term on both sides, so there is nothing to cluster. Choose another vectorizer."
        )
    kmeans, rows = config.clustering, []
    if kmeans.fit_on != "pool":
        rows.append(own.sources[wanted])
    if kmeans.fit_on != "validation":
        rows.append(sources[: sample_size(kmeans)])
    centers = fit_centers(np.ascontiguousarray(np.concatenate(rows)), kmeans, config.seed, part(progress, 0.4, 0.9))
    labels = np.where(own.zero, -1, assign(own.sources, centers)).astype(np.int32)
    words = _words(config, sample, usable, assign(sources[:PAIRS_LIMIT], centers), validation, labels, len(centers))
    nothing = EncodedPairs(own.sources[:0], own.targets[:0])
    problem = Problem(nothing, own, Clustering(centers, np.zeros(0, np.int32), labels))
    reported = None if test is None or len(test) == 0 else encoded("test", test, config.vectorizer, projections)
    held = hold_out(problem, reported, np.random.default_rng([config.seed, 2]))
    folds = [] if held.from_test or not held.is_enough else [fold.problem for fold in held.folds]
    against = [(one.validation.targets, one.clustering.validation_labels) for one in (problem, *folds)]
    return Fitted(problem, reported, held, tuple(Wanted(*one) for one in against), anchor_lots(config.seed), words)


def encoded(role: str, corpus: Corpus, vectorizer: Vectorizer, projections: tuple[Projection, ...]) -> EncodedPairs:
    """Return the vectors of validation or test set."""
    if isinstance(vectorizer, Precomputed):
        sides = [vectorizer.rows(role, side, corpus.rows) for side in ("source", "target")]
    elif isinstance(vectorizer, SentenceTransformers):
        encoder = vectorizer.encoder()
        sides = [encoder.encode(texts, silent, f"Encoding the {role}") for texts in (corpus.sources, corpus.targets)]
    else:
        sides = [one(texts) for one, texts in zip(projections, (corpus.sources, corpus.targets), strict=True)]
    return EncodedPairs(sides[0], sides[1], corpus)


def _usable(
    config: ExperimentConfig, sample: Sample, projections: tuple[Projection, ...], progress: Progress
) -> tuple[IntVector, FloatMatrix]:
    """Return the positions of sampled pairs with vectors, as many as are needed, and their source vectors."""
    needed = max(sample_size(config.clustering) if config.clustering.fit_on != "validation" else 0, PAIRS_LIMIT)
    encode = encoder_of(config.vectorizer, projections)
    places, rows, n_found = [np.zeros(0, np.int64)], [], 0
    for start in range(0, len(sample), _BLOCK):
        progress(min(n_found / needed, 1.0), "Vectors of the sample")
        stop = min(start + _BLOCK, len(sample))
        inside = slice(start, stop)
        sources, targets = encode(sample.sources[inside], sample.targets[inside], sample.rows[inside])
        usable = np.flatnonzero(sources.any(axis=1) & targets.any(axis=1))
        places.append(start + usable)
        rows.append(sources[usable])
        n_found += len(usable)
        if n_found >= needed:
            break
    if n_found < needed and not sample.is_all:
        raise ShortSampleError
    return np.concatenate(places)[:needed], np.concatenate(rows)[:needed] if rows else np.zeros((0, 1), np.float32)


def _words(
    config: ExperimentConfig,
    sample: Sample,
    usable: IntVector,
    clusters: LabelVector,
    validation: Corpus,
    labels: LabelVector,
    n_clusters: int,
) -> tuple[Words, Words]:
    index = pa.array(usable[:PAIRS_LIMIT])
    pool: Labelled = sample.sources.take(index), sample.targets.take(index), clusters
    return words_of_parts([pool, words_read(validation, labels, config.seed)], n_clusters)
