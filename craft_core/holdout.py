"""What a selection is measured on: the test set, or each half of validation in turn while one selects with the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.problem import Problem
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["Fold", "HoldOut", "hold_out"]

_LEAST = 4


@dataclass(frozen=True, eq=False)
class Fold:
    """Hold one couple of what one selects with and what one measures on.

    Attributes
    ----------
    problem : Problem
        To select with.
    held : EncodedPairs
        To measure on; the problem has not seen them as validation pairs.
    positions : IntVector
        Where the held-out pairs stand in the corpus they came from.
    """

    problem: Problem
    held: EncodedPairs
    positions: IntVector

    def __post_init__(self) -> None:
        frozen(self.positions)


@dataclass(frozen=True, eq=False)
class HoldOut:
    """Hold the folds and what they are.

    Attributes
    ----------
    folds : tuple of Fold
        One with a test set, two without.
    from_test : bool
        Whether the held-out pairs are the test set; the problem of the fold is then the whole problem.
    words : str
        What is measured on, for people.
    """

    folds: tuple[Fold, ...]
    from_test: bool
    words: str

    @property
    def is_enough(self) -> bool:
        """Whether every fold has pairs enough to measure on."""
        return all(len(fold.held) >= _LEAST for fold in self.folds)

    def texts(self, fold: Fold, validation: Corpus, test: Corpus | None) -> Corpus:
        """Return the texts of a fold's held-out pairs."""
        corpus = test if self.from_test and test is not None else validation
        return corpus.take(fold.positions)


def hold_out(problem: Problem, test: EncodedPairs | None, rng: np.random.Generator) -> HoldOut:
    """Hold out the test set or, without one, each random half of validation in turn.

    Selecting anew with one half is needed because a distance to the very pairs one selected with would flatter. Vectors and cluster centers
    are not fitted anew: they have seen both halves, which the words say.
    """
    if test is not None:
        positions = np.flatnonzero(~test.zero)
        return HoldOut((Fold(problem, test.take(positions), positions),), True, f"the test set ({len(positions):,} pairs)")
    usable = rng.permutation(np.flatnonzero(problem.clustering.validation_labels >= 0))
    halves = usable[: len(usable) // 2], usable[len(usable) // 2 :]
    words = f"held-out halves of validation ({len(usable):,} pairs), selecting anew with the other half; vectors and centers saw both"
    if min(map(len, halves)) < _LEAST:
        nothing = np.array([], dtype=np.int64)
        return HoldOut((Fold(problem, problem.validation.take(nothing), nothing),), False, words)
    folds = tuple(Fold(problem.with_validation(kept), problem.validation.take(held), held.copy()) for kept, held in (halves, halves[::-1]))
    return HoldOut(folds, False, words)
