import numpy as np
import pytest
from conftest import random_pairs

from craft_core import ridge
from craft_core.ridge import ridge_map


def by_hand(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    x, y = x.astype(np.float64), y.astype(np.float64)
    return np.linalg.inv(x.T @ x + penalty * np.eye(x.shape[1])) @ x.T @ y


@pytest.mark.parametrize("penalty", [1.0, 3.0])
def test_the_map_is_that_of_ridge_regression(penalty: float) -> None:
    pairs = random_pairs(40, 5, np.random.default_rng(0))
    assert ridge_map(pairs, penalty) == pytest.approx(by_hand(pairs.sources, pairs.targets, penalty), abs=1e-6)


def test_only_the_positions_count_and_blocks_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "_BLOCK_ROWS", 7)
    pairs, positions = random_pairs(60, 4, np.random.default_rng(1)), np.arange(50, 3, -2)
    assert ridge_map(pairs, 1.0, positions) == pytest.approx(by_hand(pairs.sources[positions], pairs.targets[positions], 1.0), abs=1e-6)
    assert ridge_map(pairs) == pytest.approx(by_hand(pairs.sources, pairs.targets, 1.0), abs=1e-6)


def test_nothing_to_learn_from_gives_the_zero_map() -> None:
    pairs = random_pairs(5, 3, np.random.default_rng(2))
    assert not ridge_map(pairs, 1.0, np.zeros(0, np.int64)).any()
