"""Made-up pairs whose targets are a linear map of their sources, some of them exchanged."""

from functools import cache

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from craft_core import alignment as module
from craft_core.alignment import LEAST_AUC, Alignment, alignment
from craft_core.cluster import Clustering
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.errors import DataError
from craft_core.problem import Problem
from craft_core.vectorize.protocol import EncodedPairs, unit_rows


def as_problem(sources: np.ndarray, targets: np.ndarray, lengths: tuple[np.ndarray, np.ndarray], texts: bool = True) -> Problem:
    """Texts of these lengths; each begins with its number, so that all keys differ."""
    n = len(sources)
    sides = [[f"{row:05d}".ljust(length, "x") for row, length in enumerate(side)] for side in lengths]
    corpus = corpus_from_texts(*sides, "pool") if texts else None
    pool = EncodedPairs(unit_rows(sources.astype(np.float32)), unit_rows(targets.astype(np.float32)), corpus)
    few = np.arange(3)
    return Problem(pool, pool.take(few), Clustering(pool.sources[:1].copy(), np.zeros(n, np.int32), np.zeros(3, np.int32)))


def related(n: int = 1_500, dimensions: int = 16, exchanged: float = 0.3, seed: int = 0) -> tuple[Problem, np.ndarray]:
    """Return pairs, and which of them have another's target."""
    rng = np.random.default_rng(seed)
    sources = rng.normal(size=(n, dimensions))
    targets = sources @ rng.normal(size=(dimensions, dimensions)) + rng.normal(size=(n, dimensions))
    lengths = rng.integers(10, 100, n)
    other = np.round(lengths * rng.uniform(1.1, 1.3, n)).astype(int)
    moved = np.sort(rng.choice(n, int(exchanged * n), replace=False))
    targets[moved], other[moved] = targets[np.roll(moved, 1)], other[np.roll(moved, 1)]
    return as_problem(sources, targets, (lengths, other)), np.isin(np.arange(n), moved)


