"""TF-IDF against scikit-learn, its directions against the sparse rows they stand for, and texts of many scripts."""

import os
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.errors import DataError, ParameterError
from craft_core.progress import silent
from craft_core.vectorize.hashing import Hashing
from craft_core.vectorize.svd import main_directions
from craft_core.vectorize.tfidf import Tfidf

WORDS = ["a", "the", "river", "stone", "green", "walk", "slow", "cloud", "seven", "house", "bread", "लड़की", "किताब", "wind", "ใน", "کتاب"]


def texts(n: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, len(WORDS) + 1)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 10), p=shares / shares.sum())) + "." for _ in range(n)]


def corpus(sources: list[str], name: str = "pool") -> Corpus:
    return corpus_from_texts(sources, sources, name)


def words(text: str) -> list[str]:
    return "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in text.lower()).split()


def cosines(vectorizer: Tfidf | Hashing, sources: list[str]) -> np.ndarray:
    encoded = vectorizer.vectorize(corpus(sources), corpus(sources[:1], "validation"), None, 0, silent).pool.sources
    return encoded @ encoded.T


def reference(sources: list[str], **options: object) -> np.ndarray:
    rows = TfidfVectorizer(analyzer=words, **options).fit_transform(sources)
    return (rows @ rows.T).toarray()


@pytest.mark.parametrize("sublinear", [False, True])
def test_with_all_dimensions_cosines_are_those_of_scikit_learn(sublinear: bool) -> None:
    sources = texts(150, 0)
    mine = cosines(Tfidf(sublinear_tf=sublinear, idf_power=1.0), sources)
    assert np.allclose(mine, reference(sources, sublinear_tf=sublinear), atol=1e-5)


def test_idf_times_counts_are_those_of_scikit_learn() -> None:
    # two words of one text stand in the ratio of their weights; the rows of the table carry exactly these
    sources = texts(80, 1)
    projection = Tfidf(idf_power=1.0).vectorize(corpus(sources), corpus(sources[:1], "validation"), None, 0, silent).source_encoder
    lengths = np.linalg.norm(projection.table, axis=1)  # directions span all terms that occur, so a row of the table is as long as its IDF
    fitted = TfidfVectorizer(analyzer=words).fit(sources)
    full_rank = projection.table.shape[0] == projection.table.shape[1]
    assert full_rank
    assert np.allclose(np.sort(lengths), np.sort(fitted.idf_), rtol=1e-5)


def test_min_df_and_max_terms_are_those_of_scikit_learn() -> None:
    sources = texts(100, 2)
    keep_frequent = TfidfVectorizer(analyzer=words, min_df=20).fit(sources)
    assert 2 < len(keep_frequent.vocabulary_) < len(WORDS)
    assert np.allclose(cosines(Tfidf(min_df=20, idf_power=1.0), sources), reference(sources, min_df=20), atol=1e-5)
    encoder = Tfidf(max_terms=3).vectorize(corpus(sources), corpus(sources[:1], "validation"), None, 0, silent).source_encoder
    frequent = sorted(WORDS, key=lambda word: -sum(word in words(text) for text in sources))
    known = [encoder(pa.array([word], pa.large_string())).any() for word in frequent]
    assert known == [True] * 3 + [False] * (len(WORDS) - 3)


@pytest.mark.parametrize("sources", [["one two three four five"] * 100, ["one", "two"] * 50, ["x"], ["one two", "two three", "..."]])
def test_small_data_have_as_many_dimensions_as_rank(sources: list[str]) -> None:
    vectors = Tfidf(idf_power=1.0).vectorize(corpus(sources), corpus(sources[:1], "validation"), None, 0, silent)
    rank = np.linalg.matrix_rank(TfidfVectorizer(analyzer=words).fit_transform(sources).toarray())
    assert vectors.pool.sources.shape == (len(sources), rank)
    assert np.allclose(vectors.pool.sources @ vectors.pool.sources.T, reference(sources), atol=1e-5)


def test_an_empty_validation_set_is_no_trouble() -> None:
    vectors = Tfidf().vectorize(corpus(texts(20, 0)), corpus([], "validation"), None, 0, silent)
    assert len(vectors.validation) == 0


@pytest.mark.parametrize("sources", [[], ["...", "?!"], ["", " "]])
def test_a_side_without_terms_is_refused(sources: list[str]) -> None:
    with pytest.raises(DataError, match=f"The pool's sources have no term that occurs in 1 of the {len(sources)} texts"):
        Tfidf().vectorize(corpus(sources), corpus(["one"], "validation"), None, 0, silent)


