"""What every vectorizer promises, held on all of them."""

import numpy as np
import pyarrow as pa
import pytest
from vectorize_helpers import save_vectors, tiny_model

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.errors import ParameterError
from craft_core.progress import silent
from craft_core.vectorize import VECTORIZERS, find_vectorizer
from craft_core.vectorize.hashing import Hashing
from craft_core.vectorize.precomputed import Precomputed
from craft_core.vectorize.protocol import Vectors
from craft_core.vectorize.sentence import SentenceTransformers
from craft_core.vectorize.tfidf import Tfidf

WORDS = ["river", "stone", "green", "walk", "slow", "cloud", "seven", "house", "bread", "tall", "quick", "north", "lamp", "salt", "wind"]
BLANK = 3


def corpus(name: str, n: int, seed: int) -> Corpus:
    rng = np.random.default_rng(seed)
    sides = [[" ".join(rng.choice(WORDS, rng.integers(2, 9))) for _ in range(n)] for _ in range(2)]
    if n > BLANK:
        sides[0][BLANK] = ""
    return corpus_from_texts(sides[0], sides[1], name)


POOL, VALIDATION, TEST = corpus("pool", 120, 1), corpus("validation", 30, 2), corpus("test", 10, 3)
NAMES = ["tfidf", "tfidf characters", "tfidf sampled", "hashing", "hashing bigrams", "sentence-transformers", "precomputed"]


@pytest.fixture(scope="module")
def vectorizers(tmp_path_factory):
    return {
        "tfidf": Tfidf(dimensions=8),
        "tfidf characters": Tfidf(analyzer="char_wb", dimensions=8),
        "tfidf sampled": Tfidf(dimensions=4, sample_rows=100),
        "hashing": Hashing(dimensions=32, n_bits=12),
        "hashing bigrams": Hashing(dimensions=32, n_bits=12, ngram_max=2),
        "sentence-transformers": SentenceTransformers(model=str(tiny_model(tmp_path_factory.mktemp("tiny"), WORDS)), device="cpu"),
        "precomputed": Precomputed(folder=str(save_vectors(tmp_path_factory.mktemp("saved"), POOL, VALIDATION, TEST))),
    }


@pytest.fixture(scope="module", params=NAMES)
def case(request, vectorizers):
    vectorizer = vectorizers[request.param]
    return vectorizer, vectorizer.vectorize(POOL, VALIDATION, TEST, 5, silent)


def matrices(vectors: Vectors) -> list[np.ndarray]:
    return [side for pairs in (vectors.pool, vectors.validation, vectors.test) for side in (pairs.sources, pairs.targets)]


def test_every_vectorizer_is_held_to_the_contract(vectorizers) -> None:
    assert {one.name for one in vectorizers.values()} == set(VECTORIZERS)


def test_rows_are_unit_or_zero_float32_and_read_only(case) -> None:
    for matrix in matrices(case[1]):
        assert matrix.dtype == np.float32
        assert not matrix.flags.writeable
        lengths = np.linalg.norm(matrix, axis=1)
        assert np.allclose(lengths[lengths > 0], 1, atol=1e-5)


def test_blank_texts_are_zero_and_reported(case) -> None:
    for pairs in (case[1].pool, case[1].validation, case[1].test):
        assert np.flatnonzero(pairs.zero).tolist() == [BLANK]
        assert not pairs.sources[BLANK].any()


def test_all_corpora_lie_in_one_space(case) -> None:
    sides = matrices(case[1])
    assert len({one.shape[1] for one in sides[::2]}) == len({one.shape[1] for one in sides[1::2]}) == 1
    assert [len(one) for one in sides[::2]] == [len(POOL), len(VALIDATION), len(TEST)]


def test_same_input_same_vectors(case) -> None:
    vectorizer, vectors = case
    again = vectorizer.vectorize(POOL, VALIDATION, TEST, 5, silent)
    for one, two in zip(matrices(vectors), matrices(again), strict=True):
        assert np.array_equal(one, two)


def test_permuting_the_pool_and_the_validation_set_permutes_the_vectors(case) -> None:
    vectorizer, vectors = case
    rng = np.random.default_rng(0)
    order, validation_order = rng.permutation(len(POOL)), rng.permutation(len(VALIDATION))
    permuted = vectorizer.vectorize(POOL.take(order), VALIDATION.take(validation_order), None, 5, silent)
    tolerance = 1e-5 if vectorizer.name == "sentence-transformers" else 0  # batches are padded differently
    assert np.allclose(permuted.pool.sources, vectors.pool.sources[order], rtol=0, atol=tolerance)
    assert np.allclose(permuted.pool.targets, vectors.pool.targets[order], rtol=0, atol=tolerance)
    assert np.allclose(permuted.validation.sources, vectors.validation.sources[validation_order], rtol=0, atol=tolerance)


@pytest.mark.parametrize("step", [1, 7])
def test_encoders_give_the_vectors_of_the_pool_however_the_texts_are_cut(case, step: int) -> None:
    vectorizer, vectors = case
    if vectors.source_encoder is None:
        assert vectors.target_encoder is None
        return
    tolerance = 1e-5 if vectorizer.name == "sentence-transformers" else 0
    for encoder, texts, known in (
        (vectors.source_encoder, POOL.sources, vectors.pool.sources),
        (vectors.target_encoder, POOL.targets, vectors.pool.targets),
    ):
        cut = np.concatenate([encoder(texts.slice(start, step)) for start in range(0, len(texts), step)])
        assert np.allclose(cut, known, rtol=0, atol=tolerance)
        assert encoder(texts[:0]).shape == (0, known.shape[1])


def test_a_missing_or_empty_test_set_gives_none(case) -> None:
    empty = TEST.take(np.zeros(0, np.int64))
    for test in (None, empty):
        assert case[0].vectorize(POOL, VALIDATION, test, 5, silent).test is None


def test_the_test_set_changes_nothing(case) -> None:
    vectorizer, vectors = case
    without = vectorizer.vectorize(POOL, VALIDATION, None, 5, silent)
    assert np.array_equal(without.pool.sources, vectors.pool.sources)


def test_progress_rises_to_the_end_and_raising_from_it_cancels(case) -> None:
    seen: list[float] = []
    case[0].vectorize(POOL, VALIDATION, TEST, 5, lambda share, text: seen.append(share))
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1

    class CancelledError(Exception):
        pass

    def cancel(share: float, text: str) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        case[0].vectorize(POOL, VALIDATION, TEST, 5, cancel)


def test_an_unknown_name_lists_the_known() -> None:
    assert find_vectorizer("tfidf") is Tfidf
    with pytest.raises(ParameterError, match=r"no vectorizer 'word2vec'. There are: tfidf, hashing, sentence-transformers, precomputed"):
        find_vectorizer("word2vec")


@pytest.mark.parametrize("cls", [Tfidf, Hashing])
def test_a_shortest_term_longer_than_the_longest_is_refused(cls) -> None:
    with pytest.raises(ParameterError, match=r"'ngram_min' parameter of .* must not be larger than 'ngram_max', which is 2. Got 3"):
        cls(ngram_min=3, ngram_max=2)


def test_vectors_of_another_space_are_zero_for_unknown_words() -> None:
    vectors = Tfidf(dimensions=8).vectorize(POOL, VALIDATION, None, 0, silent)
    assert not vectors.source_encoder(pa.array(["zzz qqq"], pa.large_string())).any()
