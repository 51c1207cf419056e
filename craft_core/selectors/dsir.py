"""DSIR: the pairs whose words are more usual in validation than in the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import check_budget
from craft_core.draws import gumbel
from craft_core.importance import MOST_BUCKETS, log_weights
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent

__all__ = ["Dsir"]


@dataclass(frozen=True)
class Dsir:
    """Draw pairs by how much more usual their words are in validation than in the pool.

    Data Selection with Importance Resampling (Xie, Santurkar, Ma and Liang, NeurIPS 2023, arXiv 2302.03169): hashed counts of words and
    pairs of words, the ratio of two bag-of-words models as weight, and draws without replacement. Adapted: both sides of a pair are
    counted, tokens of every script are kept, and there is no least length (the original drops texts under 100 words, here nearly all). It
    reads texts alone: no vectors and no clusters.
    """

    name: ClassVar[str] = "dsir"
    needs: ClassVar[tuple[str, ...]] = ()
    draws: ClassVar[bool] = True

    n_buckets: int = param(10_000, low=2, high=MOST_BUCKETS, help="Hash buckets a side that words and pairs of words are counted in.")
    noise: float = param(1.0, low=0.0, high=1e6, help="Scale of the Gumbel noise: 1 draws by the weights, 0 takes the largest weights.")

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the pairs drawn, first drawn first; the scores are log weights with their noise.

        Raises
        ------
        DataError
            Where there are no texts.
        """
        check_budget(budget)
        available = problem.available
        weights = log_weights(*problem.texts(self.name), self.n_buckets, progress)[available]
        noisy = weights + self.noise * gumbel(problem.pool_keys[available], rng)
        order = np.argsort(-noisy, kind="stable")[:budget]
        return Selection(available[order], noisy[order].astype(np.float32), np.ones(len(order), dtype=np.float32))
