import numpy as np
import pyarrow as pa
import pytest
from conftest import random_pairs
from hypothesis import given
from hypothesis import strategies as st

from craft_core.compare import exchanged_targets, mispair
from craft_core.corpus.pairs import Corpus
from craft_core.errors import ParameterError


def labelled(labels: list[str | None]) -> Corpus:
    n, texts = len(labels), pa.large_string()
    sides = [pa.array([f"{side}{row}" for row in range(n)], texts) for side in ("s", "t", "id")]
    return Corpus(*sides, np.arange(n), pa.table({"topic": labels}), "pool")


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 9))
def test_targets_are_permuted_inside_labels(labels: list[str | None], share: float, seed: int) -> None:
    found = exchanged_targets(labelled(labels), share, "topic", seed)
    assert sorted(found.tolist()) == list(range(len(labels)))
    assert all(labels[one] == labels[other] for one, other in enumerate(found))


def test_about_the_share_asked_for_gets_another_target() -> None:
    pool = labelled(["a", "b"] * 2_000)
    for share in (0.0, 0.3, 1.0):
        moved = exchanged_targets(pool, share, "topic", 0) != np.arange(4_000)
        assert abs(moved.mean() - share) < 0.025
    assert exchanged_targets(pool, 1.0, "topic", 0).tolist() != exchanged_targets(pool, 1.0, "topic", 1).tolist()
    assert exchanged_targets(pool, 0.5, "topic", 0).tolist() == exchanged_targets(pool, 0.5, "topic", 0).tolist()


def test_without_labels_targets_cross_them() -> None:
    labels = ["a", "b"] * 50
    found = exchanged_targets(labelled(labels), 1.0, None, 0)
    assert any(labels[one] != labels[other] for one, other in enumerate(found))


def test_the_noise_does_not_depend_on_the_order_of_the_pool() -> None:
    pool = labelled(["a", "b"] * 30)
    order = np.random.default_rng(3).permutation(60)
    plain, shuffled = exchanged_targets(pool, 0.5, "topic", 0), exchanged_targets(pool.take(order), 0.5, "topic", 0)
    assert {(int(order[one]), int(order[other])) for one, other in enumerate(shuffled)} == set(enumerate(plain.tolist()))


def test_a_share_that_is_none_and_a_column_that_is_not_there_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"must lie in \[0, 1\]. Got 1.5"):
        exchanged_targets(labelled(["a"]), 1.5, "topic", 0)
    with pytest.raises(ParameterError, match="no column 'genre'. Further columns: topic"):
        exchanged_targets(labelled(["a"]), 0.5, "genre", 0)


def test_vectors_and_texts_are_exchanged_alike() -> None:
    pairs = random_pairs(4, 3, np.random.default_rng(0))
    changed, mispaired = mispair(pairs, np.array([1, 0, 2, 3]))
    assert mispaired.tolist() == [True, True, False, False]
    assert changed.sources is pairs.sources
    assert changed.targets.tolist() == pairs.targets[[1, 0, 2, 3]].tolist()
    assert pairs.texts is not None
    assert changed.texts is not None
    told = pairs.texts.targets.to_pylist()
    assert changed.texts.targets.to_pylist() == [told[1], told[0], told[2], told[3]]
    assert changed.texts.sources is pairs.texts.sources
