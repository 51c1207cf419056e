"""Terms of every script, against a slow tokenizer written with strings."""

import sys
import unicodedata
from collections import Counter as Tally
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.vectorize import tokens
from craft_core.vectorize.blocks import in_order, text_blocks
from craft_core.vectorize.tokens import Analyzer

SCRIPTS = {
    "Devanagari": "कि की लड़की ने किताब पढ़ी।",
    "Arabic": "كَتَبَ الوَلَدُ رِسالةً، ثمّ نامَ",
    "Thai": "ที่นี่ ไม่มีน้ำ เลย",
    "Chinese": "我喜欢吃苹果。你呢？",
    "Turkish and German": "Straße ÇAĞRI İzmir",
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Tiếng Việt Nam"),
    "beyond the first plane": "𐐀𐐁 😀 𠀀x \U0010ffff y\U000e0101 z",
    "signs": "snake_case e-mail 3.14 'tis \u2028x\ny\tz",
}


def array(*texts: str) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def words(text: str) -> list[str]:
    kept = "".join(one if one == "_" or unicodedata.category(one)[0] in "LMN" else " " for one in text)
    return ["".join(letter.lower()[0] for letter in word) for word in kept.split(" ") if word]


def runs(text: str, n: int) -> list[str]:
    return [f" {word} "[i : i + n] for word in words(text) for i in range(len(word) + 3 - n) if f" {word} "[i : i + n] != " "]


def words_and_signs(text: str) -> list[str]:
    r"""`[\p{L}\p{M}\p{N}_]+|[\p{P}\p{S}--_]+`, one character after the other."""
    found, before = [], ""
    for letter in text:
        category = unicodedata.category(letter)[0]
        kind = "word" if letter == "_" or category in "LMN" else "sign" if category in "PS" else ""
        if kind and kind == before:
            found[-1] += letter
        elif kind:
            found.append(letter)
        before = kind
    return [
        "".join(letter.lower()[0] if letter == "_" or unicodedata.category(letter)[0] in "LMN" else letter for letter in one)
        for one in found
    ]


def keys(text: str, analyzer: Analyzer) -> list[int]:
    return analyzer.terms(array(text)).keys.tolist()


def same_terms(text: str, found: list[int], expected: list[str], meaning: dict[int, str]) -> None:
    """Check that hashes and strings stand one for one, over all texts so far."""
    assert len(found) == len(expected), (text, expected)
    for key, term in zip(found, expected, strict=True):
        assert meaning.setdefault(key, term) == term
    assert len(set(meaning.values())) == len(meaning)


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_words_are_runs_of_letters_marks_and_digits(text: str) -> None:
    same_terms(text, keys(text, Analyzer("word", 1, 1)), words(text), {})


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_character_runs_stay_inside_a_word_and_its_edges(text: str, n: int) -> None:
    same_terms(text, keys(text, Analyzer("char_wb", n, n)), runs(text, n), {})


@given(st.lists(st.text(alphabet=st.sampled_from("ab كَิ्字_é 9.-\n\u2028"), max_size=12), min_size=1, max_size=6))
def test_any_texts_have_the_terms_of_the_slow_tokenizer(texts: list[str]) -> None:
    for n, analyzer, slow in (
        (1, Analyzer("word", 1, 1), lambda text: words(text)),
        (3, Analyzer("char_wb", 3, 3), lambda text: runs(text, 3)),
    ):
        meaning: dict[int, str] = {}
        terms = analyzer.terms(array(*texts))
        for row, text in enumerate(texts):
            same_terms(f"{n} {text!r}", terms.keys[terms.rows == row].tolist(), slow(text), meaning)


TOKENS = {
    "word!": ["word", "!"],
    "a--b": ["a", "--", "b"],
    "«क्या?»": ["«", "क्या", "?»"],
    "(Don't, e-mail me: 3.14%)...": ["(", "don", "'", "t", ",", "e", "-", "mail", "me", ":", "3", ".", "14", "%)..."],
    "ماذا؟ لا، «نعم»!": ["ماذا", "؟", "لا", "،", "«", "نعم", "»!"],
    "ठीक है।😀😀ok€5": ["ठीक", "है", "।😀😀", "ok", "€", "5"],
    "snake_case !_": ["snake_case", "!", "_"],
    "! ! !!\u200b!": ["!", "!", "!!", "!"],
    "？你好。": ["？", "你好", "。"],
}


@pytest.mark.parametrize(("text", "expected"), TOKENS.items(), ids=TOKENS)
def test_tokens_are_words_and_runs_of_signs(text: str, expected: list[str]) -> None:
    assert words_and_signs(text) == expected
    same_terms(text, keys(text, Analyzer("token", 1, 1)), expected, {})


def test_tokens_mean_the_same_in_all_texts_and_those_that_are_words_are_words() -> None:
    texts = [*TOKENS, *SCRIPTS.values()]
    meaning: dict[int, str] = {}
    for text in texts:
        same_terms(text, keys(text, Analyzer("word", 1, 1)), words(text), meaning)
    for text in texts:
        same_terms(text, keys(text, Analyzer("token", 1, 1)), words_and_signs(text), meaning)


@given(st.lists(st.text(alphabet=st.sampled_from("aB كَİि्字_9.-!«😀€\u200d\n\u2028"), max_size=12), min_size=1, max_size=6))
def test_any_texts_have_the_tokens_and_neighbours_of_the_slow_tokenizer(texts: list[str]) -> None:
    meaning: dict[int, str] = {}
    terms = Analyzer("token", 1, 2).terms(array(*texts))
    for row, text in enumerate(texts):
        slow = words_and_signs(text)
        neighbours = [f"{one} {two}" for one, two in pairwise(slow)]
        same_terms(text, terms.keys[terms.rows == row].tolist(), slow + neighbours, meaning)


