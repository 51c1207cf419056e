"""Cleaning: what is dropped, what is only counted, and what both reports say."""

import unicodedata
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from corpus_helpers import pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.corpus import Cleaning, CleaningReport, Corpus, Dropped, Example, clean_pool, clean_reference, corpus_from_texts
from craft_core.corpus.overlap import comparable
from craft_core.errors import DataError, ParameterError

OFF = Cleaning(drop_empty=False, max_characters=None, drop_duplicates=False, drop_pair_overlaps=False, drop_source_overlaps=False)


def corpus(rows: list[tuple[str, str]], name: str = "pool") -> Corpus:
    sources, targets = zip(*rows, strict=True)
    return corpus_from_texts(list(sources), list(targets), name)


ELSEWHERE = corpus([("never", "seen")], "validation")


def found(report: CleaningReport, switch: str) -> Dropped:
    return next(one for one in report.found if one.switch == switch)


def test_empty_sides_are_dropped():
    pool = corpus([("a", "b"), ("", "b"), ("a", " \t\u3000"), ("\u200b\ufeff", "b"), ("?", "!")])
    cleaned, report = clean_pool(pool, ELSEWHERE, None, Cleaning())
    assert cleaned.rows.tolist() == [0, 4]
    assert found(report, "drop_empty") == Dropped(
        "a side is empty",
        "drop_empty",
        3,
        (Example(1, "", "b", None), Example(2, "a", " \t\u3000", None), Example(3, "\u200b\ufeff", "b", None)),
        True,
    )
    assert (report.n_in, report.n_out) == (5, 2)


def test_long_sides_are_dropped_by_characters_not_bytes():
    pool = corpus([("हिहि", "b"), ("a", "bbbbb"), ("aaaaa", "b")])
    cleaned, report = clean_pool(pool, ELSEWHERE, None, Cleaning(max_characters=4))
    assert pairs(cleaned) == [("हिहि", "b")]
    assert found(report, "max_characters").reason == "a side has more than 4 characters"
    assert len(clean_pool(pool, ELSEWHERE, None, Cleaning(max_characters=None))[0]) == 3


def test_examples_are_shortened():
    report = clean_pool(corpus([("a", "b" * 3000), ("a", "b")]), ELSEWHERE, None, Cleaning())[1]
    assert found(report, "max_characters").examples[0].target == "b" * 300 + "…"


def test_first_of_exact_duplicates_stays():
    pool = corpus([("a", "b"), ("A", "b"), ("a", "b"), ("b", "a"), ("ab", ""), ("a", "b")])
    cleaned, report = clean_pool(pool, ELSEWHERE, None, replace(Cleaning(), drop_empty=False))
    assert cleaned.rows.tolist() == [0, 1, 3, 4]
    assert found(report, "drop_duplicates").examples == (Example(2, "a", "b", "pool, row 0"), Example(5, "a", "b", "pool, row 0"))


def test_duplicates_name_rows_of_the_data_as_given():
    pool = replace(corpus([("a", "b"), ("c", "d"), ("a", "b")]), rows=np.array([10, 20, 30]))
    assert found(clean_pool(pool, ELSEWHERE, None, Cleaning())[1], "drop_duplicates").examples[0] == Example(30, "a", "b", "pool, row 10")


VALIDATION = corpus([("Hello, World!", "नमस्ते"), ("Good night", "शुभ रात्रि")], "validation")
TEST = corpus([("See you", "फिर मिलेंगे")], "test")
OVERLAPPING = corpus(
    [
        ("hello  world", "नमस्ते।"),  # the pair, written otherwise
        ("ＨＥＬＬＯ world", "something else"),  # the source only; full-width letters are NFKC's
        ("see you...", "फिर मिलेंगे"),  # in test
        ("Hello, Word!", "नमस्ते"),  # one letter off: stays
        ("Good night", "नमस्ते"),  # both sides stand in validation, but not together
    ]
)


