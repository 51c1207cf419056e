"""Importance weights against a direct count with dictionaries."""

from collections import Counter
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.importance import MOST_BUCKETS, log_weights
from craft_core.vectorize import blocks
from craft_core.vectorize.tokens import Analyzer

POOL = [
    ("The fever is high!", "बुखार तेज़ है।"),
    ("the the the", "वह वह"),
    ("", ""),
    ("rain, rain; go away...", "बारिश, बारिश"),
    ("   ", "है।"),
    ("😀 ok", ""),
]
VALIDATION = [("Is the fever high?", "क्या बुखार तेज़ है?"), ("A high fever.", "तेज़ बुखार।")]


def corpus(pairs: list[tuple[str, str]]) -> Corpus:
    return corpus_from_texts([source for source, _ in pairs], [target for _, target in pairs], "pairs")


def hashes(text: str) -> list[int]:
    """The tokens of a text and its pairs of neighbours, one by one."""
    token, neighbours = Analyzer("token", 1, 1), Analyzer("token", 2, 2)
    return [key for one in (token, neighbours) for key in one.terms(pa.array([text], pa.large_string())).keys.tolist()]


def counted(pool: list[tuple[str, str]], validation: list[tuple[str, str]], n_buckets: int) -> np.ndarray:
    """Sum over both sides and all terms of log ((v + 1) / (V + B)) - log ((q + 1) / (Q + B)), with dictionaries."""
    weights = np.zeros(len(pool))
    for side in (0, 1):
        terms, wanted = (
            [[key // 2**32 * n_buckets // 2**32 for key in hashes(pair[side])] for pair in pairs] for pairs in (pool, validation)
        )
        usual, unusual = Counter(chain(*terms)), Counter(chain(*wanted))
        for row, own in enumerate(terms):
            for one in own:
                weights[row] += np.log((unusual[one] + 1) / (unusual.total() + n_buckets))
                weights[row] -= np.log((usual[one] + 1) / (usual.total() + n_buckets))
    return weights


@pytest.mark.parametrize("n_buckets", [2, 3, 100, 10_000, MOST_BUCKETS])
def test_weights_are_those_of_a_direct_count(n_buckets: int) -> None:
    found = log_weights(corpus(POOL), corpus(VALIDATION), n_buckets)
    np.testing.assert_allclose(found, counted(POOL, VALIDATION, n_buckets), atol=1e-12)
    assert found.dtype == np.float64
    assert not found.flags.writeable


def test_a_weight_by_hand() -> None:
    """One word a side: the pool says it 1 of 2 times on the source side, validation 2 of 2 times; the target sides are alike."""
    found = log_weights(corpus([("fever", "x"), ("rain", "x")]), corpus([("fever", "x"), ("fever", "x")]), MOST_BUCKETS)
    total = 2 + MOST_BUCKETS
    assert found[0] == pytest.approx(np.log(3 / total) - np.log(2 / total))
    assert found[1] == pytest.approx(np.log(1 / total) - np.log(2 / total))


def test_what_is_said_as_validation_says_it_weighs_more_and_no_text_weighs_nothing() -> None:
    found = log_weights(corpus(POOL), corpus(VALIDATION * 20), 1_000)
    assert np.argmax(found) == 0
    assert found[3] < 0
    assert found[2] == 0


def test_a_side_has_buckets_of_its_own() -> None:
    pool = [("fever", "rain"), ("rain", "fever")]
    found = log_weights(corpus(pool), corpus([("fever", "rain")]), MOST_BUCKETS)
    assert found[0] > 0 > found[1]


pairs = st.lists(st.tuples(*[st.text(alphabet="ab !?है", max_size=9)] * 2), min_size=1, max_size=12)


@given(pool=pairs, validation=pairs, n_buckets=st.sampled_from([2, 5, 1_000]))
def test_blocks_make_no_difference_and_any_texts_are_counted(
    pool: list[tuple[str, str]], validation: list[tuple[str, str]], n_buckets: int
) -> None:
    whole = log_weights(corpus(pool), corpus(validation), n_buckets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BLOCK_ROWS", 3)
        assert log_weights(corpus(pool), corpus(validation), n_buckets).tolist() == whole.tolist()
    np.testing.assert_allclose(whole, counted(pool, validation, n_buckets), atol=1e-9)


def test_permuting_the_pool_permutes_the_weights_to_the_last_bit() -> None:
    order = np.random.default_rng(0).permutation(len(POOL))
    found = log_weights(corpus(POOL), corpus(VALIDATION))
    assert log_weights(corpus(POOL).take(order), corpus(VALIDATION)).tolist() == found[order].tolist()


def test_no_pool_and_no_validation() -> None:
    assert log_weights(corpus(POOL).take(np.zeros(0, np.int64)), corpus(VALIDATION)).shape == (0,)
    found = log_weights(corpus(POOL), corpus(VALIDATION).take(np.zeros(0, np.int64)), 100)
    np.testing.assert_allclose(found, counted(POOL, [], 100))


def test_progress_goes_up_to_1_and_stops_the_work() -> None:
    shares: list[float] = []
    log_weights(corpus(POOL), corpus(VALIDATION), progress=lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_weights(corpus(POOL), corpus(VALIDATION), progress=stop)
