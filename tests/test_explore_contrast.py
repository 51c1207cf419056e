import numpy as np
import pyarrow as pa
import pytest

from craft_core.cluster import Clustering
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError
from craft_core.explore.contrast import contrast, label_table, share_table, word_table

N = 60


def pool() -> Corpus:
    """Thirty pairs about rain, then thirty about rice."""
    sources = [f"the rain falls {'abc'[i % 3]}day" if i < 30 else f"the rice grows {'abc'[i % 3]}day" for i in range(N)]
    targets = [f"barish {i % 2}x" if i < 30 else f"chawal {i % 2}x" for i in range(N)]
    texts = pa.large_string()
    labels = pa.table({"topic": pa.array(["rain"] * 30 + ["rice"] * 30, texts)})
    ids = pa.array([str(i) for i in range(N)], texts)
    return Corpus(pa.array(sources, texts), pa.array(targets, texts), ids, np.arange(N), labels, "pool")


def clustering() -> Clustering:
    labels = np.repeat([0, 1, 2], [20, 20, 20]).astype(np.int32)
    return Clustering(np.eye(3, dtype=np.float32), labels, np.zeros(4, np.int32))


def test_sizes_shares_scores_and_words() -> None:
    one, other = np.arange(20), np.arange(15, 45)
    scores = np.linspace(-1, 0, N).astype(np.float32)
    scores[0] = -np.inf
    found = contrast(one, other, pool(), clustering(), scores)
    assert (found.one.size, found.other.size, found.both) == (20, 30, 5)
    assert (found.one.read, found.other.read) == (15, 25)
    assert found.shares[0].tolist() == [1, 0, 0]
    assert found.shares[1] == pytest.approx([5 / 30, 20 / 30, 5 / 30])
    assert found.one.score == pytest.approx(scores[1:20].mean())
    assert found.one.source_characters == len("the rain falls aday")
    assert found.labels["topic"] == ({"rain": 1.0}, {"rain": 0.5, "rice": 0.5})


def test_the_words_of_each_set_are_typical_of_it() -> None:
    found = contrast(np.arange(30), np.arange(30, 60), pool(), clustering())
    assert set(found.sources[0].words[:2]) == {"rain", "falls"}
    assert set(found.sources[1].words[:2]) == {"rice", "grows"}
    assert found.targets[0].words[0] == "barish"
    table = word_table(found.sources, ("here", "there"))
    assert table["here"].tolist()[:2] in (["falls (30 : 0)", "rain (30 : 0)"], ["rain (30 : 0)", "falls (30 : 0)"])
    assert not any("the " in one for column in table for one in table[column])


def test_the_clusters_that_differ_most_come_first_and_empty_ones_do_not() -> None:
    table = share_table(contrast(np.arange(20), np.arange(40), pool(), clustering()), ["a", "b", "c"], ("here", "there"))
    assert sorted(table["cluster"]) == ["a", "b"]
    assert table["here"].tolist() == [1, 0]
    labels = label_table(({"x": 0.5, "": 0.5}, {"x": 1.0}), "topic", ("here", "there"))
    assert labels["topic"].tolist() == ["(empty)", "x"]


def test_of_many_pairs_a_sample_is_read_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.explore.contrast.WORDS_LIMIT", 10)
    first, again = (contrast(np.arange(30), np.arange(30, 60), pool(), clustering(), seed=1) for _ in range(2))
    assert first.one.read == 10
    assert first.sources[0].words == again.sources[0].words


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        contrast(np.arange(0), np.arange(5), pool(), clustering())


def test_a_set_beside_itself_has_no_words_of_its_own() -> None:
    found = contrast(np.arange(5), np.arange(5), pool(), clustering())
    assert found.one.read == 0
    assert not len(word_table(found.sources, ("here", "there")))
