import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from craft_core.allocate import Allocation
from craft_core.budgets import between
from craft_core.budgets.between import stretches
from craft_core.whatif import Ranking, rank, take


def allocation(ranking: Ranking, counts: list[int]) -> Allocation:
    supply = np.diff(ranking.starts)
    return Allocation(max(sum(counts), 1), np.array(counts, dtype=np.int64), supply, np.ones(len(counts), np.int64))


def test_who_enters_and_leaves_by_hand() -> None:
    # cluster 0 holds 2, 5, 0 from best to worst, cluster 1 holds 1, 3; pair 4 is in none
    ranking = rank(np.array([-3, -1, -1, -2, 0, -2], np.float32), np.array([0, 1, 0, 1, -1, 0], np.int32), 2)
    change = between(ranking, allocation(ranking, [1, 2]), allocation(ranking, [3, 1]))
    assert change.entering.tolist() == [5, 0]
    assert change.leaving.tolist() == [3]
    assert change.entered.tolist() == [2, 0]
    assert change.left.tolist() == [0, 1]


def test_nothing_changes_between_equal_budgets() -> None:
    ranking = rank(np.zeros(5, np.float32), np.array([0, 0, 2, 2, 2], np.int32), 3)  # cluster 1 is empty
    same = allocation(ranking, [1, 0, 2])
    change = between(ranking, same, same)
    assert len(change.entering) == len(change.leaving) == change.entered.sum() == change.left.sum() == 0


@given(seed=st.integers(0, 2**16))
def test_the_difference_is_that_of_the_selections(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 5, 60).astype(np.int32)
    ranking = rank(rng.normal(size=60).astype(np.float32), labels, 5)
    first, second = (allocation(ranking, rng.integers(0, np.diff(ranking.starts) + 1).tolist()) for _ in range(2))
    one, other = (set(take(ranking, each).indices.tolist()) for each in (first, second))
    change = between(ranking, first, second)
    assert set(change.entering.tolist()) == other - one
    assert set(change.leaving.tolist()) == one - other
    assert len(change.entering) + len(change.leaving) == len(one ^ other)
    assert change.entered.tolist() == np.bincount(labels[change.entering], minlength=5).tolist()
    assert change.left.tolist() == np.bincount(labels[change.leaving], minlength=5).tolist()
    assert change.entering.tolist() == stretches(ranking, first.counts, second.counts).tolist()
