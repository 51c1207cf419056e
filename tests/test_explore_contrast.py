import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.errors import DataError
from craft_core.explore import contrast as module
from craft_core.explore.contrast import Contrast, contrast, label_table, number_table, share_table, word_table
from craft_core.telling_words import telling_words

NAMES = ("here", "there")


def a_corpus(sources: list[str], targets: list[str], **columns: list[str | None]) -> Corpus:
    made = corpus_from_texts(sources, targets, "pool")
    return Corpus(made.sources, made.targets, made.ids, made.rows, pa.table(columns), "pool")


def clusters(*labels: int, n: int = 3) -> Clustering:
    return Clustering(np.zeros((n, 2), np.float32), np.array(labels, dtype=np.int32), np.zeros(1, np.int32))


POOL = a_corpus(
    ["sun sun", "sun sky", "moon", "moon sky", "both", "तारा"],
    ["a1", "bb22", "ccc333", "d", "", "dd"],
    kind=["day", "day", "night", None, "day", "night"],
    number=["1", "1", "1", "1", "1", "1"],
)
CLUSTERING = clusters(0, 0, 1, -1, 1, 0)
SCORES = np.array([1, 2, -np.inf, 4, 6, np.nan], dtype=np.float32)
ONE, OTHER = np.array([0, 1, 4]), np.array([2, 3, 4, 5])


@pytest.fixture
def found() -> Contrast:
    return contrast(ONE, OTHER, POOL, CLUSTERING, SCORES)


def test_the_numbers_by_eye(found: Contrast) -> None:
    one, other = found.one, found.other
    assert (one.size, one.own, one.read, other.size, other.own, other.read, found.both) == (3, 2, 2, 4, 3, 3, 1)
    assert (one.score, one.median_score) == (3, 2)
    assert (other.score, other.median_score) == (5, 5)  # what has no finite score is passed over
    assert (one.source_characters, one.target_characters) == (pytest.approx((7 + 7 + 4) / 3), pytest.approx((2 + 4 + 0) / 3))
    assert (other.source_characters, other.target_characters) == (pytest.approx((4 + 8 + 4 + 4) / 4), pytest.approx((6 + 1 + 0 + 2) / 4))
    assert not found.is_sampled


def test_shares_of_the_clusters(found: Contrast) -> None:
    assert found.shares[0] == pytest.approx([2 / 3, 1 / 3, 0])
    assert found.shares[1] == pytest.approx([1 / 3, 2 / 3, 0])  # the pair in no cluster does not count
    table = share_table(found, ["zero", "one", "two"], NAMES)
    assert table["cluster"].tolist() == ["zero", "one"]  # as far apart: by cluster
    assert table["here"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_clusters_that_differ_most_come_first() -> None:
    found = contrast(np.array([0, 1, 2, 3]), np.array([4, 5, 6, 7]), _numbered(8), clusters(0, 1, 1, 2, 0, 2, 2, 2), None)
    assert share_table(found, ["zero", "one", "two"], NAMES)["cluster"].tolist() == ["one", "two", "zero"]


def test_pairs_in_no_cluster_alone() -> None:
    found = contrast(np.array([0]), np.array([1]), _numbered(2), clusters(-1, 0), None)
    assert found.shares[0].tolist() == [0, 0, 0]


def test_label_columns_are_compared(found: Contrast) -> None:
    assert list(found.labels) == ["kind"]  # a column with one value tells nothing
    one, other = found.labels["kind"]
    assert one == {"day": 1.0}
    assert other == {"night": 0.5, "": 0.25, "day": 0.25}
    table = label_table(found.labels["kind"], "kind", NAMES)
    assert table.to_numpy().tolist() == [["day", 1, 0.25], ["night", 0, 0.5], ["(empty)", 0, 0.25]]


def test_words_of_pairs_in_both_are_left_out(found: Contrast) -> None:
    for words in (*found.sources, *found.targets):
        assert "both" not in words.words
    assert found.sources[0].words[0] == "sun"
    assert found.sources[1].words[0] == "moon"
    assert found.sources[1].first.tolist()[0] == 2
    assert set(found.targets[0].words) == {"a1", "bb22", "ccc333", "dd"}


TEXTS = st.lists(st.lists(st.sampled_from(["sun", "moon", "तारा", "sky"]), min_size=1, max_size=5).map(" ".join), min_size=2, max_size=8)


@given(TEXTS, st.data())
def test_the_words_are_those_of_both_directions(given_texts: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(given_texts) - 1))
    pool = a_corpus(given_texts, given_texts[::-1])
    one, other = np.arange(cut), np.arange(cut, len(given_texts))
    found = contrast(one, other, pool, clusters(*[0] * len(given_texts)), None)
    for texts, words in ((pool.sources, found.sources), (pool.targets, found.targets)):
        sides = texts.take(pa.array(one)), texts.take(pa.array(other))
        for expected, given_words in zip((telling_words(*sides), telling_words(*sides[::-1])), words, strict=True):
            assert given_words.words == expected.words
            assert given_words.z.tolist() == expected.z.tolist()
            assert given_words.first.tolist() == expected.first.tolist()
            assert given_words.second.tolist() == expected.second.tolist()


