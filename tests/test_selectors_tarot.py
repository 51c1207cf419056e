import json
from pathlib import Path

import numpy as np
import ot
import pytest
from conftest import random_pairs, random_problem
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from craft_core.joint import joint_rows
from craft_core.selectors import Tarot
from craft_core.selectors.tarot import best_layers, layers, potentials, whiten
from craft_core.vectorize.protocol import unit_rows

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "tarot.json").read_text())["cases"]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def sphere(n: int, seed: int) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32))


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_selection_is_that_of_the_authors_code(number: int) -> None:
    budget, arrays = CASES[number]["budget"], np.load(GOLDEN / "tarot.npz")
    pool, validation = arrays[f"case{number}_pool"], arrays[f"case{number}_validation"]
    whiten(pool, validation)
    if f"case{number}_whitened_pool" in arrays:
        assert np.abs(pool - arrays[f"case{number}_whitened_pool"]).max() < 1e-6
        assert np.abs(validation - arrays[f"case{number}_whitened_validation"]).max() < 1e-6
    chosen, scores = best_layers(layers(pool, validation, budget), pool, validation, budget, 0.01)
    complete = arrays[f"case{number}_complete_layers"]
    assert set(chosen[: len(complete)]) == set(complete)
    assert set(chosen) == set(arrays[f"case{number}_selected"])
    assert np.diff(scores).max() <= 0


def test_whitened_rows_have_no_direction_left() -> None:
    pairs = random_pairs(3_000, 3, rng())
    pool, validation = joint_rows(pairs, np.arange(2_900)), joint_rows(pairs, np.arange(2_900, 3_000))
    before = np.vstack([pool, validation]).astype(np.float64)
    whiten(pool, validation)
    after = np.vstack([pool, validation])
    assert np.linalg.norm(after, axis=1) == pytest.approx(np.ones(3_000), rel=1e-5)
    centred = before - before.mean(axis=0)
    factor = np.linalg.cholesky(centred.T @ centred / 3_000 + 1e-5 * np.eye(6))
    exact = np.linalg.solve(factor, centred.T).T
    assert np.abs(after - exact / np.linalg.norm(exact, axis=1, keepdims=True)).max() < 1e-4


@given(seed=st.integers(0, 2**16), n=st.integers(1, 60), m=st.integers(1, 9), budget=st.integers(1, 80))
def test_a_layer_is_the_best_rank_a_row_has(seed: int, n: int, m: int, budget: int) -> None:
    pool, validation = sphere(n, seed), sphere(m, seed + 1)
    ranks = np.argsort(np.argsort(-(validation @ pool.T), axis=1, kind="stable"), axis=1).min(axis=0)
    found = layers(pool, validation, budget)
    known = found < n
    assert known.sum() >= min(budget, n)
    assert found[known].tolist() == ranks[known].tolist()
    assert (ranks[~known] > found[known].max()).all()
    chosen, scores = best_layers(found, pool, validation, budget, 0.01)
    assert len(set(chosen)) == len(chosen) == min(budget, n)
    assert np.diff(np.append(ranks[chosen], n)).min() >= 0
    assert np.ceil(scores).astype(int).tolist() == (-ranks[chosen]).tolist()


def test_potentials_approach_those_of_exact_transport() -> None:
    rows, validation = sphere(30, 0), sphere(40, 1)
    cost = cdist(rows, validation)
    _, log = ot.sinkhorn(np.full(30, 1 / 30), np.full(40, 1 / 40), cost, 0.5**2, method="sinkhorn_log", log=True, stopThr=1e-12)
    exact, found = 0.5**2 * log["log_u"], potentials(rows, validation, 0.5)
    assert np.corrcoef(exact, found)[0, 1] > 0.97  # the schedule stops early


def test_the_farthest_of_the_last_layer_come_first() -> None:
    angles = np.array([0.0, 3.0, 90.0, 140.0, 180.0])
    rows = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)
    validation = rows[[0, 0, 0]]
    assert np.argsort(-potentials(rows, validation, 0.01)).tolist() == [4, 3, 2, 1, 0]
    assert np.isfinite(potentials(rows[:1], rows[:1], 0.01)).all()  # one point: the diameter is 0


def test_the_pairs_nearest_to_validation_come_first() -> None:
    problem = random_problem(n=400, m=30)
    selection = Tarot().select(problem, 300, rng())
    assert np.diff(selection.scores).max() <= 0
    assert selection.scores[0] == 0
    assert selection.scores.dtype == np.float32
    assert (selection.scores[:5] == 0).all()
    assert set(Tarot().select(problem, 400, rng()).indices) == set(range(400))