def test_overlaps_with_validation_and_test_are_dropped():
    cleaned, report = clean_pool(OVERLAPPING, VALIDATION, TEST, Cleaning())
    assert cleaned.rows.tolist() == [3]
    pair, source = found(report, "drop_pair_overlaps"), found(report, "drop_source_overlaps")
    assert [(example.row, example.matched) for example in pair.examples] == [(0, "validation, row 0"), (2, "test, row 0")]
    assert [(example.row, example.matched) for example in source.examples] == [(1, "validation, row 0"), (4, "validation, row 1")]
    assert source.reason == "the source also stands in validation or test"


def test_pair_overlaps_alone_keep_other_translations():
    cleaned, report = clean_pool(OVERLAPPING, VALIDATION, None, Cleaning(drop_source_overlaps=False))
    assert cleaned.rows.tolist() == [1, 2, 3, 4]
    assert found(report, "drop_source_overlaps").count == 2
    assert not found(report, "drop_source_overlaps").applied
    assert report.n_out == 4


def test_source_overlaps_drop_pairs_too():
    cleaned, report = clean_pool(OVERLAPPING, VALIDATION, TEST, Cleaning(drop_pair_overlaps=False))
    assert cleaned.rows.tolist() == [3]
    assert (found(report, "drop_pair_overlaps").count, found(report, "drop_source_overlaps").count) == (0, 4)


def test_switches_that_are_off_count_what_they_would_drop():
    pool = corpus([("", "b"), ("a", "b"), ("a", "b"), ("Never", "seen"), ("never", "?")])
    cleaned, report = clean_pool(pool, ELSEWHERE, None, OFF)
    assert cleaned is pool
    assert [(one.switch, one.count, one.applied) for one in report.found] == [
        ("drop_empty", 1, False),
        ("max_characters", 0, False),
        ("drop_duplicates", 1, False),
        ("drop_pair_overlaps", 1, False),
        ("drop_source_overlaps", 2, False),
    ]
    assert report.n_out == 5


def test_each_pair_is_dropped_once():
    pool = corpus([("never", "seen"), ("never", "seen"), ("", ""), ("", ""), ("a", "b")])
    cleaned, report = clean_pool(pool, ELSEWHERE, None, Cleaning())
    assert [one.count for one in report.found] == [2, 0, 1, 1, 0]
    assert report.n_out == len(cleaned) == 1


def test_ids_and_columns_follow():
    pool = replace(corpus([("", "b"), ("a", "b"), ("c", "d")]), columns=pa.table({"domain": ["x", "y", "z"]}))
    cleaned = clean_pool(pool, ELSEWHERE, None, Cleaning())[0]
    assert cleaned.ids.to_pylist() == ["1", "2"]
    assert cleaned.columns.to_pydict() == {"domain": ["y", "z"]}


def test_punctuation_alone_is_compared_as_it_is():
    validation = corpus([("?!", "x"), ("...", "y")], "validation")
    pool = corpus([("?!", "a"), ("!?", "a"), ("…", "a"), ("", "a"), ("?!" * 40, "a")])
    cleaned = clean_pool(pool, validation, None, replace(Cleaning(), drop_empty=False))[0]
    assert cleaned.rows.tolist() == [1, 3, 4]  # NFKC writes the ellipsis as three dots


def test_an_empty_validation_source_matches_nothing():
    cleaned = clean_pool(corpus([("", "a"), ("b", "c")]), corpus([("", "a"), ("x", "y")], "validation"), None, OFF)[1]
    assert found(cleaned, "drop_source_overlaps").count == 0


@pytest.mark.parametrize("filler", ["", "!" * 100, " " * 100, "\u0301" * 20, "« » " * 30])
@pytest.mark.parametrize(
    "text", ["short", "a sentence that is rather longer than what is looked at first", "यह एक लंबा वाक्य है जो पहले देखे गए भाग से लंबा है"]
)
def test_beginnings_never_hide_an_overlap(text, filler):
    validation = corpus([(text[:3] + filler + text[3:], "x")], "validation")
    variants = [text[:3] + filler + text[3:] + "!", filler.strip("\u0301") + text[:3] + filler + text[3:].upper()]
    pool = corpus([(variant, "y") for variant in [*variants, "other"]])
    assert clean_pool(pool, validation, None, Cleaning())[0].sources.to_pylist() == ["other"]


