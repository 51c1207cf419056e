"""Every text comes back from its tokens as it went in, cut where it is too long."""

import numpy as np
import pyarrow as pa
import pytest

from craft_core.finetune.tokenizer import END, PAD, encode, open_tokenizer, read_tokens, size_of, train_tokenizer

HINDI = ["क्षेत्र में भारी वर्षा हुई।", "वह घर जा रहा है", "हुई वर्षा में वह क्षेत्र घर है"]
ENGLISH = ["Heavy rain fell in the region.", "He is going home"]
SAVED = train_tokenizer(HINDI + ENGLISH, 400)
TOKENIZER = open_tokenizer(SAVED)


def there_and_back(text: str) -> str:
    tokens = encode(TOKENIZER, pa.array([text], pa.large_string()), 4_000)
    assert tokens.ids[-1] == END
    return read_tokens(TOKENIZER, [tokens.ids.tolist()])[0]


@pytest.mark.parametrize(
    "text",
    [*HINDI, *ENGLISH, "日本語の文章です。", "ẛ̣ ﬁ ① e\u0301", "क्‍ष \u200c", "  two  blanks\tand\nlines ", "<pad></s>", "🙂👩‍👩‍👧", ""],
)
def test_every_script_comes_back_letter_by_letter(text: str) -> None:
    assert there_and_back(text) == text


def test_a_vowel_sign_does_not_cut_a_word() -> None:
    texts = pa.array(["क्षेत्र में"], pa.large_string())
    assert encode(open_tokenizer(train_tokenizer(["क्षेत्र में"] * 9, 400)), texts, 99).lengths.tolist() == [3]  # two words and the end mark


def test_long_texts_are_cut_and_keep_their_end_mark() -> None:
    tokens = encode(TOKENIZER, pa.array(["abcdefgh" * 9, "a", ""], pa.large_string()), 10)
    assert tokens.lengths.tolist() == [10, 2, 1]
    assert tokens.ids[tokens.starts[1:] - 1].tolist() == [END] * 3


def test_padding_fills_up_behind() -> None:
    tokens = encode(TOKENIZER, pa.array(["ab", "", "a"], pa.large_string()), 10)
    padded = tokens.padded(np.array([1, 0]))
    assert padded[0].tolist() == [END] + [PAD] * (padded.shape[1] - 1)
    assert padded[1].tolist() == tokens.ids[: tokens.starts[1]].tolist()
    assert encode(TOKENIZER, pa.array([], pa.large_string()), 10).padded(np.zeros(0, np.int64)).shape == (0, 0)


def test_the_vocabulary_keeps_to_its_limit() -> None:
    assert size_of(TOKENIZER) <= 400
    assert size_of(open_tokenizer(train_tokenizer([], 300))) == 256 + 3


def test_what_is_not_text_is_passed_over() -> None:
    assert read_tokens(TOKENIZER, [[PAD, 1, END, 50], []]) == ["", ""]
