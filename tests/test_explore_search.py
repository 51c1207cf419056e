import unicodedata
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.corpus.pairs import Corpus, corpus_from_texts
from craft_core.errors import DataError, ParameterError
from craft_core.explore import search as module
from craft_core.explore.search import SIDES, WAYS, Found, like_sentence, search_pairs, search_regex, search_text
from craft_core.vectorize.protocol import unit_rows

# letters that join marks, marks in and out of their order, composed forms NFC keeps and forms it takes apart, parts of Korean syllables
TRICKY = (
    "aeE.\u00e9\u00c9\u0301\u0323\u0328\u1eb9\u1fb3\u212b\u00e5\u0958\u0915\u0928\u0929\u093c\u094d"
    "\u1100\u1161\u11a8\uac00\u09c7\u09be\u09cb\u304b\u3099"
)
TEXT = st.text(st.sampled_from(TRICKY), max_size=6)


def texts(*given: str) -> pa.LargeStringArray:
    return pa.array(given, pa.large_string())


def positions(found: Found) -> list[int]:
    return found.positions.tolist()


def clock(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    """Let every look at the clock find it `step` seconds further."""
    now = iter(np.arange(1, 10_000) * step)
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(now)))


def test_a_text_is_found_letter_by_letter() -> None:
    given = texts("a.b", "axb", "the a.b c", "", "A.B")
    assert positions(search_text(given, "a.b", match_case=True)) == [0, 2]
    assert positions(search_text(given, "a.b")) == [0, 2, 4]
    assert positions(search_text(given, "  a.b\n")) == [0, 2, 4]
    assert positions(search_text(texts(r"1\d", "12", "(x)", "[a-z]"), r"\d")) == [0]


@given(st.lists(TEXT, max_size=12), TEXT.filter(lambda query: query.strip() != ""))
def test_both_are_composed_before_they_are_compared(given_texts: list[str], query: str) -> None:
    wanted = unicodedata.normalize("NFC", query)
    expected = [place for place, text in enumerate(given_texts) if wanted in unicodedata.normalize("NFC", text)]
    assert positions(search_text(texts(*given_texts), query, match_case=True)) == expected


@given(st.lists(TEXT, min_size=1, max_size=12))
def test_only_texts_that_need_it_are_composed(given_texts: list[str]) -> None:
    assert module._composed(texts(*given_texts)).to_pylist() == [unicodedata.normalize("NFC", text) for text in given_texts]


def test_what_is_composed_already_is_not_composed_again() -> None:
    for text in (
        "fever",
        "caf\u00e9 \u1ed3",
        "\u092c\u0941\u0916\u093e\u0930 \u0926\u094d\u0935\u093e\u0930\u093e \u0921\u093c",
        "\ud55c\uae00",
    ):
        block = texts(text)
        assert module._composed(block) is block


def test_case_in_other_scripts() -> None:
    assert positions(search_text(texts("CAF\u00c9", "\u03a3\u0391\u03a3"), "cafe\u0301")) == [0]
    assert positions(search_text(texts("CAF\u00c9", "\u0441\u043e\u043d"), "\u0421\u041e\u041d")) == [1]
    assert positions(search_text(texts("CAF\u00c9"), "caf\u00e9", match_case=True)) == []


def test_a_pattern() -> None:
    given = texts("fever", "feverish", "Fevers", "forever", "")
    assert positions(search_regex(given, r"\bfever(s|ish)?\b")) == [0, 1, 2]
    assert positions(search_regex(given, r"\bfever(s|ish)?\b", match_case=True)) == [0, 1]
    assert positions(search_regex(given, "^$")) == [4]
    assert positions(search_regex(texts("caf\u00e9", "cafe\u0301", "cafe"), "caf[\u00e8\u00e9]$")) == [0, 1]


@pytest.mark.parametrize(("pattern", "reason", "advice"), [
    ("(?=a)b", r"\(\?=", "Look-ahead, look-behind and back-references are not known"),
    ("(?<!a)b", r"\(\?<", "Look-ahead, look-behind and back-references are not known"),
    (r"(a)\1", r"\\1", "Look-ahead, look-behind and back-references are not known"),
    ("(a{1000}){1000}", "repetition size", "at most 1,000 times in all"),
    ("a{1001}", "repetition size", "at most 1,000 times in all"),
    (r"(\pL?){1000}" * 80, "too large", "a shorter pattern"),
    ("[a", r"missing \]", "backslash"),
    ("(a", r"missing \)", "backslash"),
    ("*a", "no argument", "backslash"),
])  # fmt: skip
@pytest.mark.parametrize("match_case", [True, False])
def test_a_pattern_that_cannot_be_used(pattern: str, reason: str, advice: str, match_case: bool) -> None:
    with pytest.raises(ParameterError, match=f"cannot be searched for: .*{reason}.*{advice}") as caught:
        search_regex(texts("a"), pattern, match_case)
    assert len(str(caught.value)) < 400


def test_a_text_that_is_too_long() -> None:
    with pytest.raises(ParameterError, match=r"^The text 'a{59}…' is too long"):
        search_text(texts("a"), "a" * 3_000_000)


