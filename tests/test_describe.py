"""Cluster words and the cluster table, on texts that can be counted by eye."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from craft_core.allocate import allocate
from craft_core.describe import cluster_name, cluster_table, cluster_words
from craft_core.errors import DataError


def texts(*lines: str) -> pa.LargeStringArray:
    return pa.array(lines, pa.large_string())


def labels(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def test_words_common_to_all_clusters_drop_out():
    lines = texts("the cat sat", "The cat ran", "the dog barked", "the dog dug")
    found = cluster_words(lines, labels(0, 0, 1, 1), 2)
    assert found == (("cat", "ran", "sat"), ("dog", "barked", "dug"))


def test_one_cluster_has_nothing_to_be_told_from():
    assert cluster_words(texts("a b", "b c"), labels(0, 0), 1) == ((),)


def test_empty_clusters_and_texts_in_no_cluster():
    found = cluster_words(texts("one", "two", "never read"), labels(0, 2, -1), 3)
    assert found == (("one",), (), ("two",))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("हिन्दी में", {"हिन्दी", "में"}),
        ("كِتَاب، جديد", {"كِتَاب", "جديد"}),
        ("  «Straße» -- naïve!", {"straße", "naïve"}),
        ("a_b 42", {"a_b", "42"}),
    ],
)
def test_words_of_every_script_stay_whole(line: str, words: set[str]):
    assert set(cluster_words(texts(line, "other"), labels(0, 1), 2)[0]) == words


def test_no_texts_at_all():
    assert cluster_words(texts(), labels(), 2) == ((), ())
    assert cluster_words(texts("...", ""), labels(0, 1), 2) == ((), ())


def test_number_of_words():
    found = cluster_words(texts("aa bb cc dd ee", "zz"), labels(0, 1), 2, n_words=2)
    assert found == (("aa", "bb"), ("zz",))


def test_lone_ascii_letters_are_no_words_but_other_single_letters_are():
    assert cluster_words(texts("it's d) 中", "zz"), labels(0, 1), 2) == (("it", "中"), ("zz",))


def test_one_label_a_text():
    with pytest.raises(DataError, match="2 texts but 1 cluster labels"):
        cluster_words(texts("a", "b"), labels(0), 1)


def test_large_corpora_are_sampled(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("craft_core.describe.WORDS_LIMIT", 10)
    many = texts(*(["left"] * 50 + ["right"] * 50))
    sides = np.repeat(labels(0, 1), 50)
    assert cluster_words(many, sides, 2) == (("left",), ("right",))
    assert cluster_words(many, sides, 2, seed=1) == cluster_words(many, sides, 2, seed=1)


def test_cluster_name():
    words = (("sea", "ship", "sail", "port"), ())
    assert cluster_name(0, words) == "0 · sea ship sail"
    assert cluster_name(1, words) == "1"
    assert cluster_name(7, ()) == "7"


def test_cluster_table():
    allocation = allocate("water-fill", np.array([3, 1]), np.array([2, 8]), 4)
    table = cluster_table(allocation, (("a", "b"), ()), (("x",), ("y",)), diameters=np.array([0.5, 1.0]))
    assert table["source words"].tolist() == ["a b", ""]
    assert table["quota"].tolist() == [3.0, 1.0]
    assert table["count"].tolist() == [2, 2]
    assert table["starved"].tolist() == [True, False]
    assert table["supply share"].tolist() == [0.2, 0.8]
    assert table["diameter"].tolist() == [0.5, 1.0]
    assert "variance" not in table
