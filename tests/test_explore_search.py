import numpy as np
import pyarrow as pa
import pytest

from craft_core.corpus.pairs import corpus_from_texts
from craft_core.errors import DataError, ParameterError
from craft_core.explore.search import like_sentence, search_pairs, search_regex, search_text

TEXTS = pa.array(["A fever", "no FEVER here", "dry cough", "", "feverish nights", "caf\u00e9", "cafe\u0301"], pa.large_string())


class Counting:
    """A progress that cancels at its n-th call."""

    def __init__(self, last: int) -> None:
        self.calls, self.last = 0, last

    def __call__(self, share: float, text: str) -> None:
        self.calls += 1
        if self.calls == self.last:
            raise InterruptedError


def test_text_is_found_whatever_its_case_unless_that_is_asked() -> None:
    assert search_text(TEXTS, " fever ").positions.tolist() == [0, 1, 4]
    assert search_text(TEXTS, "fever", match_case=True).positions.tolist() == [0, 4]
    assert search_text(TEXTS, "f.ver").positions.tolist() == []  # no pattern


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert search_text(TEXTS, "caf\u00e9").positions.tolist() == [5, 6]
    assert search_text(TEXTS, "cafe\u0301").positions.tolist() == [5, 6]


def test_patterns_match_anywhere() -> None:
    assert search_regex(TEXTS, r"\bfever\b").positions.tolist() == [0, 1]
    assert search_regex(TEXTS, r"^$").positions.tolist() == [3]
    assert search_regex(TEXTS, "FEVER", match_case=True).positions.tolist() == [1]


@pytest.mark.parametrize(
    ("pattern", "reason"), [("(", "missing"), (r"(a)\1", "escape"), ("(?=a)", "perl"), ("(a{1000}){1000}", "repetition")]
)
def test_a_pattern_that_cannot_be_used_gets_a_sentence(pattern: str, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        search_regex(TEXTS, pattern)


@pytest.mark.parametrize("search", [search_text, search_regex])
def test_nothing_to_search_for(search: object) -> None:
    with pytest.raises(ParameterError, match="nothing to search"):
        search(TEXTS, "  ")  # type: ignore[operator]


def test_a_pattern_that_hangs_others_ends_here() -> None:
    hard = pa.array(["a" * 5_000 + "!"] * 20, pa.large_string())
    assert not len(search_regex(hard, r"(a+)+$").positions)


def test_when_the_time_is_over_what_was_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.explore.search._BLOCK_ROWS", 2)
    clock = iter(np.arange(0, 100, 1.0))
    monkeypatch.setattr("craft_core.explore.search.time.monotonic", lambda: next(clock))
    found = search_text(TEXTS, "fever", seconds=2.5)
    assert (found.n_read, found.n_total, found.is_complete) == (4, 7, False)
    assert found.positions.tolist() == [0, 1]


def test_a_search_can_be_cancelled_between_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("craft_core.explore.search._BLOCK_ROWS", 2)
    with pytest.raises(InterruptedError):
        search_text(TEXTS, "fever", progress=Counting(3))


def test_either_side_of_a_pair() -> None:
    corpus = corpus_from_texts(["fever", "cough", "rain"], ["bukhar", "fever", "barish"], "pool")
    assert search_pairs(corpus, "fever", "text").positions.tolist() == [0, 1]
    assert search_pairs(corpus, "fever", "text", "target").positions.tolist() == [1]
    assert search_pairs(corpus, "^r", "regex", "source").positions.tolist() == [2]
    with pytest.raises(ParameterError, match="'middle'"):
        search_pairs(corpus, "fever", "text", "middle")


def encoder(texts: pa.LargeStringArray) -> np.ndarray:
    rows = np.array([["rain" in one, "sun" in one] for one in texts.to_pylist()], dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)


def test_a_sentence_finds_the_rows_most_like_it() -> None:
    rows = np.array([[0, 1], [1, 0], [0.6, 0.8], [1, 0]], dtype=np.float32)
    positions, similarity = like_sentence("rain again", encoder, rows, np.array([True, True, True, True]), 3)
    assert positions.tolist() == [1, 3, 2]
    assert similarity == pytest.approx([1, 1, 0.6])
    assert like_sentence("rain", encoder, rows, np.array([True, False, True, True]), 1)[0].tolist() == [3]


def test_a_sentence_without_a_known_word_and_vectors_without_an_encoder() -> None:
    rows = np.eye(2, dtype=np.float32)
    with pytest.raises(DataError, match="knows no word of 'snow'"):
        like_sentence("snow", encoder, rows, np.ones(2, dtype=bool))
    with pytest.raises(DataError, match="came from a file"):
        like_sentence("rain", None, rows, np.ones(2, dtype=bool))
