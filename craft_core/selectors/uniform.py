"""Random: every pair of the pool with the same chance. The anchor every comparison needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import check_budget
from craft_core.problem import Problem, Selection

__all__ = ["Random"]


@dataclass(frozen=True)
class Random:
    """Select pairs at random, each with the same chance."""

    name: ClassVar[str] = "random"

    def select(self, problem: Problem, budget: int, rng: np.random.Generator) -> Selection:
        """Return a random choice in random order; scores are 0. Raises ParameterError for a budget below 1."""
        check_budget(budget)
        indices = rng.permutation(problem.available)[:budget]
        return Selection(indices, np.zeros(len(indices), dtype=np.float32), np.ones(len(indices), dtype=np.float32))
