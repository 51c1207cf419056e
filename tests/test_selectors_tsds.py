import json
from pathlib import Path

import numpy as np
import pytest
from conftest import random_pairs, random_problem
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from craft_core.cluster import Clustering
from craft_core.errors import DataError
from craft_core.problem import Problem
from craft_core.selectors import Tsds
from craft_core.selectors.tsds import Densities, sweep
from craft_core.vectorize.protocol import EncodedPairs

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "tsds.json").read_text())["cases"]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def nearest(validation: np.ndarray, pool: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    distances = cdist(validation, pool)
    neighbours = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return neighbours, np.take_along_axis(distances, neighbours, axis=1)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_probabilities_are_those_of_the_authors_code(number: int) -> None:
    case, arrays = CASES[number], np.load(GOLDEN / "tsds.npz")
    pool, validation, wanted = (arrays[f"case{number}_{name}"] for name in ("pool", "validation", "probabilities"))
    neighbours, distances = nearest(validation, pool, case["max_k"])  # the golden rows are not quite of length 1
    known = Densities(EncodedPairs(pool, pool), np.unique(neighbours), case["sigma"], case["kde_k"]) if case["sigma"] else np.ones_like
    masses = sweep(neighbours, distances, known, case["alpha"] / case["C"], 1 - case["alpha"])  # type: ignore[arg-type]
    found = np.bincount(neighbours[:, : masses.shape[1]].ravel(), masses.ravel(), minlength=len(pool))
    assert np.abs(found - wanted).max() < 1e-6
    assert np.flatnonzero(found).tolist() == np.flatnonzero(wanted).tolist()
    # at the first neighbour of a validation pair that fills it, the mass is 1 / (M s rho)
    density = known(neighbours[:, 0])
    full = masses[:, 0] < 1 / len(validation) - 1e-9
    assert 1 / (len(validation) * masses[full, 0] * density[full]) == pytest.approx(case["effective_neighbours"], rel=1e-5)


@given(
    seed=st.integers(0, 2**16), m=st.integers(1, 4), k=st.integers(1, 8), alpha=st.floats(0.05, 1), scale=st.sampled_from([0.2, 1.0, 5.0])
)
def test_the_sweep_is_as_good_as_the_linear_program(seed: int, m: int, k: int, alpha: float, scale: float) -> None:
    draw = np.random.default_rng(seed)
    neighbours = np.array([draw.permutation(10)[:k] for _ in range(m)])
    distances = np.sort(draw.random((m, k)), axis=1)
    distances[:, -1] += 1e4  # the last neighbour is too far, or it would take more than its cap, as in the authors' code
    density = 1 + draw.exponential(size=10)
    masses = sweep(neighbours, distances, lambda positions: density[positions], alpha / scale, 1 - alpha)
    assert masses.min() >= 0
    assert masses.sum(axis=1) == pytest.approx(np.full(m, 1 / m))
    full, rho = np.pad(masses, ((0, 0), (0, k - masses.shape[1]))), density[neighbours]
    found = alpha / scale * (full * distances).sum() + (1 - alpha) * m * (full * rho).max()
    caps = np.hstack([np.diag(rho.ravel()), -np.ones((m * k, 1))])
    sums = np.hstack([np.kron(np.eye(m), np.ones(k)), np.zeros((m, 1))])
    cost = np.append(alpha / scale * distances.ravel(), (1 - alpha) * m)
    best = linprog(cost, A_ub=caps, b_ub=np.zeros(m * k), A_eq=sums, b_eq=np.full(m, 1 / m))
    assert best.status == 0
    assert found == pytest.approx(best.fun, rel=1e-9)


def test_the_sweep_asks_for_few_densities() -> None:
    neighbours, distances = nearest(rng().normal(size=(20, 3)), rng().normal(size=(2_000, 3)) + 0.1, 500)
    asked: set[int] = set()

    def density(positions: np.ndarray) -> np.ndarray:
        asked.update(positions.tolist())
        return 1 + positions % 3

    masses = sweep(neighbours, distances, density, 5.0, 0.5)
    used = np.unique(neighbours[:, : masses.shape[1]][masses > 0])
    assert set(used) <= asked
    assert len(asked) < 2 * len(used) < 500


def test_a_density_counts_the_nearest_within_sigma() -> None:
    pool = random_pairs(700, 3, rng())
    joint = np.hstack([pool.sources, pool.targets]) / np.sqrt(2)
    others, asked = np.arange(0, 700, 2), np.array([[4, 10], [20, 4]])
    for kde_k in (1, 9, 1_000):
        kernel = -np.sort(-np.maximum(1 - cdist(joint[asked.ravel()], joint[others]) ** 2 / 0.6**2, 0), axis=1)
        found = Densities(pool, others, 0.6, kde_k)(asked)
        assert found == pytest.approx(kernel[:, :kde_k].sum(axis=1).reshape(asked.shape), rel=1e-5)


def test_the_parts_make_the_probabilities() -> None:
    problem = random_problem(n=400, m=12, dimensions=3)
    labels = problem.clustering.pool_labels.copy()
    labels[::5] = -1
    problem = Problem(
        problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, problem.clustering.validation_labels)
    )
    pool, validation = (np.hstack([one.sources, one.targets]) / np.sqrt(2) for one in (problem.pool, problem.validation))
    near, distances = nearest(validation, pool[problem.available], 32)  # a tenth of those available
    neighbours = problem.available[near]
    others = np.unique(neighbours)  # densities count these alone
    assert len(others) < 250 < len(problem.available)
    kernel = -np.sort(-np.maximum(1 - cdist(pool, pool[others]) ** 2 / 0.7**2, 0), axis=1)[:, :20].sum(axis=1)
    masses = sweep(neighbours, distances, lambda positions: kernel[positions], 0.4 / 2.0, 0.6)
    wanted = np.bincount(neighbours[:, : masses.shape[1]].ravel(), masses.ravel(), minlength=400)
    found = Tsds(alpha=0.4, transport_scale=2.0, sigma=0.7, max_k=5_000, kde_k=20).probabilities(problem)
    assert np.abs(found - wanted).max() < 1e-6


