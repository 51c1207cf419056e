"""The hash of a text is that of its bytes, wherever it stands."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from pandas.util import hash_array

from craft_core.corpus.hashes import text_hashes


def array(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def of_pandas(texts: list[str]) -> list[int]:
    return hash_array(np.array(texts, object), hash_key="0" * 16, categorize=False).tolist()


def test_hashes_of_every_length_are_those_of_pandas() -> None:
    texts = ["abcdefghijklmnopqrstuvwxyz"[:length] for length in range(27)] + ["\x00", "a\x00b", "कि", "字" * 1_000, "😀"]
    assert text_hashes(array(texts)).tolist() == of_pandas(texts)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_hashes_of_any_texts_are_those_of_pandas(texts: list[str]) -> None:
    assert text_hashes(array(texts)).tolist() == of_pandas(texts)


def test_a_slice_has_the_hashes_of_its_texts_and_no_texts_have_none() -> None:
    texts = [f"text {n}" for n in range(10)]
    assert text_hashes(array(texts).slice(3, 4)).tolist() == of_pandas(texts)[3:7]
    assert len(text_hashes(array(texts).slice(10))) == len(text_hashes(array([]))) == len(text_hashes(array(["x"])[:0])) == 0
