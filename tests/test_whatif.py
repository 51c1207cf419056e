import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from craft_core.allocate import Allocation, allocate
from craft_core.whatif import rank, take


def allocation(counts: list[int], labels: np.ndarray) -> Allocation:
    supply = np.bincount(labels[labels >= 0], minlength=len(counts)).astype(np.int64)
    return Allocation(sum(counts), np.array(counts, dtype=np.int64), supply, np.ones(len(counts), np.int64))


def test_rank_and_take_by_hand() -> None:
    labels = np.array([0, 1, 0, 1, -1, 0], np.int32)
    scores = np.array([-3, -1, -1, -2, 0, -2], np.float32)
    ranking = rank(scores, labels, 2)
    assert ranking.order.tolist() == [2, 5, 0, 1, 3]
    assert ranking.members(1).tolist() == [1, 3]
    selection = take(ranking, allocation([2, 1], labels))
    assert sorted(selection.indices.tolist()) == [1, 2, 5]
    # turns: pair 2 at 1/4 of its cluster, pair 1 at 1/2, pair 5 at 3/4
    assert selection.indices.tolist() == [2, 1, 5]
    assert selection.scores.tolist() == [-1, -1, -2]


def test_ties_go_to_the_lower_row() -> None:
    labels = np.zeros(4, np.int32)
    assert rank(np.array([-1, 0.0, -0.0, -1], np.float32), labels, 1).order.tolist() == [1, 2, 0, 3]


@given(st.lists(st.tuples(st.integers(-1, 3), st.floats(width=32, allow_nan=False)), min_size=1, max_size=40))
def test_packed_keys_sort_like_a_plain_sort(items: list[tuple[int, float]]) -> None:
    labels = np.array([label for label, _ in items], np.int32)
    scores = np.array([score for _, score in items], np.float32)
    plain = sorted((i for i in range(len(items)) if labels[i] >= 0), key=lambda i: (labels[i], -scores[i], i))
    assert rank(scores, labels, 4).order.tolist() == plain


@given(seed=st.integers(0, 2**16), small=st.integers(1, 60), more=st.integers(0, 60), rule=st.sampled_from(["water-fill", "kl-optimal"]))
def test_a_smaller_budget_is_a_subset_where_the_counts_are_monotone(seed: int, small: int, more: int, rule: str) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, 100).astype(np.int32)
    ranking = rank(rng.normal(size=100).astype(np.float32), labels, 5)
    supply, wanted = np.bincount(labels, minlength=5), rng.integers(0, 9, 5)
    one, two = (allocate(rule, wanted, supply, budget) for budget in (small, small + more))
    if (one.counts <= two.counts).all():
        assert set(take(ranking, one).indices) <= set(take(ranking, two).indices)


@given(seed=st.integers(0, 2**16))
def test_any_prefix_keeps_the_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 200).astype(np.int32)
    ranking = rank(rng.normal(size=200).astype(np.float32), labels, 4)
    chosen = allocation([20, 10, 6, 4], labels)
    indices = take(ranking, chosen).indices
    for size in (10, 20, 30):
        got = np.bincount(labels[indices[:size]], minlength=4)
        assert (np.abs(got - chosen.selected_share * size) <= 1).all()
