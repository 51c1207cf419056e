"""Cleaning in parts, against cleaning of all pairs at once."""

from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.corpus import Cleaning, Corpus, clean_pool
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.corpus.sift import EMPTY, LONG, N_MARKS, PAIR, SOURCE, TWIN, Sift
from craft_core.errors import DataError

SWITCHES = [Cleaning(*one) for one in product([True, False], [6, None], [True, False], [True, False], [True, False])]
TEXTS = st.sampled_from(["", " \u200b", "a", "A!", "b", "c c", "too long a text", "Too LONG, a text", "ß", "SS", "?", "!", "d"])
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=25)


def corpus(pairs: list[tuple[str, str]], name: str) -> Corpus:
    return corpus_from_texts([one[0] for one in pairs], [one[1] for one in pairs], name)


def marked(sift: Sift, pool: Corpus, size: int) -> np.ndarray:
    """The bits of all pairs, looked at in blocks, with twins marked by hand."""
    blocks = [sift.marks(pool.sources.slice(start, size), pool.targets.slice(start, size)) for start in range(0, len(pool), size)]
    marks, seen = np.concatenate(blocks), set[tuple[str, str]]()
    for place, pair in enumerate(zip(pool.sources.to_pylist(), pool.targets.to_pylist(), strict=True)):
        marks[place] |= TWIN if pair in seen else 0
        seen.add(pair)
    return marks


def hold(cleaning: Cleaning, pool: Corpus, validation: Corpus, test: Corpus | None, size: int) -> None:
    """Clean in parts and at once; both must keep the same and report the same."""
    sift = Sift(validation, test, cleaning)
    marks = marked(sift, pool, size)
    counts = np.bincount(marks, minlength=N_MARKS)
    if not sift.kept(marks).any():
        with pytest.raises(DataError) as at_once:
            clean_pool(pool, validation, test, cleaning)
        with pytest.raises(DataError) as in_parts:
            sift.report("pool", counts)
        assert str(in_parts.value) == str(at_once.value)
        return
    cleaned, report = clean_pool(pool, validation, test, cleaning)
    assert np.flatnonzero(sift.kept(marks)).tolist() == cleaned.rows.tolist()
    plain = replace(report, found=tuple(replace(one, examples=()) for one in report.found))
    assert sift.report("pool", counts) == plain


@pytest.mark.parametrize("cleaning", SWITCHES, ids=str)
def test_all_switches_count_what_cleaning_at_once_counts(cleaning: Cleaning) -> None:
    rng = np.random.default_rng(0)
    some = ["", " \u200b", "a", "A!", "b", "c c", "too long a text", "Too LONG, a text", "ß", "SS", "d"]
    pool, validation, test = (
        corpus([(some[i], some[j]) for i, j in rng.integers(0, len(some), (n, 2))], name)
        for name, n in (("pool", 80), ("validation", 5), ("test", 4))
    )
    hold(cleaning, pool, validation, test, 13)


@settings(max_examples=40)
@given(cleaning=st.sampled_from(SWITCHES), pool=PAIRS, validation=PAIRS, test=st.none() | PAIRS, size=st.integers(1, 30))
def test_the_same_pairs_stay_and_the_report_is_the_same(
    cleaning: Cleaning, pool: list, validation: list, test: list | None, size: int
) -> None:
    hold(cleaning, corpus(pool, "pool"), corpus(validation, "validation"), None if test is None else corpus(test, "test"), size)


def test_marks_by_hand() -> None:
    sift = Sift(corpus([("Same, source", "and target"), ("b", "c")], "validation"), None, Cleaning(max_characters=12))
    pairs = [
        ("", "x"),
        ("thirteen char", "x"),
        ("same source", "AND target"),
        ("B", "other"),
        ("fine", "fine"),
        ("b", "far too long a text"),
    ]
    sides = [pa.array(side, pa.large_string()) for side in zip(*pairs, strict=True)]
    assert sift.marks(*sides).tolist() == [EMPTY, LONG, PAIR | SOURCE, SOURCE, 0, LONG | SOURCE]
    assert sift.kept(np.array([0, EMPTY, TWIN, PAIR, SOURCE, LONG], np.uint8)).tolist() == [True] + 5 * [False]
    lenient = Sift(corpus([("b", "c")], "validation"), None, Cleaning(drop_duplicates=False, drop_source_overlaps=False))
    assert lenient.kept(np.array([TWIN, SOURCE, SOURCE | TWIN, PAIR | SOURCE], np.uint8)).tolist() == [True, True, True, False]


def test_an_empty_block_has_no_marks() -> None:
    sift = Sift(corpus([("b", "c")], "validation"), None, Cleaning())
    nothing = pa.array([], pa.large_string())
    assert sift.marks(nothing, nothing).shape == (0,)