def test_neighbouring_tokens_are_joined_without_the_gap_between_them() -> None:
    neighbours = Analyzer("token", 2, 2)
    assert keys("yes!", neighbours) == keys("yes !", neighbours) == keys("YES  !", neighbours)
    assert keys("yes!", neighbours) != keys("!yes", neighbours)
    assert keys("!!", neighbours) == []
    assert keys("! !", neighbours) != keys("! ?", neighbours)


def test_vowel_signs_make_a_difference_and_words_stay_whole() -> None:
    analyzer = Analyzer("word", 1, 1)
    short, long = keys("कि", analyzer), keys("की", analyzer)
    assert len(short) == len(long) == 1
    assert short != long


def test_case_makes_no_difference() -> None:
    analyzer = Analyzer("word", 1, 1)
    assert keys("ΚΑΛΗ МИР Hello", analyzer) == keys("καλη мир hELLO", analyzer)


def test_word_runs_join_neighbours_within_a_text_in_their_order() -> None:
    pairs = Analyzer("word", 2, 2)
    assert keys("a b c", pairs) == [*keys("a b", pairs), *keys("b c", pairs)]
    assert keys("a b", pairs) != keys("b a", pairs)
    terms = pairs.terms(array("a b", "c", "", "d a b"))
    assert terms.rows.tolist() == [0, 3, 3]
    both = Analyzer("word", 1, 2).terms(array("a b c"))
    assert Tally(both.keys.tolist()) == Tally(keys("a b c", Analyzer("word", 1, 1)) + keys("a b c", pairs))


def test_terms_are_the_same_in_any_place_of_any_block() -> None:
    analyzer = Analyzer("word", 1, 1)
    alone = keys("hello", analyzer)
    terms = analyzer.terms(array("x" * 1000, "हिन्दी", "say hello"))
    assert terms.keys[-1] == alone[0]
    assert analyzer.terms(array("skip", "hello").slice(1)).keys.tolist() == alone


def test_hashes_are_the_same_on_every_machine() -> None:
    # golden: a change here changes every hashed vector, and must be meant
    assert keys("hello", Analyzer("word", 1, 1)) == [5773643538932583466]
    assert keys("字", Analyzer("char_wb", 2, 2)) == [12239118770476074506, 2170958144374799386]


def test_no_text_and_no_letters_give_no_terms() -> None:
    assert len(Analyzer("token", 1, 2).terms(array("", " ", "\n\u200b")).keys) == len(Analyzer("token", 1, 2).terms(array()).keys) == 0
    for kind in tokens.ANALYZERS:
        analyzer = Analyzer(kind, 1, 1)
        assert len(analyzer.terms(array()).keys) == 0
        assert len(analyzer.terms(array("", " ", "...!")).keys) == 0


def test_terms_by_text_are_the_same_terms_text_after_text() -> None:
    texts = array("a b c", "", "d e", "!")
    for analyzer in (Analyzer("word", 1, 1), Analyzer("word", 1, 2), Analyzer("char_wb", 2, 3)):
        terms, (by_text, starts) = analyzer.terms(texts), analyzer.terms_by_text(texts)
        assert by_text.tolist() == terms.keys[np.argsort(terms.rows, kind="stable")].tolist()
        assert np.diff(starts).tolist() == np.bincount(terms.rows, minlength=4).tolist()


def test_only_the_start_of_an_endless_text_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_LONGEST_TEXT", 8)
    terms = Analyzer("word", 1, 1).terms(array("ab cd efgh", "ab"))
    assert terms.rows.tolist() == [0, 0, 0, 1]
    assert terms.keys[2] == keys("ef", Analyzer("word", 1, 1))[0]


def test_blocks_cover_all_texts_and_hold_a_megabyte() -> None:
    texts = array(*["x" * 400_000] * 5, "y" * 3_000_000, *["z"] * 20_000)
    blocks = text_blocks(texts)
    assert [start for start, _ in blocks] == [0, *(stop for _, stop in blocks[:-1])]
    assert blocks[-1][1] == len(texts)
    assert blocks[:4] == [(0, 2), (2, 4), (4, 5), (5, 6)]
    assert text_blocks(texts.slice(4, 2)) == [(0, 1), (1, 2)]
    assert text_blocks(texts[:0]) == []


def test_results_come_in_order_and_an_error_comes_through() -> None:
    shares: list[float] = []
    assert list(in_order(lambda x: x * x, range(50), lambda share, text: shares.append(share), "")) == [x * x for x in range(50)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda x: 1 / x, [1, 0], lambda share, text: None, ""))


def test_letter_table_knows_what_unicode_knows() -> None:
    numbers = tokens.letter_numbers()
    for letter in "aЖ字िَ๊９_²Ⅷ\U000e0100":
        assert numbers[ord(letter)] != 0, letter
    for sign in " .-—。،।\u200d\u0000€":
        assert numbers[ord(sign)] == 0, sign
    assert len(np.unique(numbers)) > 100_000


def test_sign_table_knows_every_punctuation_mark_and_symbol_and_nothing_else() -> None:
    numbers = tokens.sign_numbers()
    is_sign = [unicodedata.category(letter)[0] in "PS" and letter != "_" for letter in map(chr, range(sys.maxunicode + 1))]
    assert not any(is_sign[len(numbers) :])
    assert (numbers != 0).tolist() == is_sign[: len(numbers)]
    assert not (numbers.astype(bool) & tokens.letter_numbers().astype(bool)).any()
    assert len(np.unique(numbers)) == sum(is_sign) + 1
    assert not numbers.flags.writeable
