"""Which words and pairs of words of held-out texts a selection contains.

A word is a run of letters, marks and digits in lower case, a pair of words (bigram) two words that follow one another in a text. Both are
64-bit hashes here, see `craft_core.vectorize.tokens`. The four vocabularies are always in the order of the fields of `Coverage`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import BoolVector, FloatVector, IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.blocks import in_order, text_blocks
from craft_core.vectorize.counts import Vocabulary
from craft_core.vectorize.tokens import Analyzer, Terms

__all__ = ["Coverage", "Reference", "TermPlaces", "coverage", "reference_terms", "term_places"]

Int32Vector = npt.NDArray[np.int32]
"""Row numbers of which there are tens of millions, shape (n,)."""

_WORDS_AND_BIGRAMS = Analyzer("word", 1, 2)


@dataclass(frozen=True)
class Coverage:
    """Hold shares of running words (tokens) and pairs of neighbouring words (bigrams) of the held-out texts that occur in a selection.

    In [0, 1]; nan where the held-out texts have none. A term that the held-out texts repeat counts as often as it occurs there.
    """

    source_tokens: float
    source_bigrams: float
    target_tokens: float
    target_bigrams: float


@dataclass(frozen=True, eq=False)
class Reference:
    """Hold the distinct terms of held-out texts: four vocabularies, in the order of the fields of `Coverage`.

    Attributes
    ----------
    keys : tuple of array of uint64
        Sorted hashes of the distinct terms.
    weights : tuple of FloatVector
        Share of the held-out occurrences each term makes up; each sums to 1 (or is empty).
    """

    keys: tuple[npt.NDArray[np.uint64], ...]
    weights: tuple[FloatVector, ...]

    def __post_init__(self) -> None:
        for array in (*self.keys, *self.weights):
            frozen(array)


@dataclass(frozen=True, eq=False)
class TermPlaces:
    """Hold in which pool pairs the terms of a reference occur, for one of the four vocabularies.

    Attributes
    ----------
    terms : Int32Vector
        Position of the term in the reference's vocabulary.
    pairs : Int32Vector
        Pool position; (term, pair) couples are distinct, in rising order of pairs, then terms.
    tokens : Int32Vector
        Shape (N,): words in each pool text of that side, whether in the reference or not.
    """

    terms: Int32Vector
    pairs: Int32Vector
    tokens: Int32Vector

    def __post_init__(self) -> None:
        for array in (self.terms, self.pairs, self.tokens):
            frozen(array)


def reference_terms(held: Corpus) -> Reference:
    """Return the words and pairs of words of both sides of held-out texts."""
    keys, counts = zip(*(one for texts in (held.sources, held.targets) for one in _distinct_terms(texts)), strict=True)
    return Reference(keys, tuple(one / max(int(one.sum()), 1) for one in counts))


def term_places(pool: Corpus, reference: Reference, progress: Progress = silent) -> tuple[TermPlaces, ...]:
    """Find the reference's terms in the pool, one `TermPlaces` for each of the four vocabularies; blockwise, one pass over the texts.

    Time and memory are those of the texts and of the couples found (8 bytes each), whatever the size of the reference.
    """
    sources = _side_places(pool.sources, reference.keys[:2], part(progress, 0.0, 0.5))
    return *sources, *_side_places(pool.targets, reference.keys[2:], part(progress, 0.5, 1.0))


def coverage(chosen: Corpus, reference: Reference) -> Coverage:
    """Return which share of the held-out terms occurs in the chosen texts: 0 where nothing is chosen, nan where nothing is held out."""
    seen = (*_side_seen(chosen.sources, reference.keys[:2]), *_side_seen(chosen.targets, reference.keys[2:]))
    shares = (weights[one].sum() if len(weights) else float("nan") for one, weights in zip(seen, reference.weights, strict=True))
    return Coverage(*(min(float(share), 1.0) for share in shares))  # a sum of all shares can be 1 + 1e-16


def _distinct_terms(texts: pa.LargeStringArray) -> list[tuple[npt.NDArray[np.uint64], IntVector]]:
    """Return the sorted keys of one side's words and of its bigrams, each with how often they occur."""

    def find(block: tuple[int, int]) -> tuple[Terms, Terms]:
        return _words_and_bigrams(texts.slice(block[0], block[1] - block[0]))[:2]

    blocks = list(in_order(find, text_blocks(texts), silent, ""))
    nothing = np.zeros(0, np.uint64)
    found = (np.unique(np.concatenate([nothing, *(one[n].keys for one in blocks)]), return_counts=True) for n in (0, 1))
    return [(keys, counts.astype(np.int64)) for keys, counts in found]


def _side_places(texts: pa.LargeStringArray, keys: tuple[npt.NDArray[np.uint64], ...], progress: Progress) -> tuple[TermPlaces, ...]:
    known = tuple(Vocabulary(one) for one in keys)

    def find(block: tuple[int, int]) -> tuple[list[tuple[Int32Vector, Int32Vector]], Int32Vector]:
        *terms, tokens = _words_and_bigrams(texts.slice(block[0], block[1] - block[0]))
        return [_couples(one, vocabulary, block[0]) for one, vocabulary in zip(terms, known, strict=True)], tokens

    blocks = list(in_order(find, text_blocks(texts), progress, "Finding held-out words in the pool"))
    tokens = _joined([tokens for _, tokens in blocks])
    found = [[couples[n] for couples, _ in blocks] for n in (0, 1)]
    return tuple(TermPlaces(_joined([terms for terms, _ in one]), _joined([pairs for _, pairs in one]), tokens) for one in found)


def _couples(terms: Terms, vocabulary: Vocabulary, start: int) -> tuple[Int32Vector, Int32Vector]:
    """Return the distinct (term, pair) couples of a block that begins at pair `start`."""
    columns = vocabulary.columns(terms.keys)
    cells = np.unique(((terms.rows << 32) | columns)[columns >= 0])  # one number for pair and term
    return (cells & 0xFFFF_FFFF).astype(np.int32), ((cells >> 32) + start).astype(np.int32)


def _side_seen(texts: pa.LargeStringArray, keys: tuple[npt.NDArray[np.uint64], ...]) -> tuple[BoolVector, ...]:
    known = tuple(Vocabulary(one) for one in keys)
    seen = tuple(np.zeros(len(one) + 1, dtype=bool) for one in keys)  # the last place is for terms that are not known

    def find(block: tuple[int, int]) -> list[IntVector]:
        terms = _words_and_bigrams(texts.slice(block[0], block[1] - block[0]))[:2]
        return [vocabulary.columns(one.keys) for one, vocabulary in zip(terms, known, strict=True)]

    for columns in in_order(find, text_blocks(texts), silent, ""):
        for switches, places in zip(seen, columns, strict=True):
            switches[places] = True
    return tuple(one[:-1] for one in seen)


def _words_and_bigrams(texts: pa.LargeStringArray) -> tuple[Terms, Terms, Int32Vector]:
    """Return the words of a block of texts, its bigrams, and how many words each text has."""
    terms = _WORDS_AND_BIGRAMS.terms(texts)
    # a text of w > 0 words has w words and w - 1 bigrams; all words of the block come before all bigrams
    tokens = (np.bincount(terms.rows, minlength=len(texts)) + 1) // 2
    middle = int(tokens.sum())
    words, bigrams = (Terms(terms.keys[half], terms.rows[half]) for half in (slice(0, middle), slice(middle, None)))
    return words, bigrams, tokens.astype(np.int32)


def _joined(arrays: list[Int32Vector]) -> Int32Vector:
    return np.concatenate([np.zeros(0, np.int32), *arrays])
