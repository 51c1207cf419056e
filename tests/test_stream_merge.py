"""Pieces put together in any order, against the whole pool at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.allocate import ALLOCATION_RULES, allocate
from craft_core.corpus.pairs import Corpus
from craft_core.discrepancy import MAX_LABELS, label_columns, label_shares
from craft_core.draws import drawn_first, uniforms_of
from craft_core.stream import choose
from craft_core.stream.choose import ROW, Drawn, Tops
from craft_core.stream.merge import Merged, pairs_at, pool_labels
from craft_core.stream.model import Wanted
from craft_core.stream.place import Result, read_result, writing
from craft_core.whatif import rank, take

LOTS = np.array([3, 4, 5], np.uint64)


@dataclass
class Piece:
    """What the second pass writes, in memory."""

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]

    def array(self, name: str) -> np.ndarray:
        return self.arrays[name]


@st.composite
def pools(draw: st.DrawFn) -> tuple[Any, ...]:
    n, k = draw(st.integers(0, 80)), 4
    labels = np.array(draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)), np.int32)
    scores = [
        np.array(draw(st.lists(st.sampled_from([-np.inf, -3.0, -2.0, -1.0, 0.0]), min_size=n, max_size=n)), np.float32) for _ in range(2)
    ]
    wanted = [np.array(draw(st.lists(st.integers(-1, k - 1), min_size=1, max_size=12)), np.int32) for _ in range(2)]
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    pieces = [range(start, stop) for start, stop in zip([0, *cuts], [*cuts, n], strict=True)]
    return draw(st.sampled_from(ALLOCATION_RULES)), draw(st.integers(1, 50)), labels, scores, wanted, draw(st.permutations(pieces))


@settings(max_examples=30)
@given(pool=pools(), late=st.booleans())
def test_what_is_chosen_and_drawn_is_that_of_the_whole_pool(pool: tuple[Any, ...], late: bool) -> None:
    """Where pieces are late, ceilings and limits are those of the beginning, as with many workers at once."""
    rule, budget, labels, scores, wanted, pieces = pool
    keys = np.arange(len(labels), dtype=np.uint64) // 2
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(choose, "MAX_ROWS", 6)
        monkeypatch.setattr(choose, "_SLACK", 3)
        merged = Merged(rule, budget, [Wanted(np.zeros((len(one), 1), np.float32), one) for one in wanted], LOTS, 4)
        first = merged.ceilings(), merged.limits()
        for piece in pieces:
            now = first if late else (merged.ceilings(), merged.limits())
            merged.add(worked(np.array(piece, np.int64), labels, scores, keys, *now))  # type: ignore[arg-type]
    supply = np.bincount(labels, minlength=4)
    assert merged.supply.tolist() == supply.tolist()
    assert merged.n_zero == len(pieces)
    for number, found in enumerate(merged.chosen()):
        counts = np.bincount(wanted[number][wanted[number] >= 0], minlength=4)
        allocation = allocate(rule, counts, supply, budget)
        expected = take(rank(scores[number], labels, 4), allocation)
        assert found.rows.tolist() == expected.indices.tolist()
        assert found.scores.tolist() == expected.scores.tolist()
        assert found.clusters.tolist() == labels[expected.indices].tolist()
        assert found.allocation.counts.tolist() == allocation.counts.tolist()
    assert [one.tolist() for one in merged.drawn()] == [drawn_first(uniforms_of(keys, lot), 6).tolist() for lot in LOTS]


def worked(rows: np.ndarray, labels: np.ndarray, scores: list[np.ndarray], keys: np.ndarray, ceilings: Any, limits: Any) -> Piece:
    arrays = {"supply": np.bincount(labels[rows], minlength=4)}
    for number, most in enumerate(ceilings):
        top = Tops(most)
        top.add(rows, labels[rows], scores[number][rows])
        top.settle()
        arrays |= {f"tops.{number}.{name}": getattr(top, name) for name in ("rows", "labels", "scores")}
    for number, one in enumerate(zip(LOTS, limits, strict=True)):
        drawn = Drawn(*one)
        drawn.add(rows, keys[rows])
        arrays |= {f"lots.{number}.rows": drawn.rows, f"lots.{number}.numbers": drawn.numbers}
    return Piece(arrays, {"n_zero": 1, "labels": {}})


def counted(column: list[str | None]) -> list[tuple[str | None, int]]:
    return [(value, column.count(value)) for value in dict.fromkeys(column)]


def labels_of(pieces: list[list[str | None] | None]) -> dict[str, dict[str, float]]:
    """The shares over pieces; None stands for a piece without the column."""
    merged = Merged("water-fill", 1, [Wanted(np.zeros((1, 1), np.float32), np.zeros(1, np.int32))], LOTS[:0], 1)
    arrays = {"supply": np.zeros(1, np.int64), "tops.0.rows": np.zeros(0, np.int64)}
    arrays |= {"tops.0.labels": np.zeros(0, np.int32), "tops.0.scores": np.zeros(0, np.float32)}
    for piece in pieces:
        found = {} if piece is None else {"topic": counted(piece)}
        merged.add(Piece(arrays, {"n_zero": 0, "labels": found}))  # type: ignore[arg-type]
    return pool_labels(merged.labels, ["other", "topic"], sum(2 if piece is None else len(piece) for piece in pieces))


@given(pieces=st.lists(st.none() | st.lists(st.sampled_from(["a", "b", "", "ü", None]), max_size=9), min_size=1, max_size=4))
def test_shares_of_labels_are_those_of_the_whole_pool(pieces: list[list[str | None] | None]) -> None:
    whole = [value for piece in pieces for value in (piece if piece is not None else [None, None])]
    column = pa.chunked_array([pa.array(whole, pa.large_string())])
    corpus = Corpus(*[pa.array([""] * len(whole), pa.large_string())] * 3, np.arange(len(whole)), pa.table({"topic": column}), "pool")
    found = labels_of(pieces)
    assert list(found) == list(label_columns(corpus))
    if found:
        assert list(found["topic"].items()) == list(label_shares(column).items())


@pytest.mark.parametrize(("n", "counts"), [(MAX_LABELS, True), (MAX_LABELS + 1, False)])
def test_a_column_of_too_many_values_holds_no_labels(n: int, counts: bool) -> None:
    values: list[str | None] = [f"{number:03d}" for number in range(n)]
    for pieces in ([[*values, None]], [values[:60], values[50:], [None]], [values[-60:], [], None, values[: n - 50]]):
        found = labels_of(pieces)
        assert bool(found) == counts
        if counts:
            assert sum(found["topic"].values()) == pytest.approx(1)


def kept(folder: Path, rows: list[int], **columns: list[Any]) -> Result:
    with writing(folder) as writer:
        writer.table("kept", pa.table({ROW: pa.array(rows, pa.int64()), **columns}))
        writer.facts({})
    found = read_result(folder)
    assert found is not None
    return found


def test_kept_pairs_are_found_by_their_rows(tmp_path: Path) -> None:
    with writing(tmp_path / "1") as writer:
        writer.facts({})
    nothing = read_result(tmp_path / "1")
    assert nothing is not None
    pieces = [kept(tmp_path / "0", [4, 1, 2], text=["e", "b", "c"]), nothing, kept(tmp_path / "2", [9, 7], text=["j", "h"])]
    starts = np.array([0, 5, 7, 10])
    assert pairs_at(pieces, starts, np.array([1, 4, 7])).to_pylist() == [
        {ROW: 1, "text": "b"}, {ROW: 4, "text": "e"}, {ROW: 7, "text": "h"}
    ]  # fmt: skip
    assert pairs_at(pieces, starts, np.array([9])).column("text").to_pylist() == ["j"]