@pytest.mark.parametrize("search", [search_text, search_regex])
@pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
def test_nothing_to_search_for(search: Callable[..., Found], blank: str) -> None:
    with pytest.raises(ParameterError, match="Type a word"):
        search(texts("a"), blank)


@pytest.mark.parametrize("search", [search_text, search_regex])
def test_half_a_character(search: Callable[..., Found]) -> None:
    with pytest.raises(ParameterError, match="half a character"):
        search(texts("a"), "a\ud800")


def test_nothing_to_read() -> None:
    found = search_text(texts(), "a")
    assert (positions(found), found.n_read, found.n_total, found.is_complete) == ([], 0, 0, True)
    assert found.positions.dtype == np.int64


def test_slices_are_read_from_their_beginning() -> None:
    assert positions(search_text(texts("a", "b", "cafe\u0301", "a").slice(1), "a")) == [1, 2]


def test_what_was_read_when_the_time_was_over_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, 1.0)  # every block takes a second
    found = search_text(texts(*["a", "b"] * 100), "a", seconds=5.0)
    assert not found.is_complete
    assert 0 < found.n_read < found.n_total == 200
    assert positions(found) == list(range(0, found.n_read, 2))
    assert found.seconds > 5


def test_of_a_pair_both_sides_are_read_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, 1.0)
    found = search_pairs(corpus_from_texts(["b"] * 200, ["a"] * 200, "pool"), "a", "text", seconds=5.0)
    assert positions(found) == list(range(found.n_read))
    assert 0 < found.n_read < 200


def blocks(n: int, search: Callable[..., Found] = search_text) -> list[float]:
    shares: list[float] = []
    assert search(texts(*["a"] * n), "a", progress=lambda share, text: shares.append(share)).n_read == n
    return shares


def test_blocks_grow_while_they_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, 0.001)
    assert blocks(2_000) == [0, 16 / 2_000, 80 / 2_000, 336 / 2_000, 1_360 / 2_000]


def test_blocks_shrink_when_they_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, 0.2)
    assert blocks(36) == [place / 36 for place in (0, 16, 24, 28, 30, 31, 32, 33, 34, 35)]


def test_raising_from_the_progress_ends_it() -> None:
    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search_regex(texts("a"), "a", progress=stop)


@pytest.fixture
def corpus() -> Corpus:
    return corpus_from_texts(["sun", "moon", "sun 2", "star"], ["Sonne", "Mond", "2", "sun"], "pool")


def test_the_sides_of_a_pair(corpus: Corpus) -> None:
    found = {side: positions(search_pairs(corpus, "sun", "text", side)) for side in SIDES}
    assert found == {"source": [0, 2], "target": [3], "either": [0, 2, 3]}
    assert positions(search_pairs(corpus, "so|^mo", "regex", "either")) == [0, 1]
    assert positions(search_pairs(corpus, "so|^mo", "regex", "either", match_case=True)) == [1]
    assert positions(search_pairs(corpus, "so|^mo", "text", "either")) == []
    assert search_pairs(corpus, "sun", "text").n_total == 4


@pytest.mark.parametrize(("how", "side"), [("guess", "source"), ("text", "left")])
def test_a_way_or_a_side_that_there_is_not(corpus: Corpus, how: str, side: str) -> None:
    with pytest.raises(ParameterError, match=f"{', '.join(WAYS)} on one of {', '.join(SIDES)}. Got '{how}' on '{side}'"):
        search_pairs(corpus, "sun", how, side)


WORDS = ["sun", "moon", "star"]


def encoder(given: pa.LargeStringArray) -> np.ndarray:
    """Count three words."""
    return unit_rows(np.array([[text.split().count(word) for word in WORDS] for text in given.to_pylist()], dtype=np.float32))


ROWS = encoder(texts("sun", "moon", "sun moon", "sun", "star", "sun sun moon", ""))


def test_pairs_like_a_sentence() -> None:
    found, similarity = like_sentence(" sun\n", encoder, ROWS, np.ones(7, dtype=bool), 4)
    assert found.tolist() == [0, 3, 5, 2]  # ties by position
    assert similarity == pytest.approx([1, 1, 2 / 5**0.5, 0.5**0.5])


def test_only_rows_that_may_be_found() -> None:
    usable = np.array([False, True, True, True, True, True, True])
    found, _ = like_sentence("sun", encoder, ROWS, usable, 50)
    assert found.tolist() == [3, 5, 2, 1, 4]  # the row without a word is near to nothing


def test_a_sentence_without_a_known_word() -> None:
    with pytest.raises(DataError, match="knows no word of 'comet dust'. Use words that occur in the pool"):
        like_sentence("comet dust", encoder, ROWS, np.ones(7, dtype=bool), 3)


def test_a_blank_sentence() -> None:
    with pytest.raises(ParameterError, match="Type a word or a sentence"):
        like_sentence("  ", encoder, ROWS, np.ones(7, dtype=bool), 3)


def test_vectors_of_a_file_take_no_sentence() -> None:
    with pytest.raises(DataError, match="came from a file"):
        like_sentence("sun", None, ROWS, np.ones(7, dtype=bool), 3)
