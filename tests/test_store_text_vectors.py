"""Vectors by text: found as they were added, whatever else is asked for."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.store import Store, TextVectors
from craft_core.store import text_vectors as module
from craft_core.store.text_vectors import TextKeys, text_keys

BIG = 1 << 30


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", BIG)


def keys(*texts: str) -> TextKeys:
    return text_keys(pa.array(texts, pa.large_string()))


def rows(*texts: str) -> np.ndarray:
    """A row that tells its text."""
    return np.array([[len(text), *text.encode().ljust(3)[:3]] for text in texts], np.float16).reshape(-1, 4)


def test_equal_texts_have_equal_keys_and_others_have_others() -> None:
    words = [f"word {number}" for number in range(70_000)]
    found = keys(*words)
    assert len(set(zip(found.high.tolist(), found.low.tolist(), strict=True))) == len(words)
    assert (found.high != found.low).all()
    again = text_keys(pa.array(["x", *words], pa.large_string()).slice(1))
    assert (again.high == found.high).all()
    assert (again.low == found.low).all()
    # they name what lies on disk, so they must be the same everywhere and for ever
    assert keys("नमस्ते").high.tolist() == [5638113444281083067]


def test_what_was_added_is_found_in_the_order_asked_for(store: Store) -> None:
    memory = TextVectors(store, "space")
    nothing, found = memory.lookup(keys("a", "b"))
    assert nothing.shape == (0, 0)
    assert not found.any()
    memory.add(keys("a", "bb", "c"), rows("a", "bb", "c"))
    memory.add(keys("dd"), rows("dd"))
    wanted = ("dd", "unknown", "c", "a", "c", "")
    values, found = memory.lookup(keys(*wanted))
    assert found.tolist() == [True, False, True, True, True, False]
    assert (values == rows("dd", "c", "a", "c")).all()
    assert values.dtype == np.float16
    assert {part.dtype for _, part in memory.matches(keys("a", "dd"))} == {np.dtype(np.float16)}
    again, _ = TextVectors(Store(store.root, BIG), "space").lookup(keys(*wanted))
    assert again.tobytes() == values.tobytes()


def test_another_space_knows_nothing(store: Store) -> None:
    TextVectors(store, "space").add(keys("a"), rows("a"))
    assert not TextVectors(store, "spac").lookup(keys("a"))[1].any()
    assert not TextVectors(store, "other").lookup(keys("a"))[1].any()


def test_no_texts_at_all(store: Store) -> None:
    memory = TextVectors(store, "space")
    memory.add(keys(), rows())
    assert store.entries() == []
    memory.add(keys("a"), rows("a"))
    assert memory.lookup(keys())[0].shape == (0, 0)


def test_what_was_added_first_holds(store: Store) -> None:
    memory = TextVectors(store, "space")
    memory.add(keys("a"), rows("a"))
    memory.add(keys("a", "b"), rows("x", "b"))
    assert (memory.lookup(keys("b", "a"))[0] == rows("b", "a")).all()


def test_texts_with_one_half_of_their_key_in_common_are_told_apart(store: Store) -> None:
    memory = TextVectors(store, "space")
    one, other = TextKeys(np.array([5], np.uint64), np.array([1], np.uint64)), TextKeys(np.array([5], np.uint64), np.array([2], np.uint64))
    memory.add(one, rows("a"))
    assert not memory.lookup(other)[1].any()
    assert memory.lookup(one)[1].all()


texts = st.lists(st.sampled_from([f"t{number}" for number in range(40)]), max_size=30)


@given(added=st.lists(texts, max_size=6), wanted=texts)
def test_it_is_a_dictionary(added: list[list[str]], wanted: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    memory = TextVectors(Store(tmp_path_factory.mktemp("store"), BIG), "space")
    known = {text for some in added for text in some}
    for some in added:
        memory.add(keys(*some), rows(*some))
    values, found = memory.lookup(keys(*wanted))
    assert found.tolist() == [text in known for text in wanted]
    assert values.tolist() == rows(*(text for text in wanted if text in known)).tolist()


def test_many_small_shards_are_put_together(store: Store) -> None:
    memory = TextVectors(store, "space")
    TextVectors(store, "other").add(keys("x"), rows("x"))
    for number in range(40):
        memory.add(keys(f"text {number}", "a"), rows(f"{number}", "a" if number == 0 else "z"))
    assert len(store.keys(module.KIND, any_code=True)) < 2 * module._MANY
    values, found = memory.lookup(keys(*(f"text {number}" for number in range(40))))
    assert found.all()
    assert (values == rows(*(f"{number}" for number in range(40)))).all()
    assert (memory.lookup(keys("a"))[0] == rows("a")).all()
    assert TextVectors(store, "other").lookup(keys("x"))[1].all()


def test_they_survive_other_code(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    TextVectors(store, "space").add(keys("a"), rows("a"))
    monkeypatch.setattr("craft_core.store.entry.code_fingerprint", lambda: "other")
    assert TextVectors(store, "space").lookup(keys("a"))[1].all()


def test_they_take_at_most_half_of_the_store_and_yesterdays_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store", 200_000)
    many = [f"text {number}" for number in range(4_140)]
    memory = TextVectors(store, "space")
    memory.add(keys(*many), rows(*many))  # 99.4 kB with their keys
    memory.add(keys("late"), rows("late"))
    assert not memory.lookup(keys("late"))[1].any()
    assert memory.lookup(keys(*many))[1].all()
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.0)
    memory.add(keys("late"), rows("late"))
    assert memory.lookup(keys("late"))[1].all()
