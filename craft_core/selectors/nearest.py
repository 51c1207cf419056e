"""Nearest: the pool pairs most like single validation pairs, the same number for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import check_budget
from craft_core.arrays import FloatVector, IntVector
from craft_core.joint import check_wanted, nearest_pool
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent

__all__ = ["Nearest"]


@dataclass(frozen=True)
class Nearest:
    """Let the validation pairs take turns, each taking its most similar pool pair that no other has taken yet.

    The common baseline of retrieval from a pool, here with turns in the order of the validation pairs so that a few crowded ones cannot
    take the whole budget. Similar is the inner product of joint vectors, the mean of the two sides' cosines, and is the score.

    Notes
    -----
    Exact. m * N * d multiply-adds, once; a validation pair whose neighbours are all taken is searched again, four times as deep. Memory
    is a block of 64 MB and the neighbours, at first about twice the budget and 64 more for each validation pair.
    """

    name: ClassVar[str] = "nearest"
    needs: ClassVar[tuple[str, ...]] = ("vectors",)
    draws: ClassVar[bool] = False

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the pairs in the order they were taken; nothing is random, so `rng` is not used. Equal products go to the lower row.

        Raises
        ------
        ParameterError
            For a budget below 1.
        DataError
            If no validation pair has vectors.
        """
        check_budget(budget)
        check_wanted(problem, self.name)
        indices, scores = take_turns(problem, min(budget, len(problem.available)), progress)
        return Selection(indices, scores, np.ones(len(indices), dtype=np.float32))


def take_turns(problem: Problem, count: int, progress: Progress = silent) -> tuple[IntVector, FloatVector]:
    """Return the first `count` pool pairs taken, and the inner product of each with the validation pair that took it.

    At most `count - 1` pairs are taken before a turn, so the nearest `count` always hold a free one; far fewer nearly always do.
    """
    indices, products = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float32)
    m = len(problem.wanted)
    found = _Neighbours(problem, count, min(count, 2 * (count // m) + _SPARE), part(progress, 0.0, 0.9))
    is_taken = bytearray(len(problem.pool))
    for step in range(count):
        if step % _STEPS == 0:
            progress(0.9 + 0.1 * step / count, "Taking the nearest pool pairs")
        indices[step], products[step] = found.first_free(step % m, is_taken)
        is_taken[indices[step]] = True
    return indices, products


class _Neighbours:
    """The neighbours of every validation pair, nearest first, as deep as they were needed, and how far each list is used up."""

    def __init__(self, problem: Problem, deepest: int, depth: int, progress: Progress) -> None:
        self.problem, self.deepest, self.progress = problem, deepest, part(progress, 1.0, 1.0)
        self.lists: list[tuple[IntVector, FloatVector]] = list(zip(*nearest_pool(problem, depth, progress), strict=True))
        self.used = [0] * len(self.lists)

    def first_free(self, turn: int, is_taken: bytearray) -> tuple[int, float]:
        while True:
            positions, products = self.lists[turn]
            for place in range(self.used[turn], len(positions)):
                if not is_taken[positions[place]]:
                    self.used[turn] = place + 1
                    return int(positions[place]), float(products[place])
            self.used[turn] = len(positions)
            self._deepen()

    def _deepen(self) -> None:
        """Search again for all validation pairs that have used more than half of their neighbours: they would ask soon."""
        short = np.flatnonzero([2 * used > len(one) for used, (one, _) in zip(self.used, self.lists, strict=True)])
        depth = min(self.deepest, _DEEPER * max(len(self.lists[one][0]) for one in short))
        deeper = nearest_pool(self.problem.with_validation(self.problem.wanted[short]), depth, self.progress)
        for one, positions, products in zip(short, *deeper, strict=True):
            self.lists[one] = positions, products


_SPARE = 64
_DEEPER = 4
_STEPS = 4_096
