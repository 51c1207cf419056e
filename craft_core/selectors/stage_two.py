"""Stage two alone: the pairs whose targets are nearest to validation's, whatever their cluster. An ablation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import check_budget
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent
from craft_core.score import DISTANCES, score_pool

__all__ = ["StageTwo"]


@dataclass(frozen=True)
class StageTwo:
    """Take the pairs that score best against all validation targets, without clusters: what stage two alone is worth (an ablation)."""

    name: ClassVar[str] = "stage-two"
    needs: ClassVar[tuple[str, ...]] = ("vectors",)
    draws: ClassVar[bool] = False

    distance: str = param("squared", choices=DISTANCES, help="Distance between a pool target and the validation targets.")

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs, best score first; nothing is random, so `rng` is not used."""
        check_budget(budget)
        scores = score_pool(problem.in_one_cluster(), self.distance, progress=progress)
        available = problem.available
        indices = available[np.argsort(-scores[available], kind="stable")[:budget]]
        return Selection(indices, scores[indices].copy(), np.ones(len(indices), dtype=np.float32))