def test_near_duplicates_share_the_probability_of_one_pair() -> None:
    def rows(*degrees: float) -> np.ndarray:
        return np.array([[np.cos(np.radians(one)), np.sin(np.radians(one))] for one in degrees], np.float32)

    pool = np.vstack([rows(0, 0, 0, 40, 80), rows(*np.linspace(150, 210, 45))])
    problem = Problem(
        EncodedPairs(pool, pool), EncodedPairs(rows(0), rows(0)), Clustering(pool[:1], np.zeros(50, np.int32), np.zeros(1, np.int32))
    )
    found = Tsds(alpha=0.0, sigma=0.5, max_k=5, kde_k=5).probabilities(problem)
    assert found[:5] == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2, 0])
    assert Tsds(alpha=1.0).probabilities(problem)[0] == 1.0
    assert Tsds(alpha=1.0).support(problem) == 1


def test_the_draw_comes_first_and_the_next_neighbours_fill() -> None:
    problem = random_problem()
    selector = Tsds(transport_scale=0.01, max_k=6)
    support = selector.support(problem)
    probabilities = selector.probabilities(problem)
    assert probabilities.sum() == pytest.approx(1)
    assert support == np.count_nonzero(probabilities) < 100
    selection = selector.select(problem, 250, rng())
    drawn, filled = selection.indices[:support], selection.indices[support:]
    assert selection.notes == (f"Only {support:,} pairs have a probability under tsds; {len(filled):,} more are next neighbours.",)
    assert set(drawn) == set(np.flatnonzero(probabilities))
    assert selection.scores[:support] == pytest.approx(np.log(probabilities[drawn]))
    assert np.diff(selection.scores[support - 1 :]).max() <= 0
    assert selection.scores[support] < selection.scores[:support].min()
    assert np.isfinite(selection.scores).all()
    joint = [np.hstack([one.sources, one.targets]) / np.sqrt(2) for one in (problem.validation, problem.pool)]
    ranks = np.argsort(np.argsort(cdist(*joint), axis=1, kind="stable"), axis=1).min(axis=0)
    inside = ranks[filled] < 6
    assert inside[: inside.sum()].all()
    assert np.diff(ranks[filled][inside]).min() >= 0  # round by round
    assert np.diff(cdist(*joint).min(axis=0)[filled][~inside]).min() > -1e-6  # and then by distance to any


def test_likely_pairs_are_drawn_more_often() -> None:
    problem = random_problem(n=200, m=8)
    selector, draw = Tsds(max_k=10), rng()
    probabilities = selector.probabilities(problem)
    counts = np.zeros(200)
    for _ in range(150):
        counts[selector.select(problem, 1, draw).indices] += 1
    assert np.abs(counts / 150 - probabilities).max() < 4 * np.sqrt(0.25 / 150)
    assert np.corrcoef(counts, probabilities)[0, 1] > 0.8


def test_a_validation_set_without_vectors_is_refused() -> None:
    problem = random_problem()
    labels = np.full(60, -1, np.int32)
    clustering = Clustering(problem.clustering.centers, problem.clustering.pool_labels, labels)
    with pytest.raises(DataError):
        Tsds().select(Problem(problem.pool, problem.validation, clustering), 5, rng())
