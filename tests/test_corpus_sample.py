"""The sample follows the content, not the order."""

import numpy as np
import pytest

from craft_core.corpus import sample
from craft_core.corpus.hashes import text_hashes
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.corpus.sample import content_keys, keys_of, pair_hashes, sample_positions, seeded

POOL = corpus_from_texts([f"source {i % 90}" for i in range(100)], [f"target {i % 90}" for i in range(100)], "pool")


def test_keys_follow_the_content() -> None:
    keys = content_keys(POOL, 0)
    order = np.random.default_rng(0).permutation(len(POOL))
    assert keys.dtype == np.uint64
    assert not keys.flags.writeable
    assert np.array_equal(content_keys(POOL.take(order), 0), keys[order])
    assert np.array_equal(keys[90:], keys[:10])  # equal pairs, equal keys
    assert len(np.unique(keys)) == 90


def test_keys_depend_on_seed_and_side() -> None:
    keys = content_keys(POOL, 0)
    mirrored = corpus_from_texts(POOL.targets.to_pylist(), POOL.sources.to_pylist(), "pool")
    assert not np.intersect1d(keys, content_keys(POOL, 1)).size
    assert not np.intersect1d(keys, content_keys(mirrored, 0)).size
    assert len(content_keys(POOL, -1)) == len(POOL)


def test_texts_are_hashed_once_for_all_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = POOL.take(np.arange(50))
    kept = content_keys(pool, 0)
    monkeypatch.setattr(sample, "text_hashes", None)
    assert content_keys(pool, 0) is kept
    assert len(np.unique([content_keys(pool, seed) for seed in (0, 1, -1, 2**63 + 1)])) == 200
    assert np.array_equal(content_keys(pool, -1), content_keys(pool, 2**64 - 1))


def test_keys_come_of_the_hashes_of_the_sides_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_BLOCK", 7)
    sources, targets = pair_hashes(POOL)
    assert np.array_equal(sources, text_hashes(POOL.sources))
    assert np.array_equal(targets, text_hashes(POOL.targets))
    for seed in (0, 5):
        assert np.array_equal(seeded(keys_of(sources, targets), seed), content_keys(POOL, seed))


def test_keys_are_the_same_on_every_machine() -> None:
    # golden: a change here changes every fitted vector, and must be meant
    pair = corpus_from_texts(["कि"], ["ki"], "pool")
    assert [int(content_keys(pair, seed)[0]) for seed in (0, 7)] == [16495161843571089921, 17004931946036778852]


def test_the_sample_is_the_smallest_keys_in_their_order() -> None:
    keys = content_keys(POOL, 3)
    positions = sample_positions(keys, 20)
    assert positions.dtype == np.int64
    assert keys[positions].tolist() == sorted(keys.tolist())[:20]
    assert len(set(positions.tolist())) == 20


def test_a_permuted_pool_gives_the_same_sample() -> None:
    order = np.random.default_rng(1).permutation(len(POOL))
    permuted = POOL.take(order)
    for size in (1, 20, 99, 100, 500):
        one = POOL.take(sample_positions(content_keys(POOL, 3), size))
        two = permuted.take(sample_positions(content_keys(permuted, 3), size))
        assert one.sources.equals(two.sources)
        assert one.targets.equals(two.targets)


def test_small_and_empty_corpora_are_taken_whole() -> None:
    empty = content_keys(POOL.take(np.zeros(0, np.int64)), 0)
    assert sample_positions(empty, 5).tolist() == []
    assert sorted(sample_positions(content_keys(POOL, 0), 100).tolist()) == list(range(100))
