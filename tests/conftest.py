"""Small worlds shared by the tests."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two BLAS threads on a busy machine are slower than one

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from craft_core.cluster import Clustering, assign
from craft_core.problem import Problem
from craft_core.vectorize.protocol import EncodedPairs, unit_rows

settings.register_profile("craft", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("craft")


def random_pairs(n: int, dimensions: int, rng: np.random.Generator) -> EncodedPairs:
    """Pairs whose sides agree in part, as a translation does."""
    sources = rng.normal(size=(n, dimensions)).astype(np.float32)
    targets = sources + 0.5 * rng.normal(size=(n, dimensions)).astype(np.float32)
    return EncodedPairs(unit_rows(sources), unit_rows(targets))


def random_problem(n: int = 300, m: int = 60, n_clusters: int = 7, dimensions: int = 8, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    pool, validation = random_pairs(n, dimensions, rng), random_pairs(m, dimensions, rng)
    centers = pool.sources[:n_clusters].copy()
    clustering = Clustering(centers, assign(pool.sources, centers), assign(validation.sources, centers))
    return Problem(pool, validation, clustering)


@pytest.fixture
def problem() -> Problem:
    return random_problem()
