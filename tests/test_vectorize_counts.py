"""Counts are what one would count by hand, and know only the terms they should."""

from collections import Counter as Tally

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.progress import silent
from craft_core.vectorize import blocks
from craft_core.vectorize.counts import Buckets, Counter, Vocabulary, document_frequencies
from craft_core.vectorize.tokens import Analyzer

WORDS = Analyzer("word", 1, 1)
LETTERS = "abcdefgh"
KEYS = WORDS.terms(pa.array([" ".join(LETTERS)], pa.large_string())).keys


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


@given(st.lists(st.text(alphabet=LETTERS + "xy", max_size=150), min_size=1, max_size=4))
def test_counts_are_those_of_a_tally(texts: list[str]) -> None:
    spaced = array(*(" ".join(text) for text in texts))
    counts = Counter(WORDS, Vocabulary(KEYS), False).counts(spaced)
    expected = [[Tally(text)[letter] for letter in LETTERS] for text in texts]
    assert counts.toarray().tolist() == expected
    assert counts.has_canonical_format
    damped = Counter(WORDS, Vocabulary(KEYS), True).counts(spaced)
    assert np.array_equal(damped.data, 1 + np.log(counts.data))
    frequencies = document_frequencies(Counter(WORDS, Vocabulary(KEYS), False), spaced, silent)
    assert frequencies.tolist() == np.count_nonzero(expected, axis=0).tolist()


@pytest.mark.parametrize("n", [64, 65, 5_000])
def test_long_texts_are_sorted_too(n: int) -> None:
    columns = np.random.default_rng(n).integers(0, n, size=n)
    words = [f"w{column}" for column in range(n)]
    keys = WORDS.terms(array(" ".join(words))).keys
    counts = Counter(WORDS, Vocabulary(keys), False).counts(array("w0 w1", " ".join(words[column] for column in columns), "w2"))
    assert counts[1].toarray()[0].tolist() == np.bincount(columns, minlength=n).tolist()
    assert counts.has_canonical_format
    assert counts[2].indices.tolist() == [2]


def test_a_vocabulary_knows_the_places_of_its_terms_and_no_others() -> None:
    rng = np.random.default_rng(0)
    keys = np.unique(np.concatenate([np.arange(500), rng.integers(0, 2**64, 500, dtype=np.uint64)]).astype(np.uint64))
    shuffled = rng.permutation(keys)
    assert Vocabulary(shuffled).columns(shuffled).tolist() == list(range(len(keys)))
    assert Vocabulary(shuffled[:-1]).columns(np.append(shuffled[-1:], shuffled[:1])).tolist() == [-1, 0]
    assert Vocabulary(keys[:0]).columns(keys[:2]).tolist() == [-1, -1]


def test_buckets_are_the_leading_bits() -> None:
    keys = np.array([0, 2**61, 2**64 - 1], np.uint64)
    assert Buckets(3).columns(keys).tolist() == [0, 1, 7]
    counts = Counter(Analyzer("char_wb", 1, 15), Buckets(1), False).counts(array("abc" * 20))
    assert counts.shape == (1, 2)
    assert counts.sum() == len(Analyzer("char_wb", 1, 15).terms(array("abc" * 20)).keys)


def test_frequencies_are_the_same_in_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = array(*(" ".join(LETTERS[n % 5 : n % 7 + 1]) for n in range(200)))
    counter = Counter(WORDS, Vocabulary(KEYS), False)
    whole = document_frequencies(counter, texts, silent)
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 3)
    assert document_frequencies(counter, texts, silent).tolist() == whole.tolist()
    assert document_frequencies(counter, texts[:0], silent).tolist() == [0] * len(LETTERS)
