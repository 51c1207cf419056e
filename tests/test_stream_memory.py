import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig
from craft_core.errors import ParameterError
from craft_core.stream.memory import needed_bytes, shared_out
from craft_core.vectorize import Hashing, Precomputed, SentenceTransformers, Tfidf, Vectorizer

GB = 10**9
VECTORIZERS: list[Vectorizer] = [Tfidf(), Hashing(), Precomputed(folder="x"), SentenceTransformers()]


def config(vectorizer: Vectorizer | None = None, budget: int = 2_000, n_clusters: int = 100) -> ExperimentConfig:
    data = Data(("p",), "v")
    return ExperimentConfig(data, budget=budget, vectorizer=vectorizer or Tfidf(), clustering=KMeans(n_clusters=n_clusters))


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=lambda one: one.name)
@given(memory=st.integers(0, 8 * GB), more=st.integers(0, 8 * GB), workers=st.integers(1, 16), references=st.integers(1, 100_000))
def test_more_memory_never_makes_blocks_or_pieces_smaller(
    vectorizer: Vectorizer, memory: int, more: int, workers: int, references: int
) -> None:
    run = config(vectorizer)
    try:
        share = shared_out(run, memory, workers, references)
    except ParameterError:
        return
    assert needed_bytes(run, workers, references, share.block_rows) <= memory
    larger = shared_out(run, memory + more, workers, references)
    assert larger.block_rows >= share.block_rows
    if larger.block_rows == share.block_rows:
        assert larger.piece_bytes >= share.piece_bytes
    assert 1_024 <= share.block_rows <= 16_384
    assert 4 * 2**20 <= share.piece_bytes <= 128 * 2**20


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=lambda one: one.name)
def test_a_usual_run_of_two_workers_needs_less_than_four_gigabytes(vectorizer: Vectorizer) -> None:
    assert shared_out(config(vectorizer), 4 * GB, 2, 10_000).block_rows >= 1_024


@given(budget=st.integers(1, 10**6), n_clusters=st.integers(1, 65_536), workers=st.integers(1, 64), rows=st.sampled_from([1_024, 16_384]))
def test_what_is_needed_grows_with_all_that_is_held(budget: int, n_clusters: int, workers: int, rows: int) -> None:
    run = config(budget=budget, n_clusters=n_clusters)
    needed = needed_bytes(run, workers, 1_000, rows)
    assert needed_bytes(replace(run, budget=2 * budget), workers, 1_000, rows) > needed
    assert needed_bytes(run, workers + 1, 1_000, rows) > needed
    assert needed_bytes(run, workers, 2_000, rows) > needed
    assert needed_bytes(run, workers, 1_000, 2 * rows) > needed
    assert needed_bytes(replace(run, vectorizer=Tfidf(dimensions=512)), workers, 1_000, rows) > needed


@pytest.mark.parametrize("workers", [1, 3])
def test_too_little_memory_is_said_with_what_would_do(workers: int) -> None:
    with pytest.raises(ParameterError) as caught:
        shared_out(config(), 700_000_000, workers, 1_000)
    told = str(caught.value)
    assert "may have 0.7 GB" in told
    assert ("fewer --workers" in told) == (workers > 1)
    needed = re.search(r"needs ([0-9.]+) GB", told)
    assert needed is not None
    assert ("1 worker a run" in told) == (workers == 1)
    assert shared_out(config(), int(float(needed[1]) * GB), workers, 1_000).block_rows >= 1_024
    with pytest.raises(ParameterError):
        shared_out(config(), int((float(needed[1]) - 0.1) * GB), workers, 1_000)
