from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.discrepancy import Coverage, coverage, reference_terms
from craft_core.discrepancy.coverage import term_places
from craft_core.vectorize import blocks
from craft_core.vectorize.tokens import Analyzer

HELD = corpus_from_texts(["the cat sat", "the dog"], ["बिल्ली बैठी", "कुत्ता कुत्ता कुत्ता"], "test")
POOL = corpus_from_texts(["The THE cat", "", "dog sat. sat", "a mat"], ["कुत्ता", "वह बैठी", "", "कुत्ता कुत्ता"], "pool")
NOTHING = np.zeros(0, dtype=np.int64)


def key(term: str) -> int:
    terms = Analyzer("word", *[len(term.split())] * 2).terms(pa.array([term], pa.large_string()))
    (found,) = terms.keys.tolist()
    return found


def slow_terms(texts: list[str]) -> list[list[list[str]]]:
    """Words and bigrams of each text, with strings."""
    words = [text.split() for text in texts]
    return [words, [[f"{one} {two}" for one, two in pairwise(text)] for text in words]]


def slow_coverage(chosen: list[str], held: list[str]) -> list[float]:
    shares = []
    for mine, wanted in zip(slow_terms(chosen), slow_terms(held), strict=True):
        seen, counts = {term for text in mine for term in text}, Counter(term for text in wanted for term in text)
        shares.append(sum(counts[term] for term in counts if term in seen) / counts.total() if counts else float("nan"))
    return shares


def test_reference_terms_are_weighted_by_how_often_they_occur() -> None:
    reference = reference_terms(HELD)
    found = [
        dict(zip(keys.tolist(), weights.tolist(), strict=True)) for keys, weights in zip(reference.keys, reference.weights, strict=True)
    ]
    assert found[0] == {key("the"): 2 / 5, key("cat"): 1 / 5, key("sat"): 1 / 5, key("dog"): 1 / 5}
    assert found[1] == {key("the cat"): 1 / 3, key("cat sat"): 1 / 3, key("the dog"): 1 / 3}
    assert found[2] == {key("बिल्ली"): 1 / 5, key("बैठी"): 1 / 5, key("कुत्ता"): 3 / 5}
    assert found[3] == {key("बिल्ली बैठी"): 1 / 3, key("कुत्ता कुत्ता"): 2 / 3}
    assert all((np.diff(keys.astype(object)) > 0).all() for keys in reference.keys)


def test_term_places_by_hand() -> None:
    reference = reference_terms(HELD)
    places = term_places(POOL, reference)
    expected = [
        {("the", 0), ("cat", 0), ("dog", 2), ("sat", 2)},
        {("the cat", 0)},
        {("कुत्ता", 0), ("बैठी", 1), ("कुत्ता", 3)},
        {("कुत्ता कुत्ता", 3)},
    ]
    for one, keys, couples in zip(places, reference.keys, expected, strict=True):
        assert sorted(zip(keys[one.terms].tolist(), one.pairs.tolist(), strict=True)) == sorted((key(term), pair) for term, pair in couples)
        assert one.terms.dtype == one.pairs.dtype == one.tokens.dtype == np.int32
    assert [one.tokens.tolist() for one in places] == [[3, 0, 3, 2]] * 2 + [[1, 2, 0, 2]] * 2


def test_coverage_by_hand() -> None:
    reference = reference_terms(HELD)
    assert coverage(POOL, reference) == Coverage(1.0, pytest.approx(1 / 3), pytest.approx(4 / 5), pytest.approx(2 / 3))
    assert coverage(POOL.take(np.array([3])), reference) == Coverage(0.0, 0.0, pytest.approx(3 / 5), pytest.approx(2 / 3))
    assert coverage(HELD, reference) == Coverage(*[pytest.approx(1.0)] * 4)


def test_nothing_chosen_covers_nothing_and_nothing_held_out_is_nan() -> None:
    assert coverage(POOL.take(NOTHING), reference_terms(HELD)) == Coverage(0, 0, 0, 0)
    empty = reference_terms(HELD.take(NOTHING))
    assert [len(keys) for keys in empty.keys] == [len(weights) for weights in empty.weights] == [0] * 4
    assert coverage(POOL, empty) == Coverage(*[pytest.approx(float("nan"), nan_ok=True)] * 4)
    assert [one.tokens.tolist() for one in term_places(POOL, empty)][::2] == [[3, 0, 3, 2], [1, 2, 0, 2]]
    assert all(len(one.terms) == len(one.tokens) == 0 for one in term_places(POOL.take(NOTHING), reference_terms(HELD)))
    single = reference_terms(corpus_from_texts(["cat"], ["कुत्ता"], "test"))  # one word a text: no bigram to cover
    assert coverage(POOL, single) == Coverage(1, pytest.approx(float("nan"), nan_ok=True), 1, pytest.approx(float("nan"), nan_ok=True))


texts = st.lists(st.lists(st.sampled_from("abcde"), max_size=6).map(" ".join), max_size=12)


@given(texts, texts)
def test_coverage_and_places_are_those_of_string_sets(chosen: list[str], held: list[str]) -> None:
    pool, reference = corpus_from_texts(chosen, chosen, "pool"), reference_terms(corpus_from_texts(held, held, "test"))
    found = coverage(pool, reference)
    assert [found.source_tokens, found.source_bigrams] == pytest.approx(slow_coverage(chosen, held), nan_ok=True)
    assert [found.target_tokens, found.target_bigrams] == pytest.approx(slow_coverage(chosen, held), nan_ok=True)
    for one, weights, share in zip(term_places(pool, reference), reference.weights, (*slow_coverage(chosen, held),) * 2, strict=True):
        assert one.tokens.tolist() == [len(text.split()) for text in chosen]
        assert weights[np.unique(one.terms)].sum() == pytest.approx(0.0 if np.isnan(share) else share)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    sides = [[" ".join(rng.choice(list("abcdefgh"), rng.integers(0, 7))) for _ in range(200)] for _ in range(2)]
    pool, reference = corpus_from_texts(*sides, "pool"), reference_terms(corpus_from_texts(sides[0][:30], sides[1][:30], "test"))
    whole, share = term_places(pool, reference), coverage(pool, reference)
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 7)
    again = reference_terms(corpus_from_texts(sides[0][:30], sides[1][:30], "test"))
    for one, two in zip((*again.keys, *again.weights), (*reference.keys, *reference.weights), strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(term_places(pool, reference), whole, strict=True):
        assert len(two.terms) > 100
        np.testing.assert_array_equal(one.terms, two.terms)
        np.testing.assert_array_equal(one.pairs, two.pairs)
        np.testing.assert_array_equal(one.tokens, two.tokens)
    assert coverage(pool, reference) == share


def test_a_slice_of_a_corpus_is_read_from_its_own_beginning() -> None:
    tail = Corpus(POOL.sources[2:], POOL.targets[2:], POOL.ids[2:], POOL.rows[2:].copy(), POOL.columns, "pool")
    reference = reference_terms(HELD)
    taken = POOL.take(np.array([2, 3]))
    assert coverage(tail, reference) == coverage(taken, reference)
    assert [one.pairs.tolist() for one in term_places(tail, reference)] == [one.pairs.tolist() for one in term_places(taken, reference)]


def test_progress_rises_to_one_and_can_stop() -> None:
    shares: list[float] = []
    term_places(POOL, reference_terms(HELD), lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        term_places(POOL, reference_terms(HELD), stop)