@given(st.permutations(range(6)))
def test_the_order_of_the_positions_does_not_matter(order: list[int]) -> None:
    one, other = [p for p in order if p in ONE], [p for p in order if p in OTHER]
    found, first = contrast(np.array(one), np.array(other), POOL, CLUSTERING, SCORES), contrast(ONE, OTHER, POOL, CLUSTERING, SCORES)
    assert (found.one, found.other, found.labels) == (first.one, first.other, first.labels)
    assert found.sources[0].words == first.sources[0].words


def _numbered(n: int) -> Corpus:
    return a_corpus([f"w{i:02}" for i in range(n)], [f"w{i:02}" for i in range(n)])


def test_of_many_pairs_a_sample_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORDS_LIMIT", 5)
    pool, clustering = _numbered(20), clusters(*[0] * 20)
    one, other = np.arange(13), np.arange(12, 16)

    def read(seed: int) -> set[str]:
        found = contrast(one, other, pool, clustering, None, seed)
        assert (found.one.own, found.one.read, found.other.own, found.other.read) == (12, 5, 3, 3)
        assert found.is_sampled
        words = found.sources[0]
        return {word for word, times in zip(words.words, words.first, strict=True) if times}

    assert len(read(0)) == 5
    assert read(0) == read(0)
    assert len({frozenset(read(seed)) for seed in range(5)}) > 1
    assert contrast(other, one, pool, clustering, None).is_sampled
    assert not contrast(np.arange(5), other, pool, clustering, None).is_sampled


def test_the_same_set_twice() -> None:
    found = contrast(ONE, ONE, POOL, CLUSTERING, SCORES)
    assert (found.both, found.one.own, found.one.read) == (3, 0, 0)
    assert len(word_table(found.sources, NAMES)) == 0
    assert number_table(found, NAMES)["pairs"].tolist() == [3, 3]


def test_a_set_inside_another_has_no_words_of_its_own() -> None:
    found = contrast(ONE, np.arange(6), POOL, CLUSTERING, SCORES)
    assert (found.one.own, found.other.own, found.both) == (0, 3, 3)
    assert len(word_table(found.sources, NAMES)) == 0


@pytest.mark.parametrize(("one", "other"), [(ONE, ONE[:0]), (ONE[:0], OTHER)])
def test_an_empty_set_is_refused(one: np.ndarray, other: np.ndarray) -> None:
    with pytest.raises(DataError, match="one of the two sets of pairs is empty"):
        contrast(one, other, POOL, CLUSTERING, SCORES)


def test_a_method_without_scores() -> None:
    found = contrast(ONE, OTHER, POOL, CLUSTERING, None)
    assert (found.one.score, found.one.median_score) == (None, None)
    columns = ["pairs of", "pairs", "only there", "characters, source", "characters, target"]
    assert number_table(found, NAMES).columns.tolist() == columns
    assert contrast(np.array([2]), OTHER, POOL, CLUSTERING, SCORES).one.score is None  # its only score is infinite


def test_the_table_of_numbers(found: Contrast) -> None:
    table = number_table(found, NAMES).set_index("pairs of")
    assert table.loc["here"].tolist() == pytest.approx([3, 2, 3, 2, 6, 2])
    assert table.loc["there"].tolist() == pytest.approx([4, 3, 5, 5, 5, 2.25])


def test_the_table_of_words() -> None:
    sources = ["sun"] * 40 + ["moon"] * 1_200 + ["sky"] * 20
    found = contrast(np.arange(40), np.arange(40, 1_260), a_corpus(sources, sources), clusters(*[0] * 1_260), None)
    assert found.sources[0].z[0] > 2
    assert found.sources[1].z[-1] < -2
    table = word_table(found.sources, NAMES)
    assert table["here"].tolist()[0] == "sun (40 : 0)"
    assert table["there"].tolist()[0] == "moon (1,200 : 0)"
    assert len(word_table(found.sources, NAMES, top=1)) == 1
    assert 0 < found.sources[1].z[1] < 2  # sky, which is too rare to tell
    assert table["there"].tolist() == ["moon (1,200 : 0)"]


def test_words_of_one_side_only_leave_the_other_blank() -> None:
    sources = ["sun sky sky"] * 60 + ["sky"] * 60
    found = contrast(np.arange(60), np.arange(60, 120), a_corpus(sources, sources), clusters(*[0] * 120), None)
    assert word_table(found.sources, NAMES).to_numpy().tolist() == [["", "sky (60 : 120)"]]  # in its own set 60 times


def test_a_set_may_be_called_like_a_column(found: Contrast) -> None:
    assert share_table(found, ["zero", "one", "two"], ("this region", "cluster")).columns.tolist() == [
        "cluster",
        "this region",
        "cluster (pairs)",
    ]
    assert label_table(found.labels["kind"], "kind", ("kind", "x")).columns.tolist() == ["kind", "kind (pairs)", "x"]
    assert word_table(found.sources, ("same", "same")).columns.tolist() == ["same", "same (pairs)"]


def test_progress_ascends_and_stops() -> None:
    shares: list[float] = []
    contrast(ONE, OTHER, POOL, CLUSTERING, SCORES, progress=lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1

    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contrast(ONE, OTHER, POOL, CLUSTERING, SCORES, progress=stop)