def unrelated(n: int, dimensions: int, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    return as_problem(*rng.normal(size=(2, n, dimensions)), tuple(rng.integers(10, 100, (2, n))))


@cache
def mixed() -> tuple[Problem, np.ndarray, Alignment]:
    problem, moved = related()
    return problem, moved, alignment(problem, "craft-weighted")


def test_exchanged_pairs_look_less_like_pairs() -> None:
    _, moved, found = mixed()
    assert roc_auc_score(~moved, found.probabilities) > 0.97
    assert np.median(found.probabilities[moved]) < 0.3
    assert np.median(found.probabilities[~moved]) > 0.7
    assert found.probabilities.dtype == np.float32
    assert not found.probabilities.flags.writeable


def test_a_pool_without_a_mistake_is_told_from_exchanged_pairs_nearly_always() -> None:
    found = alignment(related(exchanged=0.0)[0], "craft-weighted")
    assert found.auc > 0.97
    assert found.paired(0.7).mean() > 0.8


def test_the_auc_counts_the_pools_own_mistakes_against_the_classifier() -> None:
    """3 of 10 pairs look like exchanged ones, and are told from them by chance: 0.7 * nearly 1 + 0.3 * 0.5."""
    assert mixed()[2].auc == pytest.approx(0.85, abs=0.03)


def test_paired_leaves_none_out_where_the_classifier_cannot_be_trusted() -> None:
    probabilities = np.array([0.0, 0.4, 0.7, 1.0], np.float32)
    assert Alignment(probabilities, LEAST_AUC).paired(0.7).tolist() == [False, False, True, True]
    assert Alignment(probabilities, LEAST_AUC).paired(0.0).all()
    assert Alignment(probabilities, LEAST_AUC - 0.001).paired(0.7).all()


@pytest.mark.parametrize(("n", "dimensions"), [(120, 50), (400, 180), (1_000, 400)])
def test_unrelated_sides_are_not_learned_by_heart(n: int, dimensions: int) -> None:
    """With nearly as many dimensions as pairs a map fits its own pairs closely; judged by the other half's map, they agree on nothing."""
    found = alignment(unrelated(n, dimensions), "craft-weighted")
    assert 0.4 < found.auc < 0.7
    assert found.paired(0.7).all()
    assert abs(np.median(found.probabilities) - 0.5) < 0.1


def test_both_halves_are_judged_alike() -> None:
    """Maps that had seen a half would take its exchanged pairs for pairs more often than those of the other half."""
    problem, moved = related(n=800, dimensions=150)
    probabilities = alignment(problem, "craft-weighted").probabilities
    in_second = np.isin(np.arange(800), np.argsort(problem.pool_keys)[1::2])
    for some in (moved, ~moved):
        assert abs(probabilities[some & in_second].mean() - probabilities[some & ~in_second].mean()) < 0.05


def test_pairs_beyond_the_sample_are_judged_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAMPLE_ROWS", 600)
    monkeypatch.setattr(module, "_BLOCK_ROWS", 257)
    problem, moved = related()
    found = alignment(problem, "craft-weighted")
    outside = np.ones(len(moved), dtype=bool)
    outside[np.argsort(problem.pool_keys)[:600]] = False
    for some in (outside, ~outside):
        assert roc_auc_score(~moved[some], found.probabilities[some]) > 0.96


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_ROWS", 100)
    np.testing.assert_allclose(alignment(related()[0], "craft-weighted").probabilities, mixed()[2].probabilities, atol=1e-4)


def test_too_few_pairs_tell_nothing() -> None:
    found = alignment(related(n=99)[0], "craft-weighted")
    assert found.probabilities.tolist() == [1.0] * 99
    assert found.auc == 0.5
    assert found.paired(1.0).all()
    assert alignment(related(n=100)[0], "craft-weighted").probabilities.min() < 0.5


def test_permuting_the_pool_permutes_the_answer() -> None:
    problem, _, found = mixed()
    order = np.random.default_rng(1).permutation(len(problem.pool))
    shuffled = Problem(problem.pool.take(order), problem.validation, problem.clustering)
    again = alignment(shuffled, "craft-weighted")
    np.testing.assert_allclose(again.probabilities, found.probabilities[order], atol=1e-4)
    assert again.auc == pytest.approx(found.auc, abs=1e-6)


def test_it_is_learned_once_a_pool_whatever_the_validation() -> None:
    problem, _, found = mixed()
    assert alignment(problem, "craft-weighted") is found
    assert alignment(problem.with_validation(np.array([1])), "craft-weighted") is found
    assert alignment(related()[0], "craft-weighted") is not found


def test_pairs_in_no_cluster_are_not_looked_at() -> None:
    problem, moved, _ = mixed()
    pool = problem.pool.take(np.arange(len(moved)))
    labels = np.where(np.arange(len(moved)) % 5 == 0, -1, 0).astype(np.int32)
    found = alignment(
        Problem(pool, problem.validation, Clustering(problem.clustering.centers, labels, np.zeros(3, np.int32))), "craft-weighted"
    )
    assert (found.probabilities[::5] == 0).all()
    assert (found.probabilities[labels == 0] > 0).all()
    assert roc_auc_score(~moved[labels == 0], found.probabilities[labels == 0]) > 0.97


def test_lengths_alone_tell_something() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(10, 300, 600)
    found = alignment(as_problem(*rng.normal(size=(2, 600, 4)), (lengths, np.round(1.5 * lengths).astype(int))), "craft-weighted")
    assert found.auc > 0.9


def test_without_texts_there_is_a_sentence() -> None:
    rng = np.random.default_rng(0)
    problem = as_problem(*rng.normal(size=(2, 150, 4)), tuple(rng.integers(10, 100, (2, 150))), texts=False)
    with pytest.raises(DataError, match="The method craft-weighted counts words, but these pairs have vectors and no texts"):
        alignment(problem, "craft-weighted")


def test_stopping_keeps_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_ROWS", 50)
    problem, _ = related(n=200)

    def stop(share: float, text: str) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alignment(problem, "craft-weighted", stop)
    shares: list[float] = []
    alignment(problem, "craft-weighted", lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert len(shares) >= 5
    assert 0.5 < shares[-1] <= 1
