"""Cluster words and the cluster table, on texts that can be counted by eye."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from craft_core import describe
from craft_core.allocate import allocate
from craft_core.cluster import Clustering
from craft_core.corpus import Corpus
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.corpus.sample import content_keys
from craft_core.describe import (
    NAME_LIMIT,
    ClusterNames,
    cluster_name,
    cluster_table,
    cluster_words,
    count_words,
    labels_of,
    words_of,
    words_of_parts,
    words_read,
)
from craft_core.errors import DataError, ParameterError


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


@pytest.mark.parametrize("block", [1, 2, 3, 9])
def test_words_do_not_depend_on_the_blocks_they_are_counted_in(monkeypatch: pytest.MonkeyPatch, block: int):
    monkeypatch.setattr("craft_core.describe._BLOCK_TEXTS", block)
    words, counts = count_words(texts("the cat sat", "the dog", "", "a cat", "dog cat"), labels(0, 1, 0, 0, 1), 2)
    found = dict(zip(words.to_pylist(), counts.toarray().T.tolist(), strict=True))
    assert found == {"the": [1, 1], "cat": [2, 1], "sat": [1, 0], "dog": [0, 2]}


def test_counting_tells_how_far_it_is_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("craft_core.describe._BLOCK_TEXTS", 2)
    told: list[float] = []
    cluster_words(texts(*"abcde"), labels(0, 0, 0, 1, 1), 2, progress=lambda share, _: told.append(share))
    assert told == [0.0, 0.4, 0.8]

    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster_words(texts("a"), labels(0), 1, progress=stop)


def corpus(name: str, *pairs: tuple[str, str]) -> Corpus:
    sides = (texts(*side) for side in zip(*pairs, strict=True))
    return Corpus(*sides, texts(*map(str, range(len(pairs)))), np.arange(len(pairs)), pa.table({}), name)


def test_words_of_both_sides_are_of_pool_and_validation_together():
    pool, validation = corpus("pool", ("sea", "meer"), ("star", "stern")), corpus("validation", ("ship", "schiff"), ("moon", "mond"))
    clustering = Clustering(np.zeros((2, 1), dtype=np.float32), labels(0, 1), labels(0, 1))
    told: list[float] = []
    found = words_of(pool, validation, clustering, progress=lambda share, _: told.append(share))
    assert found == ((("sea", "ship"), ("moon", "star")), (("meer", "schiff"), ("mond", "stern")))
    assert told == [0.0, 0.5]


def test_names_are_sorted_flattened_and_dropped_where_they_show_nothing():
    names = ClusterNames(((12, "  Fever\n in\tchildren\x00 "), (3, " \u200b\ufeff"), (np.int64(2), "a\u202eb\ud800c\u2028d")))
    assert names.names == ((2, "a b c d"), (12, "Fever in children"))
    assert repr(names) == "ClusterNames(names=((2, 'a b c d'), (12, 'Fever in children')))"
    assert (names.get(12), names.get(3), len(names), bool(ClusterNames())) == ("Fever in children", None, 2, False)
    joined = "क्ष 👩\u200d⚕️"  # the invisible joiners inside a word stay
    assert ClusterNames.of({0: joined}).get(0) == joined
    assert ClusterNames(names.names) == names


def test_a_cluster_is_renamed_and_loses_its_name():
    names = ClusterNames.of({3: "Sea"}).renamed(1, "Sky").renamed(3, "Port")
    assert names.as_dict() == {1: "Sky", 3: "Port"}
    assert names.renamed(1, " ").as_dict() == {3: "Port"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (((-1, "Sea"),), "whole number from 0 to 999,999,999. Got -1"),
        (((1.0, "Sea"),), "whole number from 0 to 999,999,999. Got 1.0"),
        (((True, "Sea"),), "whole number from 0 to 999,999,999. Got True"),
        ((("1", "Sea"),), "whole number from 0 to 999,999,999. Got '1'"),
        (((10**9, "Sea"),), "whole number from 0 to 999,999,999. Got 1000000000"),
        (((1, None),), "name of cluster 1 must be text. Got None"),
        (((1, "Sea"), (1, "Sky")), "Cluster 1 has two names"),
        (((1, "x" * (NAME_LIMIT + 1)),), "name of cluster 1 has 81 characters; give it one of at most 80"),
    ],
)
def test_a_bad_name_gets_a_sentence(names: tuple, message: str):
    with pytest.raises(ParameterError, match=message):
        ClusterNames(names)


def test_a_name_is_measured_once_it_is_flat():
    assert ClusterNames(((1, " " * 50 + "x" * NAME_LIMIT + " " * 50),)).get(1) == "x" * NAME_LIMIT


def test_a_named_cluster_shows_its_name_wherever_words_are_shown():
    labelled = labels_of((("sea", "ship"), (), ("star",)), ClusterNames.of({0: "At sea, in a storm", 1: "Empty", 9: "Nowhere"}))
    assert labelled == (("At sea, in a storm",), ("Empty",), ("star",))
    assert [cluster_name(c, labelled) for c in range(3)] == ["0 · At sea, in a storm", "1 · Empty", "2 · star"]
    assert labels_of((), ClusterNames.of({0: "Sea"})) == ()


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


def test_the_table_has_names_beside_the_clusters_where_there_are_any():
    allocation = allocate("water-fill", np.array([3, 1]), np.array([2, 8]), 4)
    words = ((("a",), ("b",)), (("x",), ("y",)))
    named = cluster_table(allocation, *words, names=ClusterNames.of({1: "Sky", 7: "Nowhere"}))
    assert named.columns[:3].tolist() == ["cluster", "name", "source words"]
    assert named["name"].tolist() == ["", "Sky"]
    assert named["source words"].tolist() == ["a", "b"]
    for none in (None, ClusterNames(), ClusterNames.of({7: "Nowhere"})):
        assert "name" not in cluster_table(allocation, *words, names=none)


def test_words_do_not_depend_on_the_order_of_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describe, "PAIRS_LIMIT", 20)
    monkeypatch.setattr(describe, "_BLOCK_TEXTS", 7)
    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{one}" for one in rng.integers(0, 9, 4)) for _ in range(60)]
    pool, validation = corpus_from_texts(lines, lines[::-1], "pool"), corpus_from_texts(lines[:15], lines[15:30], "validation")
    clustering = Clustering(
        np.zeros((3, 1), np.float32), rng.integers(-1, 3, 60).astype(np.int32), rng.integers(-1, 3, 15).astype(np.int32)
    )
    found = words_of(pool, validation, clustering, seed=4)
    own = words_read(pool, clustering.pool_labels, 4)
    order = rng.permutation(len(own[2]))
    shuffled = own[0].take(pa.array(order)), own[1].take(pa.array(order)), own[2][order]
    other = words_read(validation, clustering.validation_labels, 4)
    assert words_of_parts([shuffled, other], 3) == words_of_parts([other, own], 3) == found
    assert any(found[0])


def test_words_are_read_in_the_pairs_with_the_smallest_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = corpus_from_texts([f"s{number}" for number in range(30)], ["t"] * 30, "pool")
    clusters = np.array([-1, 0, 1] * 10, np.int32)
    inside = np.flatnonzero(clusters >= 0)
    assert words_read(corpus, clusters, 0)[0].to_pylist() == [f"s{number}" for number in inside]
    monkeypatch.setattr(describe, "PAIRS_LIMIT", 6)
    for seed in (0, 5):
        wanted = sorted(inside[np.argsort(content_keys(corpus, seed)[inside])[:6]])
        sources, targets, labels = words_read(corpus, clusters, seed)
        assert sources.to_pylist() == [f"s{number}" for number in wanted]
        assert len(targets) == 6
        assert labels.tolist() == clusters[wanted].tolist()