def test_overlaps_are_found_over_chunks(monkeypatch):
    monkeypatch.setattr("craft_core.corpus.overlap._CHUNK", 3)
    pool = corpus([(f"sentence number {number}", "x") for number in range(10)])
    validation = corpus([("Sentence number 7", "x"), ("Sentence number 2", "y")], "validation")
    cleaned, report = clean_pool(pool, validation, None, Cleaning())
    assert cleaned.rows.tolist() == [0, 1, 3, 4, 5, 6, 8, 9]
    assert found(report, "drop_pair_overlaps").examples[0].row == 7


def test_near_duplicates_stay():
    assert len(clean_pool(corpus([("the cat sat", "x"), ("The cat sat.", "x")]), ELSEWHERE, None, Cleaning())[0]) == 2


def test_reference_keeps_duplicates_and_overlaps_and_counts_them():
    test = corpus([("hello world", "नमस्ते"), ("a", "b"), ("a", "b"), ("", "x"), ("a", "b" * 2001), ("good night", "z")], "test")
    cleaned, report = clean_reference(test, Cleaning(), VALIDATION)
    assert cleaned.rows.tolist() == [0, 1, 2, 5]
    assert [(one.switch, one.count, one.applied) for one in report.found] == [
        ("drop_empty", 1, True),
        ("max_characters", 1, True),
        ("drop_duplicates", 1, False),
        ("drop_pair_overlaps", 1, False),
        ("drop_source_overlaps", 2, False),
    ]
    assert found(report, "drop_source_overlaps").reason == "the source also stands in validation"


def test_reference_alone_has_no_overlaps():
    assert len(clean_reference(VALIDATION, Cleaning())[1].found) == 3


def test_nothing_left_is_refused_with_the_reasons():
    with pytest.raises(
        DataError, match=r"No pair of the pool is left after cleaning \(a side is empty: 1; the source also stands in validation: 1\)"
    ):
        clean_pool(corpus([("", "b"), ("never", "b")]), ELSEWHERE, None, Cleaning())
    with pytest.raises(DataError, match="it was empty"):
        clean_reference(corpus_from_texts([], [], "validation"), Cleaning())


def test_the_limit_of_characters_is_checked():
    with pytest.raises(ParameterError, match="'max_characters' parameter of Cleaning must be at least 1"):
        Cleaning(max_characters=0)


def test_progress_is_told():
    told = []
    clean_pool(OVERLAPPING, VALIDATION, TEST, Cleaning(), lambda share, text: told.append((share, text)))
    assert told[0] == (0.0, "pool: a side is empty")
    assert told[-1] == (1.0, "pool: 1 pairs left")


def test_more_than_half_a_million_pairs():
    texts = [f"sentence {number}" for number in range(500_001)]
    pool = corpus_from_texts(texts, texts, "pool")
    validation = corpus([("Sentence 500000!", "x"), ("sentence 3", "sentence 3")], "validation")
    cleaned, report = clean_pool(pool, validation, None, Cleaning())
    assert len(cleaned) == 499_999
    assert found(report, "drop_source_overlaps").examples[0].row == 500_000


def compare(text: str) -> str:
    return pl.DataFrame({"text": [text]}).select(comparable(pl.col("text"))).item()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("ΟΔΌΣ ", "οδός"),
        ("ﬁne", "FINE"),
        ("é", "e\u0301"),
        ("a\u00a0b\tc\n d", "a b c d"),
        ("¿Qué?", "qué"),
        ("हाँ।", "हाँ"),
        ("你好，世界", "你好世界"),
    ],
)
def test_texts_that_compare_equal(one, other):
    assert compare(one) == compare(other)


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("5 $", "5 €"), ("é", "e"), ("?", "!"), ("की", "का")])
def test_texts_that_do_not(one, other):
    assert compare(one) != compare(other)


@given(st.text("aAbB ,.!\t\u00a0éÉΣςßｆ—", max_size=12))
@settings(deadline=None)
def test_comparable_agrees_with_plain_python(text):
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = " ".join("".join(letter for letter in folded if not unicodedata.category(letter).startswith("P")).split())
    assert compare(text) == (words or folded.strip())