def test_a_term_outside_the_directions_is_zero_not_noise() -> None:
    # three topics without a common word: two dimensions hold the two frequent ones, and the third must not become noise of length 1
    sources = ["sun moon"] * 200 + ["salt pepper"] * 100 + ["iron"] * 2
    vectors = Tfidf(dimensions=2).vectorize(corpus(sources), corpus(sources[:1], "validation"), None, 0, silent)
    assert np.flatnonzero(vectors.pool.zero).tolist() == [300, 301]


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, validation = corpus(texts(20_000, 3)), corpus(texts(50, 4), "validation")
    found = []
    for cores in (1, 5):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False)
        found.append([one.vectorize(pool, validation, None, 0, silent) for one in (Tfidf(dimensions=8), Hashing(dimensions=16))])
    for one, two in zip(*found, strict=True):
        assert np.array_equal(one.pool.sources, two.pool.sources)


def test_the_seed_is_used_and_held_to_its_bounds() -> None:
    pool, validation = corpus(texts(500, 3)), corpus(texts(50, 4), "validation")
    one, two = (Tfidf(sample_rows=100, dimensions=4).vectorize(pool, validation, None, seed, silent).pool.sources for seed in (0, 1))
    assert not np.allclose(one, two)
    with pytest.raises(ParameterError, match=r"'dimensions' parameter of tfidf must lie in \[2, 2,048\]. Got 1"):
        Tfidf(dimensions=1)


NEAR = {
    "Devanagari": ("लड़की किताब पढ़ती है", "लड़की किताब पढ़ता है", "मौसम आज बहुत अच्छा था"),
    "Arabic": ("قرأ الولد الكتاب الجديد", "قرأ الولد الكتاب الجديدة", "الطقس جميل هذا الصباح"),
    "Thai": ("ฉันชอบกินข้าวผัดกับไข่ดาว", "ฉันชอบกินข้าวผัดกับไข่เจียว", "วันนี้ฝนตกหนักมากในกรุงเทพ"),
    "Chinese": ("我每天早上喝一杯咖啡", "我每天早上喝一杯绿茶", "火车站离这里非常远"),
}


@pytest.mark.parametrize("vectorizer", [Tfidf(analyzer="char_wb"), Hashing(analyzer="char_wb")], ids=["tfidf", "hashing"])
@pytest.mark.parametrize("script", NEAR)
def test_characters_find_the_neighbour_in_every_script(script: str, vectorizer: Tfidf | Hashing) -> None:
    sentence, changed, unrelated = NEAR[script]
    others = [text for name, group in NEAR.items() if name != script for text in group]
    near = cosines(vectorizer, [sentence, changed, unrelated, *others])[0]
    assert near[1] > 0.4
    assert near[1] > near[2:].max() + 0.2


@pytest.mark.parametrize("vectorizer", [Tfidf(), Hashing()], ids=["tfidf", "hashing"])
def test_words_find_the_neighbour_in_hindi_and_arabic(vectorizer: Tfidf | Hashing) -> None:
    near = cosines(vectorizer, [text for script in ("Devanagari", "Arabic") for text in NEAR[script]])
    assert near[0, 1] > near[0, 2:].max() + 0.2
    assert near[3, 4] > max(near[3, 0], near[3, 1], near[3, 2], near[3, 5]) + 0.2


def test_hashing_keeps_cosines_up_to_its_error() -> None:
    sources = texts(150, 5)
    mine, true = cosines(Hashing(dimensions=2048), sources), reference(sources)
    assert np.abs(mine - true).mean() < 0.03
    assert np.abs(mine - true).max() < 0.15


def test_directions_are_those_of_a_full_svd() -> None:
    rng = np.random.default_rng(0)
    scales = 0.6 ** np.arange(40)
    dense = rng.standard_normal((300, 40)) * scales
    mine = main_directions(scipy.sparse.csr_matrix(dense), 5, 0)
    full = np.linalg.svd(dense)[2][:5].T
    assert np.allclose(mine.T @ mine, np.eye(5), atol=1e-10)
    assert np.allclose(np.abs(mine.T @ full), np.eye(5), atol=1e-4)


def test_directions_stop_at_the_rank() -> None:
    low = np.outer(np.arange(1.0, 6), np.arange(1.0, 8)) + np.outer(np.ones(5), np.arange(7.0) ** 2)
    directions = main_directions(scipy.sparse.csr_matrix(low), 100, 0)
    assert directions.shape == (7, 2)
    assert np.allclose(low @ directions @ directions.T, low)


def test_a_higher_idf_power_makes_frequent_words_count_less() -> None:
    """Two texts share nothing but the most frequent word: the higher the power, the farther apart they are."""
    sources = ["the cat", "the dog", "a cat", "the sun", "the moon", "the rain"]
    shared = [cosines(Tfidf(idf_power=power), sources)[0, 1] for power in (0.0, 1.0, 2.0, 4.0)]
    assert shared == sorted(shared, reverse=True)
    assert shared[0] == pytest.approx(0.5, abs=1e-5)
