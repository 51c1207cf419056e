"""Herding against the greedy choice written out, with the window that grows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from craft_core import herd as module
from craft_core.herd import herd, n_candidates


def world(n: int, m: int, dimensions: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dimensions)).astype(np.float32), rng.normal(size=(m, dimensions)).astype(np.float32)


def is_greedy(rows: np.ndarray, wanted: np.ndarray, taken: np.ndarray, prizes: np.ndarray | None = None) -> None:
    """Check every step. What is compared is the value, not the position: on a line, and to rounding, many candidates tie."""
    rows, wanted = rows.astype(np.float64), wanted.astype(np.float64)
    near, between = cdist(rows, wanted).mean(axis=1), cdist(rows, rows)
    assert len(set(taken.tolist())) == len(taken)
    for step, one in enumerate(taken):
        gain = near - (between[:, taken[:step]].mean(axis=1) if step else 0) - (0 if prizes is None else prizes)
        window = min(max(8 * (step + 1), 200), 2_048)
        assert one < window
        gain[taken[:step]] = np.inf
        assert gain[one] <= gain[:window].min() + 1e-5


@given(seed=st.integers(0, 2**16), n=st.integers(1, 14), m=st.integers(1, 5), dimensions=st.integers(1, 4), data=st.data())
def test_herding_is_the_greedy_choice_it_says_it_is(seed: int, n: int, m: int, dimensions: int, data: st.DataObject) -> None:
    rows, wanted = world(n, m, dimensions, seed)
    count = data.draw(st.integers(0, n))
    prizes = data.draw(st.sampled_from([None, np.random.default_rng(seed).normal(size=n)]))
    taken = herd(rows, wanted, count, prizes)
    assert len(taken) == count
    assert taken.dtype == np.int64
    is_greedy(rows, wanted, taken, prizes)


@pytest.mark.parametrize("n", [127, 128, 129, 199, 200, 201, 255, 256, 257, 700])
def test_the_window_grows_and_tiles_have_no_seams(n: int) -> None:
    rows, wanted = world(n, 9, 6, n)
    is_greedy(rows, wanted, herd(rows, wanted, min(n, 60)))


def test_a_candidate_is_not_seen_before_its_turn() -> None:
    """The best candidate of all stands at place 207, which the 26th step is the first to see: 8 * 26 = 208."""
    rows, wanted = world(300, 40, 4, 0)
    prizes = np.zeros(300)
    prizes[[207, 208]] = 10.0
    taken = herd(rows, wanted, 40, prizes)
    assert taken[25] == 207
    assert taken[26] == 208


def test_the_window_ends_at_2048() -> None:
    rows, wanted = world(2_100, 3, 3, 0)
    prizes = np.zeros(2_100)
    prizes[[2_047, 2_048]] = 10.0
    taken = herd(rows, wanted, 300, prizes)
    assert taken[255] == 2_047
    assert taken.max() == 2_047


@given(seed=st.integers(0, 2**16), n=st.sampled_from([5, 127, 128, 129, 250, 256, 384, 385, 640]), data=st.data())
@settings(max_examples=40)
def test_a_smaller_count_is_the_beginning_of_a_larger_one(seed: int, n: int, data: st.DataObject) -> None:
    rows, wanted = world(n, 7, 5, seed)
    rows[n // 2 :] = rows[: n - n // 2]  # copies tie, so that a single bit would change the order
    prizes = data.draw(st.sampled_from([None, np.random.default_rng(seed).normal(size=n).astype(np.float32)]))
    small = data.draw(st.integers(0, min(n, 80)))
    large = data.draw(st.integers(small, min(n, 80)))
    whole = herd(rows, wanted, large, prizes)
    assert herd(rows, wanted, small, prizes).tolist() == whole[:small].tolist()
    # it is enough to give the candidates that are looked at
    seen = n_candidates(small)
    assert herd(rows[:seen], wanted, small, None if prizes is None else prizes[:seen]).tolist() == whole[:small].tolist()


def test_a_mean_is_taken_first_and_then_the_spread() -> None:
    candidates = np.array([[0.0], [0.1], [-1.0], [1.0]], np.float32)
    wanted = np.array([[-1.0], [0.0], [1.0]], np.float32)
    assert herd(candidates, wanted, 3).tolist() == [0, 2, 3]


def test_a_prize_is_worth_as_much_distance() -> None:
    """Distances to the one validation pair are 1 and 3: the farther one needs a prize of more than 2."""
    candidates, wanted = np.array([[1.0], [3.0]], np.float32), np.zeros((1, 1), np.float32)
    assert herd(candidates, wanted, 1, np.array([0.0, 1.9])).tolist() == [0]
    assert herd(candidates, wanted, 1, np.array([0.0, 2.1])).tolist() == [1]
    # the second of three: near 2 - apart 1 = 1 against near 4 - apart 3 = 1
    candidates = np.array([[1.0], [2.0], [4.0]], np.float32)
    assert herd(candidates, wanted, 2, np.array([0.0, 0.0, 0.1])).tolist() == [0, 2]
    assert herd(candidates, wanted, 2, np.array([0.0, 0.1, 0.0])).tolist() == [0, 1]


def test_ties_go_to_the_earlier_one() -> None:
    candidates = np.array([[1.0], [2.0], [4.0]], np.float32)
    assert herd(candidates, np.zeros((1, 1), np.float32), 3).tolist() == [0, 1, 2]
    same = np.ones((300, 2), np.float32)
    assert herd(same, np.zeros((2, 2), np.float32), 40).tolist() == list(range(40))


def test_prizes_are_not_changed() -> None:
    rows, wanted = world(30, 3, 3, 0)
    prizes = np.ones(30)
    prizes.flags.writeable = False
    assert herd(rows, wanted, 5, prizes).tolist() == herd(rows, wanted, 5).tolist()


def test_no_more_than_the_most_is_herded(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, wanted = world(300, 5, 3, 0)
    whole = herd(rows, wanted, 30)
    monkeypatch.setattr(module, "MOST_HERDED", 12)
    assert herd(rows, wanted, 30).tolist() == whole[:12].tolist()


def test_how_many_candidates_are_looked_at() -> None:
    assert [n_candidates(count) for count in (1, 25, 26, 100, 256, 257, 1_024, 10_000)] == [200, 200, 208, 800, 2_048, 2_048, 2_048, 2_048]
    assert all(n_candidates(count) >= min(count, module.MOST_HERDED) for count in range(1, 3_000))
