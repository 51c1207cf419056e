"""The corpus: aligned sides, positions and a digest that sees everything."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from craft_core.corpus import Corpus, corpus_from_texts
from craft_core.errors import DataError


def small(**changes: object) -> Corpus:
    corpus = corpus_from_texts(["a", "b", "c"], ["x", "y", "z"], "pool")
    return replace(corpus, columns=pa.table({"domain": ["web", "web", "news"], "year": [1, 2, None]}), **changes)


def test_sides_of_different_length_are_refused():
    with pytest.raises(DataError, match=r"sides of different length: \[2, 3\]"):
        corpus_from_texts(["a", "b", "c"], ["x", "y"], "pool")


def test_take_follows_positions_and_keeps_rows():
    taken = small().take(np.array([2, 0]))
    assert taken.sources.to_pylist() == ["c", "a"]
    assert taken.ids.to_pylist() == ["2", "0"]
    assert taken.rows.tolist() == [2, 0]
    assert taken.columns.to_pydict() == {"domain": ["news", "web"], "year": [None, 1]}


def test_rows_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        small().rows[0] = 5


def test_digest_is_the_same_for_equal_corpora():
    assert small().digest == small().digest


def test_digest_does_not_depend_on_slices_in_memory():
    texts = pa.array(["0", "a", "b", "c"], pa.large_string()).slice(1)
    years = pa.array([7, 1, 2, None]).slice(1)
    sliced = replace(small(sources=texts), columns=pa.table({"domain": ["web", "web", "news"], "year": years}))
    assert sliced.digest == small().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"sources": pa.array(["a", "b", "C"], pa.large_string())},
        {"sources": pa.array(["ab", "", "c"], pa.large_string())},
        {"targets": pa.array(["x", "y", "z "], pa.large_string())},
        {"ids": pa.array(["0", "1", "9"], pa.large_string())},
        {"rows": np.array([0, 1, 3])},
        {"name": "test"},
        {"source_column": "src"},
        {"id_column": "id"},
    ],
)
def test_digest_sees_a_change_of(changes):
    assert small(**changes).digest != small().digest


def test_digest_sees_the_order_of_rows():
    assert small().take(np.array([1, 0, 2])).digest != small().digest


@pytest.mark.parametrize(
    "columns",
    [
        {"domain": ["web", "web", "web"], "year": [1, 2, None]},
        {"domain": ["web", "web", "news"], "year": [1, 2, 0]},
        {"genre": ["web", "web", "news"], "year": [1, 2, None]},
    ],
)
def test_digest_sees_a_column(columns):
    assert replace(small(), columns=pa.table(columns)).digest != small().digest


def test_digest_sees_one_letter_in_a_corpus_of_500_001():
    texts = ["same"] * 500_001
    before = corpus_from_texts(texts, texts, "pool").digest
    changed = [*texts[:-1], "sane"]
    assert corpus_from_texts(changed, texts, "pool").digest != before
    assert corpus_from_texts(texts, changed, "pool").digest != before


def test_digest_of_no_rows():
    assert corpus_from_texts([], [], "pool").digest != corpus_from_texts([], [], "test").digest
