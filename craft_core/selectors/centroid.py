"""Centroid: the pool pairs nearest in direction to the middle of validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import check_budget
from craft_core.arrays import FloatVector
from craft_core.joint import check_wanted, largest
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent
from craft_core.threads import one_thread

__all__ = ["Centroid"]


@dataclass(frozen=True)
class Centroid:
    """Take the pairs most like the average validation pair: the largest cosine of joint vector and mean joint validation vector.

    The simplest baseline that looks at validation. It seeks one point, so its choice is narrow wherever validation has several topics.

    Notes
    -----
    N * d multiply-adds; memory is one number a pool pair.
    """

    name: ClassVar[str] = "centroid"
    needs: ClassVar[tuple[str, ...]] = ("vectors",)
    draws: ClassVar[bool] = False

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the pairs by falling cosine, the score; nothing is random, so `rng` is not used. Equal cosines go to the lower row.

        Raises
        ------
        ParameterError
            For a budget below 1.
        DataError
            If no validation pair has vectors.
        """
        check_budget(budget)
        check_wanted(problem, self.name)
        available = problem.available
        cosines = centroid_cosines(problem, progress)[available]
        best = largest(cosines[None], budget)[0]
        return Selection(available[best], cosines[best], np.ones(len(best), dtype=np.float32))


def centroid_cosines(problem: Problem, progress: Progress = silent) -> FloatVector:
    """Return the cosine of each pool pair's joint vector with the mean joint validation vector, shape (N,), float32; 0 for a mean of 0."""
    pool, wanted = problem.pool, problem.wanted
    # joint rows are [source; target] / sqrt(2); the mean's length drops out of its direction, and one sqrt(1/2) stays
    means = [side[wanted].mean(axis=0, dtype=np.float64) for side in (problem.validation.sources, problem.validation.targets)]
    norm = float(np.sqrt(sum(mean @ mean for mean in means)))
    source, target = ((mean * (np.sqrt(0.5) / norm if norm else 0.0)).astype(np.float32) for mean in means)
    cosines = np.empty(len(pool), dtype=np.float32)
    with one_thread():
        for start in range(0, len(pool), _BLOCK_ROWS):
            progress(start / len(pool), "Comparing the pool with the mean of validation")
            rows = slice(start, start + _BLOCK_ROWS)
            cosines[rows] = pool.sources[rows] @ source + pool.targets[rows] @ target
    return cosines


_BLOCK_ROWS = 65_536
