"""Projected rows are counts times the table, to the last bit, at length 1."""

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse

from craft_core.progress import silent
from craft_core.vectorize import blocks, projection
from craft_core.vectorize.counts import Buckets, Counter
from craft_core.vectorize.projection import Projection
from craft_core.vectorize.protocol import unit_rows
from craft_core.vectorize.tokens import Analyzer

WORDS = Analyzer("word", 1, 1)
TEXTS = pa.array([" ".join(f"w{n * step % 40}" for step in range(n % 9)) for n in range(150)], pa.large_string())


def dense(dimensions: int) -> np.ndarray:
    return np.random.default_rng(dimensions).normal(size=(64, dimensions)).astype(np.float32)


def sparse() -> scipy.sparse.csr_matrix:
    rng = np.random.default_rng(0)
    places = np.array([rng.permutation(30)[:8] for _ in range(64)], np.int32)
    weights = rng.normal(size=places.size).astype(np.float32)
    return scipy.sparse.csr_matrix((weights, places.ravel(), np.arange(65, dtype=np.int32) * 8), shape=(64, 30))


@pytest.mark.parametrize("table", [dense(1), dense(33), np.asfortranarray(dense(64)), sparse()], ids=["1", "33", "columns", "sparse"])
@pytest.mark.parametrize("sublinear", [False, True])
def test_rows_are_counts_times_the_table(table: object, sublinear: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_ROWS", 40)
    monkeypatch.setattr(projection, "_ROWS", 16)
    counter = Counter(WORDS, Buckets(6), sublinear)
    product = counter.counts(TEXTS) @ table
    expected = unit_rows(product if isinstance(product, np.ndarray) else product.toarray())
    found = Projection(counter, table)(TEXTS)
    assert np.array_equal(found, expected)
    assert not found.flags.writeable
    assert not found[0].any()  # no words


def test_rows_can_be_written_where_others_were() -> None:
    project = Projection(Counter(WORDS, Buckets(6), False), sparse())
    rows = np.full((150, 30), np.nan, np.float32)
    project.write(TEXTS, rows)
    assert np.array_equal(rows, project.encode(TEXTS, silent, ""))


def test_a_sparse_table_with_other_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        Projection(Counter(WORDS, Buckets(6), False), sparse()[:, :20])(TEXTS)
