import numpy as np
import pytest
from conftest import random_pairs
from sacrebleu.metrics import CHRF

from craft_core import ridge
from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.discrepancy import Proxies, downstream_proxies, nearest_chrf, proxies, ridge_rank
from craft_core.vectorize.protocol import EncodedPairs

NOTHING = np.zeros(0, dtype=np.int64)


def pairs(sources: list[list[float]], targets: list[list[float]]) -> EncodedPairs:
    return EncodedPairs(np.array(sources, dtype=np.float32), np.array(targets, dtype=np.float32))


def texts_for(encoded: EncodedPairs, name: str = "pool") -> Corpus:
    words = [f"{name} sentence {row} {row * 7919 % 1000}" for row in range(len(encoded))]
    return corpus_from_texts(words, [word[::-1] for word in words], name)


def test_a_map_that_can_be_learnt_ranks_every_true_target_first() -> None:
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0].astype(np.float32)
    sources = [random_pairs(n, 8, rng).sources for n in (300, 50)]
    selected, held = (EncodedPairs(one, one @ rotation) for one in sources)
    assert ridge_rank(selected, held) == 1


def test_targets_in_no_order_rank_as_by_guessing() -> None:
    rng = np.random.default_rng(1)
    selected, held = random_pairs(300, 8, rng), random_pairs(400, 8, rng)
    shuffled = EncodedPairs(held.sources, held.targets[rng.permutation(400)])
    guessing = (1 / np.arange(1, 401)).mean()
    assert guessing == pytest.approx((np.log(400) + 0.58) / 400, rel=0.01)
    assert ridge_rank(selected, shuffled) == pytest.approx(guessing, rel=0.5)
    assert ridge_rank(selected, held) > 10 * guessing


def test_ridge_rank_by_hand() -> None:
    selected = pairs([[1, 0], [0, 1]], [[1, 0], [0, 1]])  # the map is one half of the identity
    held = pairs([[1, 0], [0, 1], [0.8, 0.6]], [[1, 0], [1, 0], [0, 1]])
    # cosines: 1 1 0 for the first, whose target ties with the second's; 0 0 1 for the second; 0.8 0.8 0.6 for the third
    assert ridge_rank(selected, held) == pytest.approx((1 / 1.5 + 1 / 2.5 + 1 / 3) / 3)


def test_a_source_that_is_mapped_to_zero_ties_with_all() -> None:
    selected = pairs([[1, 0]], [[1, 0]])
    held = pairs([[0, 1], [0, 0], [0, 1]], [[1, 0], [0, 1], [0.6, 0.8]])
    assert ridge_rank(selected, held) == pytest.approx(1 / 2)


def test_the_penalty_is_that_of_ridge_regression() -> None:
    rng = np.random.default_rng(2)
    selected, held = random_pairs(20, 5, rng), random_pairs(30, 5, rng)
    x, y = selected.sources.astype(np.float64), selected.targets.astype(np.float64)
    predicted = held.sources @ np.linalg.inv(x.T @ x + 3 * np.eye(5)) @ x.T @ y
    cosines = predicted / np.linalg.norm(predicted, axis=1, keepdims=True) @ held.targets.T
    ranks = 1 + (cosines > cosines.diagonal()[:, None]).sum(axis=1)
    assert ridge_rank(selected, held, penalty=3.0) == pytest.approx((1 / ranks).mean())


def test_blocks_of_the_selection_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    selected, held = random_pairs(100, 5, rng), random_pairs(30, 5, rng)
    whole = ridge_rank(selected, held)
    monkeypatch.setattr(ridge, "_BLOCK_ROWS", 7)
    assert ridge_rank(selected, held) == pytest.approx(whole)


def test_more_pairs_of_the_same_kind_rank_better() -> None:
    rng = np.random.default_rng(4)
    selected, held = random_pairs(2_000, 32, rng), random_pairs(300, 32, rng)
    found = [ridge_rank(selected.take(np.arange(n)), held) for n in (5, 50, 2_000)]
    assert found == sorted(found)
    assert found[-1] > 2 * found[0]


def test_nearest_translation_of_what_was_selected_is_perfect() -> None:
    rng = np.random.default_rng(5)
    held = random_pairs(20, 8, rng)
    texts = texts_for(held, "held")
    order = rng.permutation(20)
    assert nearest_chrf(held.take(order), texts.take(order), held, texts) == pytest.approx(100)


def test_nearest_chrf_is_sacrebleu_on_the_nearest_target() -> None:
    selected = pairs([[1, 0], [0, 1]], [[1, 0], [0, 1]])
    selected_texts = corpus_from_texts(["a", "b"], ["नमस्ते दुनिया", "good night"], "pool")
    held = pairs([[0.6, 0.8], [0.8, 0.6], [0, 0]], [[1, 0], [0, 1], [1, 0]])
    held_texts = corpus_from_texts(["x", "y", "z"], ["good nights", "नमस्ते", "good"], "test")
    # the last source has no vector, so no neighbour: its translation is empty
    expected = CHRF().corpus_score(["good night", "नमस्ते दुनिया", ""], [["good nights", "नमस्ते", "good"]]).score
    assert 0 < expected < 100
    assert nearest_chrf(selected, selected_texts, held, held_texts) == pytest.approx(expected)


def test_without_anything_to_learn_from_or_to_measure_on_the_proxies_are_nan() -> None:
    encoded = random_pairs(5, 3, np.random.default_rng(6))
    texts, rng = texts_for(encoded), np.random.default_rng(0)
    nothing, no_texts = encoded.take(NOTHING), texts.take(NOTHING)
    for found in (downstream_proxies(nothing, no_texts, encoded, texts, rng), downstream_proxies(encoded, texts, nothing, no_texts, rng)):
        assert np.isnan([found.ridge_rank, found.nearest_chrf]).all()
    one = np.array([0])
    assert np.isnan(ridge_rank(encoded, encoded.take(one)))
    assert nearest_chrf(encoded, texts, encoded.take(one), texts.take(one)) == pytest.approx(100)


def test_downstream_proxies_are_both_of_all_pairs_where_there_are_few() -> None:
    rng = np.random.default_rng(7)
    selected, held = random_pairs(60, 6, rng), random_pairs(40, 6, rng)
    texts = texts_for(selected), texts_for(held, "held")
    found = downstream_proxies(selected, texts[0], held, texts[1], rng)
    assert found == Proxies(ridge_rank(selected, held), nearest_chrf(selected, texts[0], held, texts[1]))
    assert found == downstream_proxies(selected, texts[0], held, texts[1], np.random.default_rng(99))


def test_large_sets_are_sampled_texts_and_vectors_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "MAX_HELD", 10)
    monkeypatch.setattr(proxies, "MAX_SELECTED", 25)
    encoded = random_pairs(60, 6, np.random.default_rng(8))
    texts = texts_for(encoded)
    found = downstream_proxies(encoded, texts, encoded, texts, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    held, selected = (np.sort(rng.choice(60, n, replace=False)) for n in (10, 25))
    assert found.ridge_rank == ridge_rank(encoded.take(selected), encoded.take(held))
    assert found.nearest_chrf == nearest_chrf(encoded.take(selected), texts.take(selected), encoded.take(held), texts.take(held))
    assert found.nearest_chrf < 100
