"""Everything about a ranked pool that can be looked up for any budget, without touching a vector or a text again."""

from __future__ import annotations

from dataclasses import dataclass

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector
from craft_core.bound import KLBound, covered_kl, kl_divergence
from craft_core.budgets.cells import RunningCells, running_cells
from craft_core.budgets.words import RunningWords, running_words
from craft_core.corpus.pairs import Corpus
from craft_core.discrepancy.coverage import Coverage
from craft_core.problem import Problem
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Craft
from craft_core.whatif import Ranking

__all__ = ["EXACT_ROWS", "BudgetNumbers", "Prefixes", "budget_for_tokens", "covered_supply", "prefixes"]

EXACT_ROWS = 8_000
"""Chosen and validation pairs up to which exact diameters are quick enough for a slider: 31 to 37 ms for 5,500 rows of 256 dimensions on
one core, 200 ms for 20,500."""


@dataclass(frozen=True, eq=False)
class BudgetNumbers:
    """Hold what a budget gives, exact except for the diameters, which are two-sided bounds.

    Attributes
    ----------
    allocation : Allocation
        What each cluster gives; KL, starved clusters, uncovered mass and shortfall follow from it.
    source_tokens, target_tokens : int
        Words on each side of the chosen pairs.
    coverage : Coverage or None
        Share of held-out words and pairs of words that occur in the chosen pairs; None where nothing was held out.
    """

    allocation: Allocation
    source_tokens: int
    target_tokens: int
    coverage: Coverage | None

    @property
    def tokens(self) -> int:
        """Words of both sides."""
        return self.source_tokens + self.target_tokens

    @property
    def kl(self) -> float:
        """KL(p || q) in nats; infinite where a validation cluster got nothing."""
        return kl_divergence(self.allocation.validation_share, self.allocation.selected_share)

    @property
    def covered_kl(self) -> float:
        """KL of the part of p that q reaches, in nats; nan where q reaches none of it."""
        return covered_kl(self.allocation.validation_share, self.allocation.selected_share)

    @property
    def starved(self) -> int:
        """Clusters that ran out."""
        return int(self.allocation.starved.sum())


@dataclass(frozen=True, eq=False)
class Prefixes:
    """Hold a ranked pool, ready for every budget.

    Attributes
    ----------
    ranking : Ranking
        The order the prefixes are taken from.
    cells : RunningCells
        Diameter bounds along it.
    words : RunningWords
        Word counts along it, and first occurrences of held-out words.
    """

    ranking: Ranking
    cells: RunningCells
    words: RunningWords

    def at(self, allocation: Allocation) -> BudgetNumbers:
        """Return the numbers of an allocation over the same clusters; milliseconds at a million pairs."""
        return BudgetNumbers(allocation, *self.words.counted(allocation.counts), self.words.coverage(allocation.counts))

    def diameters(self, allocation: Allocation) -> tuple[FloatVector, FloatVector]:
        """Return lower and upper bounds of the diameters, shapes (n_clusters,), of each cell's validation points and chosen pairs."""
        return self.cells.diameters(allocation.counts)

    def bound(self, allocation: Allocation, lipschitz: float) -> KLBound:
        """Return the bound on KL(P || Q) at this L, with upper bounds of the diameters: a running radius, up to twice the diameter."""
        return self.cells.bounds(allocation, lipschitz)[1]

    def low_bound(self, allocation: Allocation, lipschitz: float) -> KLBound:
        """Return what the bound would be with the lower bounds of the diameters: with the exact ones it lies between this and `bound`."""
        return self.cells.bounds(allocation, lipschitz)[0]


def prefixes(problem: Problem, ranking: Ranking, pool: Corpus, held: Corpus | None, progress: Progress = silent) -> Prefixes:
    """Prepare a ranked pool for every budget: one pass over the source vectors and one over the texts.

    Parameters
    ----------
    problem : Problem
        Vectors and clusters.
    ranking : Ranking
        Of the same pool.
    pool : Corpus
        The texts, aligned with the problem's pool.
    held : Corpus or None
        Held-out texts for the coverage; None or empty for none.
    """
    cells = running_cells(problem, ranking, part(progress, 0.0, 0.3))
    return Prefixes(ranking, cells, running_words(ranking, pool, held, part(progress, 0.3, 1.0)))


def budget_for_tokens(found: Prefixes, selector: Craft, problem: Problem, tokens: int) -> int:
    """Return a budget whose chosen pairs have at most this many words on both sides, at least 1; by bisection.

    From one budget to the next a cluster can lose a pair (rounding), and with it more words than the others gain. So there may be larger
    budgets that fit as well; the one returned fits, and the next one does not. Where not even one pair fits, 1 is returned; where all
    pairs fit, the covered supply: the pool pairs in clusters with validation pairs.
    """
    fits, over = 1, covered_supply(problem) + 1
    while over - fits > 1:
        middle = (fits + over) // 2
        words = sum(found.words.counted(selector.allocate(problem, middle).counts))
        fits, over = (middle, over) if words <= tokens else (fits, middle)
    return fits


def covered_supply(problem: Problem) -> int:
    """Return how many pool pairs are in clusters with validation pairs: the largest budget that can be filled."""
    return int(problem.clustering.supply[problem.clustering.validation_counts > 0].sum())
