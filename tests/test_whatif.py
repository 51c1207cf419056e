import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from craft_core.allocate import Allocation, allocate
from craft_core.whatif import Ranking, rank, reordered, take


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


def ranked(sizes: list[int]) -> Ranking:
    """Clusters of these sizes, one after the other, and in each the first pair best."""
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
    return rank(-np.arange(len(labels), dtype=np.float32), labels, len(sizes))


def test_reordered_puts_the_wanted_pairs_first_and_leaves_the_rest() -> None:
    asked = []

    def order(cluster: int, members: np.ndarray, count: int) -> np.ndarray:
        asked.append((cluster, members.tolist(), count))
        return np.array([3, 0, 2])[:count]

    before = ranked([4, 5, 0, 4])
    after = reordered(before, np.array([2, 3, 0, 0]), order)
    assert asked == [(0, [0, 1, 2, 3], 2), (1, [4, 5, 6, 7, 8], 3)]
    assert after.members(0).tolist() == [3, 0, 1, 2]
    assert after.members(1).tolist() == [7, 4, 6, 5, 8]
    assert after.members(2).tolist() == []
    assert after.members(3).tolist() == [9, 10, 11, 12]
    assert before.order.tolist() == list(range(13))
    assert after.scores is before.scores
    assert after.starts.tolist() == before.starts.tolist()
    assert not after.order.flags.writeable


def test_reordered_takes_fewer_than_it_asked_for() -> None:
    after = reordered(ranked([5]), np.array([4]), lambda cluster, members, count: np.array([2]))
    assert after.order.tolist() == [2, 0, 1, 3, 4]
    assert reordered(ranked([3]), np.array([3]), lambda cluster, members, count: np.zeros(0, np.int64)).order.tolist() == [0, 1, 2]


@given(seed=st.integers(0, 2**16), sizes=st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_reordered_keeps_every_pair_in_its_cluster(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    before = ranked(sizes)
    counts = rng.integers(0, np.array(sizes) + 1)
    after = reordered(before, counts, lambda cluster, members, count: rng.permutation(len(members))[:count])
    for c in range(len(sizes)):
        assert sorted(after.members(c)) == before.members(c).tolist()
        assert sorted(after.members(c)[counts[c] :]) == after.members(c)[counts[c] :].tolist()


def test_reordered_tells_how_far_it_is() -> None:
    shares: list[float] = []
    reordered(ranked([2, 2, 2, 2]), np.array([1, 0, 1, 0]), lambda *given: np.array([1]), lambda share, text: shares.append(share))
    assert shares == [0.0, 0.5]
