import numpy as np
import pytest
from conftest import random_problem

from craft_core.cluster import Clustering
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.draws import gumbel
from craft_core.errors import DataError, ParameterError
from craft_core.importance import log_weights
from craft_core.problem import Problem
from craft_core.selectors import Dsir
from craft_core.vectorize.protocol import EncodedPairs


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def domains(n: int = 400, m: int = 40) -> Problem:
    """A pool of which every fourth pair is about health, as all of validation is. The vectors say nothing."""
    words = {"health": ["fever", "doctor", "pill", "cough"], "other": ["goal", "vote", "bank", "rain"]}
    generator = rng()

    def texts(topics: list[str]) -> list[str]:
        return [" ".join(generator.choice(words[topic], 6)) for topic in topics]

    topics = ["health" if row % 4 == 0 else "other" for row in range(n)]
    ones = [np.ones((size, 2), np.float32) for size in (n, m)]
    pool = EncodedPairs(ones[0], ones[0], corpus_from_texts(texts(topics), texts(topics), "pool"))
    validation = EncodedPairs(ones[1], ones[1], corpus_from_texts(texts(["health"] * m), texts(["health"] * m), "validation"))
    return Problem(pool, validation, Clustering(ones[0][:1], np.zeros(n, np.int32), np.zeros(m, np.int32)))


def test_without_noise_the_largest_weights_are_taken_largest_first() -> None:
    problem = random_problem(n=200, m=30)
    weights = log_weights(*problem.texts("dsir"), 500)
    selection = Dsir(n_buckets=500, noise=0.0).select(problem, 30, rng())
    assert selection.indices.tolist() == np.argsort(-weights, kind="stable")[:30].tolist()
    np.testing.assert_allclose(selection.scores, np.sort(weights)[::-1][:30], rtol=1e-6)
    assert selection.scores.dtype == selection.weights.dtype == np.float32
    assert selection.weights.tolist() == [1.0] * 30
    assert Dsir(n_buckets=500, noise=0.0).select(problem, 30, rng(1)).indices.tolist() == selection.indices.tolist()


def test_with_noise_another_seed_draws_others_and_the_scores_still_fall() -> None:
    problem = random_problem(n=200, m=30)
    one, two = (Dsir(noise=3.0).select(problem, 30, rng(seed)) for seed in (0, 1))
    assert set(one.indices) != set(two.indices)
    assert (np.diff(one.scores) <= 0).all()


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_pairs_worded_like_validation_are_preferred(noise: float) -> None:
    chosen = Dsir(noise=noise).select(domains(), 100, rng()).indices
    assert (chosen % 4 == 0).all()


def test_noise_without_end_is_chance() -> None:
    chosen = Dsir(noise=1e6).select(domains(4_000), 1_000, rng()).indices
    assert abs((chosen % 4 == 0).mean() - 0.25) < 0.06


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_the_noise_is_one_gumbel_number_a_pair(noise: float) -> None:
    problem = random_problem(n=200, m=30)
    noisy = log_weights(*problem.texts("dsir")) + noise * gumbel(problem.pool_keys, rng(3))
    selection = Dsir(noise=noise).select(problem, 40, rng(3))
    assert selection.indices.tolist() == np.argsort(-noisy)[:40].tolist()
    np.testing.assert_allclose(selection.scores, noisy[selection.indices], rtol=1e-6)


def test_pairs_in_no_cluster_are_left_out() -> None:
    problem = domains(40)
    labels = np.where(np.arange(40) % 8 == 0, -1, 0).astype(np.int32)
    problem = Problem(
        problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, problem.clustering.validation_labels)
    )
    chosen = Dsir(noise=0.0).select(problem, 100, rng()).indices
    assert sorted(chosen.tolist()) == problem.available.tolist()
    assert set(chosen[:5] % 8) == {4}


def test_without_texts_there_is_a_sentence() -> None:
    problem = random_problem(n=20, m=5)
    bare = Problem(EncodedPairs(problem.pool.sources, problem.pool.targets), problem.validation, problem.clustering)
    with pytest.raises(DataError, match="The method dsir counts words, but these pairs have vectors and no texts. Choose another method"):
        Dsir().select(bare, 5, rng())


@pytest.mark.parametrize(("name", "value"), [("n_buckets", 1), ("n_buckets", 65_537), ("noise", -0.1)])
def test_bad_parameters_are_refused(name: str, value: float) -> None:
    with pytest.raises(ParameterError, match=name):
        Dsir(**{name: value})  # type: ignore[arg-type]
