"""What is kept of the pool while it goes by, against a look at all of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.draws import drawn_first, uniforms_of
from craft_core.stream import choose
from craft_core.stream.choose import Drawn, Tops
from craft_core.whatif import rank

SCORES = st.sampled_from([-np.inf, -2.0, -1.5, -1.0, -0.0, 0.0])


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_SLACK", 5)
    monkeypatch.setattr(choose, "MAX_ROWS", 7)


@st.composite
def streams(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[list[int]], list[list[int]]]:
    """Labels and scores of pairs, the blocks they come in, and ceilings, of which those of later blocks are never higher."""
    n = draw(st.integers(0, 60))
    labels = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.int32)
    scores = np.array(draw(st.lists(SCORES, min_size=n, max_size=n)), np.float32)
    order = draw(st.permutations(range(n)))
    size = draw(st.integers(1, 20))
    blocks = [list(order[start : start + size]) for start in range(0, n, size)]
    ceilings = [draw(st.lists(st.integers(0, 9), min_size=4, max_size=4))]
    for _ in blocks[1:]:
        falls = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))
        ceilings.append([max(min(1, one), one - fall) for one, fall in zip(ceilings[-1], falls, strict=True)])
    return labels, scores, blocks, ceilings


def best(labels: np.ndarray, scores: np.ndarray, ceilings: list[int]) -> set[int]:
    ranking = rank(scores, labels, 4)
    return {int(row) for cluster, most in enumerate(ceilings) for row in ranking.members(cluster)[:most]}


@given(stream=streams(), sort=st.booleans())
def test_the_best_pairs_of_every_cluster_are_kept(stream: tuple, sort: bool) -> None:
    labels, scores, blocks, ceilings = stream
    tops = Tops(np.array(ceilings[0]))
    kept: set[int] = set()
    for block, most in zip(blocks, ceilings, strict=False):
        tops.ceilings = np.array(most)
        rows = np.array(sorted(block) if sort else block, np.int64)
        places = tops.add(rows, labels[rows], scores[rows])
        kept |= set(rows[places].tolist())
        assert set(np.concatenate(tops.held()).tolist()) <= kept
    tops.settle()
    expected = best(labels, scores, ceilings[len(blocks) - 1] if blocks else ceilings[0])
    assert set(tops.rows.tolist()) == expected
    assert len(tops.rows) == len(expected)
    assert expected <= kept
    assert tops.labels.tolist() == labels[tops.rows].tolist()
    assert tops.scores.tolist() == scores[tops.rows].tolist()


def test_what_is_kept_does_not_grow_with_what_goes_by() -> None:
    rng, tops, most = np.random.default_rng(0), Tops(np.array([5, 0])), 0
    for start in range(0, 4_000, 10):
        tops.add(np.arange(start, start + 10), rng.integers(0, 2, 10).astype(np.int32), rng.random(10).astype(np.float32))
        most = max(most, sum(map(len, tops.held())))
    assert most <= 5 + 5 + 10


def test_a_pair_that_can_no_longer_be_chosen_is_not_kept() -> None:
    tops = Tops(np.array([2, 0]))
    zeros = np.zeros(3, np.int32)
    assert tops.add(np.arange(3), zeros, np.array([-1, -2, -3], np.float32)).tolist() == [0, 1, 2]
    tops.settle()
    assert tops.rows.tolist() == [0, 1]
    assert tops.add(np.arange(3, 6), zeros, np.array([-3, -2, -1.5], np.float32)).tolist() == [1, 2]
    assert tops.add(np.arange(6, 8), zeros[:2] + 1, np.zeros(2, np.float32)).tolist() == []
    tops.settle()
    assert tops.rows.tolist() == [0, 5]


@given(
    numbers=st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.5, 0.75, 0.9]), max_size=40),
    order=st.randoms(use_true_random=False),
    size=st.integers(1, 12),
)
def test_the_smallest_numbers_are_kept_in_whatever_order_they_come(numbers: list[float], order: object, size: int) -> None:
    rows = list(range(len(numbers)))
    order.shuffle(rows)  # type: ignore[attr-defined]
    known = np.array(numbers)
    drawn, kept = Drawn(np.uint64(0)), set[int]()
    for start in range(0, len(rows), size):
        block = np.array(rows[start : start + size], np.int64)
        kept |= set(block[drawn.merge(block, known[block])].tolist())
    expected = drawn_first(known, 7).tolist()
    assert drawn.rows.tolist() == expected
    assert drawn.numbers.tolist() == known[expected].tolist()
    assert set(expected) <= kept
    assert drawn.limit == (known[expected[-1]] if len(expected) == 7 else 1.0)


@given(keys=st.lists(st.integers(0, 9), max_size=40), lot=st.integers(0, 2**64 - 1), pieces=st.integers(1, 4))
def test_pieces_that_know_a_limit_draw_as_the_whole_pool_does(keys: list[int], lot: int, pieces: int) -> None:
    """Keys repeat, so that numbers tie."""
    known, number = np.array(keys, np.uint64), np.uint64(lot)
    whole = Drawn(number)
    for rows in np.array_split(np.arange(len(keys)), pieces)[::-1]:
        piece = Drawn(number, whole.limit)
        piece.add(rows, known[rows])
        assert len(piece.rows) <= 7
        whole.merge(piece.rows, piece.numbers)
    assert whole.rows.tolist() == drawn_first(uniforms_of(known, number), 7).tolist()
