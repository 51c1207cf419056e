"""One fold, ranked: every curve's value for an allocation of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector, frozen
from craft_core.bound import kl_divergence
from craft_core.budgets.between import stretches
from craft_core.budgets.cells import RunningCells, running_cells
from craft_core.budgets.words import RunningWords, running_words
from craft_core.corpus.pairs import Corpus
from craft_core.discrepancy import energy_distance, nearest_chrf, ridge_rank
from craft_core.discrepancy.proxies import MAX_HELD, MAX_SELECTED
from craft_core.holdout import Fold
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Craft
from craft_core.whatif import Ranking

__all__ = ["ENERGY_ROWS", "VALUES", "RankedFold", "ranked_fold"]

ENERGY_ROWS = 2_048
"""Chosen and held-out pairs an energy distance is measured on, at most."""

_COVERAGE = ("source_tokens_covered", "source_bigrams_covered", "target_tokens_covered", "target_bigrams_covered")


@dataclass(frozen=True, eq=False)
class RankedFold:
    """Hold a fold and what its curves are looked up in.

    Attributes
    ----------
    fold : Fold
        What is selected with and measured on.
    ranking : Ranking
        Of its pool.
    cells, words : RunningCells, RunningWords or None
        None where no curve that was asked for needs them.
    pool, held : Corpus
        Texts of the pool and of the held-out pairs.
    turns, held_turns : IntVector
        Shapes (N,) and (held-out pairs,): samples take the pairs with the smallest numbers.
    lipschitz : float
        L of the bound.
    """

    fold: Fold
    ranking: Ranking
    cells: RunningCells | None
    words: RunningWords | None
    pool: Corpus
    held: Corpus
    turns: IntVector
    held_turns: IntVector
    lipschitz: float

    def __post_init__(self) -> None:
        frozen(self.turns)
        frozen(self.held_turns)

    def chosen(self, allocation: Allocation, limit: int) -> IntVector:
        """Return the pool positions an allocation chooses, or a sample of them, ascending."""
        return _first(stretches(self.ranking, np.zeros_like(allocation.counts), allocation.counts), self.turns, limit)

    def held_out(self, limit: int) -> IntVector:
        """Return the held-out positions, or a sample of them, ascending; the same for every allocation."""
        return _first(np.arange(len(self.held_turns)), self.held_turns, limit)


def ranked_fold(
    fold: Fold,
    selector: Craft,
    texts: tuple[Corpus, Corpus],
    lipschitz: float,
    names: Collection[str],
    rng: np.random.Generator,
    progress: Progress = silent,
) -> RankedFold:
    """Rank a fold's pool and prepare what the curves named need; `texts` are the pool's and the held-out pairs'."""
    pool, held = texts
    ranking = selector.rank(fold.problem, part(progress, 0.0, 0.3))
    cells = running_cells(fold.problem, ranking, part(progress, 0.3, 0.5)) if {"bound", "bound_low"} & {*names} else None
    words = running_words(ranking, pool, held, part(progress, 0.5, 1.0)) if {*_COVERAGE, "tokens"} & {*names} else None
    return RankedFold(fold, ranking, cells, words, pool, held, rng.permutation(len(pool)), rng.permutation(len(fold.held)), lipschitz)


def _first(positions: IntVector, turns: IntVector, limit: int) -> IntVector:
    if len(positions) > limit:
        positions = positions[np.argpartition(turns[positions], limit)[:limit]]
    return np.sort(positions)


def _kl(ranked: RankedFold, allocation: Allocation) -> float:
    return kl_divergence(allocation.validation_share, allocation.selected_share)


def _bound(end: int) -> Callable[[RankedFold, Allocation], float]:
    def value(ranked: RankedFold, allocation: Allocation) -> float:
        return float("nan") if ranked.cells is None else ranked.cells.bounds(allocation, ranked.lipschitz)[end].total

    return value


def _starved(ranked: RankedFold, allocation: Allocation) -> float:
    return float(allocation.starved.sum())


def _tokens(ranked: RankedFold, allocation: Allocation) -> float:
    return float("nan") if ranked.words is None else float(sum(ranked.words.counted(allocation.counts)))


def _coverage(vocabulary: int) -> Callable[[RankedFold, Allocation], float]:
    def value(ranked: RankedFold, allocation: Allocation) -> float:
        firsts = () if ranked.words is None else ranked.words.firsts
        return firsts[vocabulary].covered(allocation.counts) if firsts else float("nan")

    return value


def _energy(ranked: RankedFold, allocation: Allocation) -> float:
    chosen, held = ranked.chosen(allocation, ENERGY_ROWS), ranked.held_out(ENERGY_ROWS)
    if min(len(chosen), len(held)) < 2:
        return float("nan")
    return energy_distance(ranked.fold.problem.pool.take(chosen), ranked.fold.held.take(held)).joint


def _ridge_rank(ranked: RankedFold, allocation: Allocation) -> float:
    chosen, held = ranked.chosen(allocation, MAX_SELECTED), ranked.held_out(MAX_HELD)
    return ridge_rank(ranked.fold.problem.pool.take(chosen), ranked.fold.held.take(held))


def _nearest_chrf(ranked: RankedFold, allocation: Allocation) -> float:
    chosen, held = ranked.chosen(allocation, MAX_SELECTED), ranked.held_out(MAX_HELD)
    pairs, texts = ranked.fold.problem.pool.take(chosen), ranked.pool.take(chosen)
    return nearest_chrf(pairs, texts, ranked.fold.held.take(held), ranked.held.take(held))


VALUES: Mapping[str, Callable[[RankedFold, Allocation], float]] = MappingProxyType(
    {
        "kl": _kl,
        "bound": _bound(1),
        "bound_low": _bound(0),
        "energy": _energy,
        **{name: _coverage(vocabulary) for vocabulary, name in enumerate(_COVERAGE)},
        "ridge_rank": _ridge_rank,
        "nearest_chrf": _nearest_chrf,
        "starved": _starved,
        "tokens": _tokens,
    }
)
"""How each curve's value is found, by name; nan where it cannot be measured."""
