import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.telling_words import telling_words

WORDS = st.lists(
    st.lists(st.sampled_from(["sun", "moon", "तारा", "sky", "dust"]), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=8
)


def texts(*sentences: str) -> pa.LargeStringArray:
    return pa.array(sentences, pa.large_string())


def test_the_formula_by_hand() -> None:
    found = telling_words(texts("sun sun sun sky"), texts("moon sky", "sky sky"))
    assert found.words[0] == "sun"
    assert found.words[-1] == "sky"
    # of 8 words 3 are sun, all of them in the first text of 4
    prior, total = 1_000 * 3 / 8, 1_000
    odds = math.log((3 + prior) / (4 + total - 3 - prior)) - math.log(prior / (4 + total - prior))
    assert found.z[0] == pytest.approx(odds / math.sqrt(1 / (3 + prior) + 1 / prior))
    assert (found.first[0], found.second[0]) == (3, 0)
    assert dict(zip(found.words, found.second, strict=True)) == {"sun": 0, "sky": 3, "moon": 1}


@given(WORDS, WORDS)
def test_swapping_the_sides_turns_the_signs(one: list[str], other: list[str]) -> None:
    there, back = telling_words(texts(*one), texts(*other)), telling_words(texts(*other), texts(*one))
    mine, theirs = dict(zip(there.words, there.z, strict=True)), dict(zip(back.words, back.z, strict=True))
    assert mine.keys() == theirs.keys()
    assert all(mine[word] == pytest.approx(-theirs[word], abs=1e-9) for word in mine)
    assert (np.diff(there.z) <= 0).all()


@given(WORDS, WORDS)
def test_the_order_of_the_texts_does_not_matter(one: list[str], other: list[str]) -> None:
    there, again = telling_words(texts(*one), texts(*other)), telling_words(texts(*one[::-1]), texts(*other[::-1]))
    assert there.words == again.words  # words that tell as much stand in alphabetical order, so rounding must not tell them apart
    assert there.z.tolist() == again.z.tolist()


def test_what_both_use_alike_tells_nothing() -> None:
    same = texts(*["sun moon"] * 50)
    assert np.abs(telling_words(same, same).z).max() == 0


def test_words_that_tell_more_often_tell_more() -> None:
    found = telling_words(texts(*["sun"] * 40, *["moon"] * 5, *["sky"] * 100), texts(*["sky"] * 145))
    assert found.words == ("sun", "moon", "sky")
    assert found.z[0] > found.z[1] > 0 > found.z[2]


def test_no_texts_no_words() -> None:
    assert telling_words(texts(), texts()).words == ()
