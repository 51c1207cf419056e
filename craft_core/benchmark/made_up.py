"""Made-up pairs, shard by shard: the same shard of the same seed is the same everywhere.

The pairs have a Zipf vocabulary, sentences of 16.5 words on average, and eight topics. The target words are those of the source under a
fixed map, with a tenth of them replaced, so the two sides correspond as a translation's do. Validation has two of the topics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.corpus import Corpus

__all__ = ["ALL_TOPICS", "SHARD_ROWS", "WANTED_TOPICS", "made_up_pairs", "made_up_shard", "shard_sizes"]

SHARD_ROWS = 62_500
"""Pairs of a full shard, which is drawn with random numbers of its own; 16 of them are a million."""

_N_TOPICS, _SHARED_WORDS, _TOPIC_WORDS, _MEAN_EXTRA_WORDS = 8, 2_000, 6_000, 15.5

ALL_TOPICS: tuple[int, ...] = tuple(range(_N_TOPICS))
"""The topics of a pool."""

WANTED_TOPICS = (2, 5)
"""The topics of validation and of held-out pairs."""


def made_up_pairs(n: int, topics: Sequence[int], seed: int, name: str) -> Corpus:
    """Return n pairs on these topics (of 0 to 7), the same for the same seed and name.

    They are the shards of `made_up_shard` one after the other, so a corpus in memory and one in files can be the same.
    """
    shards = [made_up_shard(number, rows, topics, seed, name) for number, rows in enumerate(shard_sizes(n))]
    sources, targets = (pa.concat_arrays(side) for side in zip(*shards, strict=True))
    rows_given = np.arange(n, dtype=np.int64)
    ids = pa.array(rows_given).cast(pa.large_string())
    return Corpus(sources, targets, ids, rows_given, pa.table({}), name)


def shard_sizes(n: int) -> Iterator[int]:
    """Yield the sizes of the shards that n pairs make: full ones, and one for the rest."""
    for start in range(0, n, SHARD_ROWS):
        yield min(SHARD_ROWS, n - start)


def made_up_shard(number: int, rows: int, topics: Sequence[int], seed: int, name: str) -> tuple[pa.LargeStringArray, pa.LargeStringArray]:
    """Return the sources and targets of one shard.

    Parameters
    ----------
    number : int
        Which one, from 0.
    rows : int
        Pairs in it. A shard of other size is another shard, not the beginning of this one.
    topics : sequence of int
        Of 0 to 7, each as likely as the others.
    seed : int
        Of the words, and of which target word stands for which source word.
    name : str
        What the pairs are for: "pool", "validation" and "test" of one seed share their words, not their pairs.
    """
    rng = np.random.default_rng([seed, number, *name.encode()])
    english, hindi, translated = _vocabulary("bdfgklmnprstvz", "aeiou"), _vocabulary("कगचजटडतदनपबमरल", "ािीुे"), _translations(seed)
    lengths = 1 + rng.poisson(_MEAN_EXTRA_WORDS, rows)
    words = _zipf_words(np.repeat(rng.choice(np.asarray(topics), rows), lengths), rng)
    other = translated[np.where(rng.random(len(words)) < 0.1, _zipf_words(np.zeros(len(words), np.int64), rng), words)]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return _sentences(english, words, offsets), _sentences(hindi, other, offsets)


def _sentences(vocabulary: pa.LargeStringArray, words: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> pa.LargeStringArray:
    parted = pa.LargeListArray.from_arrays(offsets, vocabulary.take(pa.array(words)))
    return pc.binary_join(parted, pa.scalar(" ", pa.large_string()))


@cache
def _translations(seed: int) -> npt.NDArray[np.int32]:
    """Return the target word of each source word."""
    return np.random.default_rng(seed).permutation(_SHARED_WORDS + _N_TOPICS * _TOPIC_WORDS).astype(np.int32)


@cache
def _vocabulary(consonants: str, vowels: str) -> pa.LargeStringArray:
    """Return one word for each number, short ones first: its digits in base (consonants x vowels), written as syllables."""
    syllables = [consonant + vowel for consonant in consonants for vowel in vowels]
    words = [*syllables, *(one + two for one in syllables for two in syllables)]
    words += [one + two + three for one in syllables[:12] for two in syllables for three in syllables]
    return pa.array(words[: _SHARED_WORDS + _N_TOPICS * _TOPIC_WORDS], pa.large_string())


def _zipf_words(topics: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Draw a word for each topic given: half of them from words all topics share, half from the topic's own; the r-th with chance 1/r."""
    shared, own = (np.cumsum(1 / np.arange(1, size + 1)) for size in (_SHARED_WORDS, _TOPIC_WORDS))
    chance = rng.random(len(topics), dtype=np.float32)
    common = np.searchsorted(shared, chance * shared[-1])
    special = _SHARED_WORDS + topics * _TOPIC_WORDS + np.searchsorted(own, rng.random(len(topics), dtype=np.float32) * own[-1])
    last = _SHARED_WORDS + _N_TOPICS * _TOPIC_WORDS - 1
    words: npt.NDArray[np.int32] = np.minimum(np.where(rng.random(len(topics)) < 0.5, common, special), last).astype(np.int32)
    return words
