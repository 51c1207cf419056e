"""The small translation model: what it computes, that it learns, and that it says what it has learnt."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from finetune_helpers import SMALL, copies, tokens_of

from craft_core.corpus.pairs import corpus_from_texts
from craft_core.finetune.model import Weights, decode, encode_sources, initial_weights, logits, look_across
from craft_core.finetune.tokenizer import END, START, TokenPairs
from craft_core.finetune.train import batches, batches_by_length, losses, train
from craft_core.finetune.translate import mean_nll, translate
from craft_core.progress import silent


def fresh(seed: int = 0) -> Weights:
    return initial_weights(SMALL, 259, seed)


@pytest.fixture(scope="module")
def learnt() -> tuple[Weights, TokenPairs, float]:
    """Weights that know 24 short texts by heart, the texts, and the likelihood before."""
    weights, pairs = fresh(), tokens_of(copies(24, 0))
    before = mean_nll(weights, SMALL, pairs, silent)
    train(weights, SMALL, pairs, 80, 0.01, 0, silent, "Training")
    return weights, pairs, before


def test_before_training_every_token_is_about_as_likely() -> None:
    nll = mean_nll(fresh(), SMALL, tokens_of(copies(24, 0)), silent)
    assert abs(nll - np.log(259)) < 1.5


def test_training_lowers_the_loss(learnt: tuple[Weights, TokenPairs, float]) -> None:
    weights, pairs, before = learnt
    assert mean_nll(weights, SMALL, pairs, silent) < 0.05 < 4 < before


def test_what_was_learnt_by_heart_is_said_word_for_word(learnt: tuple[Weights, TokenPairs, float]) -> None:
    weights, pairs, _ = learnt
    said = [row[: row.index(END) + 1] for row in translate(weights, SMALL, pairs, silent)]
    starts = pairs.targets.starts
    assert said == [pairs.targets.ids[a:b].tolist() for a, b in pairwise(starts)]


def test_translations_end_in_time() -> None:
    pairs = tokens_of(corpus_from_texts(["", "abcdefg"], ["", ""], "test"))
    lengths = [len(row) if END not in row else row.index(END) for row in translate(fresh(), SMALL, pairs, silent)]
    assert lengths[0] <= 11
    assert lengths[1] <= 22


def test_padding_makes_no_difference(learnt: tuple[Weights, TokenPairs, float]) -> None:
    weights = learnt[0]
    pairs = tokens_of(corpus_from_texts(["a", "abcdeabcdeabcde", "ab cd", ""], ["abc", "e", "abcdeabcdeabcdeabcde", "a"], "test"))
    together = losses(weights, SMALL, pairs, np.arange(4), "cpu")
    alone = torch.cat([losses(weights, SMALL, pairs, np.array([row]), "cpu") for row in range(4)])
    assert len(together) == pairs.targets.lengths.sum()
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_mean_counts_every_token_alike(learnt: tuple[Weights, TokenPairs, float]) -> None:
    pairs = tokens_of(corpus_from_texts(["a", "ab"], ["abcdabcd", "e"], "test"))
    every = losses(learnt[0], SMALL, pairs, np.arange(2), "cpu")
    assert mean_nll(learnt[0], SMALL, pairs, silent) == pytest.approx(float(every.mean()), abs=1e-5)


def test_token_by_token_is_the_same_as_all_at_once() -> None:
    weights, settings = fresh(3), SMALL
    sources, ids = torch.tensor([[5, 6, 7, END], [8, END, 0, 0]]), torch.tensor([[START, 9, 10, 11, 12], [START, 7, 7, 8, 9]])
    memory, seen = encode_sources(weights, settings, sources)
    across = look_across(weights, settings, memory)
    whole = logits(weights, decode(weights, settings, ids, across, seen))
    past: dict = {}
    steps = [logits(weights, decode(weights, settings, ids[:, t : t + 1], across, seen, past)) for t in range(5)]
    assert torch.allclose(whole, torch.cat(steps, 1), atol=1e-5)


def test_a_token_does_not_see_those_that_follow() -> None:
    weights = fresh()
    memory, seen = encode_sources(weights, SMALL, torch.tensor([[5, END]]))
    across = look_across(weights, SMALL, memory)
    one, other = (decode(weights, SMALL, torch.tensor([[START, 5, last]]), across, seen) for last in (6, 7))
    assert torch.equal(one[:, :2], other[:, :2])
    assert not torch.allclose(one[:, 2], other[:, 2])


def test_training_leaves_no_gradients_and_no_pairs_leave_the_weights() -> None:
    weights, untouched = fresh(), fresh()
    train(weights, SMALL, tokens_of(copies(0, 0)), 3, 0.01, 0, silent, "Training")
    assert all(torch.equal(weights[name], untouched[name]) for name in untouched)
    train(weights, SMALL, tokens_of(copies(3, 0)), 1, 0.01, 0, silent, "Training")
    assert not any(one.requires_grad or one.grad is not None for one in weights.values())
    assert not torch.equal(weights["embedding"], untouched["embedding"])


def test_batches_hold_every_pair_once_within_the_limit() -> None:
    pairs = tokens_of(copies(200, 1))
    seen = list(batches(pairs, 64, np.random.default_rng(0)))
    assert sorted(np.concatenate(seen).tolist()) == list(range(200))
    areas = [len(rows) * (pairs.sources.lengths[rows].max() + pairs.targets.lengths[rows].max()) for rows in seen]
    assert max(areas) <= 64
    assert np.mean(areas) > 40
    assert [rows.tolist() for rows in seen] != [rows.tolist() for rows in batches(pairs, 64, np.random.default_rng(1))]


def test_a_pair_longer_than_a_batch_goes_alone() -> None:
    pairs = tokens_of(corpus_from_texts(["abcdefghi", "a", "b"], ["abcdefghi", "a", "b"], "pool"))
    assert [rows.tolist() for rows in batches_by_length(pairs, np.arange(3), 8)] == [[1, 2], [0]]
