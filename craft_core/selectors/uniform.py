"""Random: every pair of the pool with the same chance. The anchor every comparison needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import check_budget
from craft_core.draws import uniforms
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent

__all__ = ["Random"]


@dataclass(frozen=True)
class Random:
    """Select pairs at random, each with the same chance."""

    name: ClassVar[str] = "random"
    needs: ClassVar[tuple[str, ...]] = ()
    draws: ClassVar[bool] = True

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return a random choice in random order; scores are 0. Raises ParameterError for a budget below 1."""
        check_budget(budget)
        available = problem.available
        order = np.argsort(uniforms(problem.pool_keys[available], rng), kind="stable")
        indices = available[order[:budget]]
        return Selection(indices, np.zeros(len(indices), dtype=np.float32), np.ones(len(indices), dtype=np.float32))
