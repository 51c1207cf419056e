"""Curves over budgets: looked-up numbers, and measured ones at the points of a geometric grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.budgets.fold import VALUES, ranked_fold
from craft_core.corpus.pairs import Corpus
from craft_core.errors import ParameterError
from craft_core.holdout import HoldOut
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Craft
from craft_core.threads import one_thread

__all__ = ["CURVES", "BudgetCurve", "Curve", "budget_curve", "budget_grid"]


@dataclass(frozen=True)
class Curve:
    """Say what a curve is, for people.

    Attributes
    ----------
    label, unit : str
        Of its axis; values are in this unit, but where it is "%" they are shares in [0, 1].
    better : str
        "lower", "higher" or "" where neither is better.
    help : str
        One sentence.
    is_measured : bool
        Whether it is measured at the grid only (then a value between two budgets is interpolated); otherwise it can be looked up anywhere.
    """

    label: str
    unit: str
    better: str
    help: str
    is_measured: bool


_COVERED = "Share of the running {} of the held-out {} that occur in the chosen pairs."

CURVES: Mapping[str, Curve] = MappingProxyType(
    {
        "kl": Curve(
            "KL of the shares",
            "nats",
            "lower",
            "KL divergence of the selected shares of the clusters from the validation shares; infinite where a validation cluster got "
            "nothing.",
            False,
        ),
        "bound": Curve(
            "Bound on KL",
            "nats",
            "lower",
            "KL of the shares and what the cells can hide at this L: an upper bound on the KL divergence of the selected sources from the "
            "validation sources, if the log-ratio of their densities is L-Lipschitz on each cell (our derivation).",
            False,
        ),
        "bound_low": Curve(
            "Bound on KL, at least",
            "nats",
            "",
            "The bound with lower bounds of the diameters instead of upper ones: with exact diameters it lies between the two.",
            False,
        ),
        "energy": Curve(
            "Energy distance",
            "distance",
            "lower",
            "Energy distance of the joint vectors of chosen and held-out pairs, on at most 2,048 of each; near zero it can be negative.",
            True,
        ),
        "source_tokens_covered": Curve("Source words covered", "%", "higher", _COVERED.format("words", "sources"), False),
        "source_bigrams_covered": Curve("Source word pairs covered", "%", "higher", _COVERED.format("pairs of words", "sources"), False),
        "target_tokens_covered": Curve("Target words covered", "%", "higher", _COVERED.format("words", "targets"), False),
        "target_bigrams_covered": Curve("Target word pairs covered", "%", "higher", _COVERED.format("pairs of words", "targets"), False),
        "ridge_rank": Curve(
            "Ridge translator",
            "mean reciprocal rank",
            "higher",
            "Mean reciprocal rank of the true held-out target when a linear map fitted on the chosen pairs predicts target vectors: a "
            "stand-in for fine-tuning, not the score of a fine-tuned model.",
            True,
        ),
        "nearest_chrf": Curve(
            "Nearest-neighbour translation",
            "chrF",
            "higher",
            "chrF (0 to 100) of translating each held-out source by the target of the nearest chosen source: a stand-in for fine-tuning, "
            "not the score of a fine-tuned model. Where it falls, the nearest source is no longer alike: do not plan by it then.",
            True,
        ),
        "starved": Curve(
            "Clusters that ran out", "clusters", "lower", "Clusters that gave all they have, and less than their quota.", False
        ),
        "tokens": Curve("Words to train on", "words", "", "Words on both sides of the chosen pairs.", False),
    }
)
"""What there is to draw, by name."""


@dataclass(frozen=True, eq=False)
class BudgetCurve:
    """Hold curves over budgets.

    Attributes
    ----------
    budgets : IntVector
        Shape (k,): ascending.
    values : Mapping of str to FloatVector
        By name of `CURVES`, shape (k,); nan where it could not be measured, infinite where the KL is.
    held_out : str
        What was measured on, in words.
    """

    budgets: IntVector
    values: Mapping[str, FloatVector]
    held_out: str

    def __post_init__(self) -> None:
        frozen(self.budgets)
        for array in self.values.values():
            frozen(array)

    def interpolate(self, name: str, budget: int) -> float:
        """Return a curve's value at a budget, linear in log(budget) between two points of the grid.

        At a point of the grid it is the value there; nan outside the grid, and where a neighbour is nan or infinite.
        """
        values, right = self.values[name], int(np.searchsorted(self.budgets, budget))
        if right < len(self.budgets) and self.budgets[right] == budget:
            return float(values[right])
        if right in (0, len(self.budgets)) or not np.isfinite(values[right - 1 : right + 1]).all():
            return float("nan")
        x = np.log(self.budgets[right - 1 : right + 1])
        return float(np.interp(np.log(budget), x, values[right - 1 : right + 1]))


def budget_grid(covered_supply: int, least: int = 50, points: int = 12) -> IntVector:
    """Return a geometric grid of distinct budgets up to the covered supply, rounded to two digits but for the last.

    Parameters
    ----------
    covered_supply : int
        Pool pairs in clusters with validation pairs: the last budget. Nothing is returned where it is 0.
    least : int
        The first budget, or a tenth of the covered supply where that is less.
    points : int
        How many budgets there are at most; fewer where rounding makes some equal.
    """
    if covered_supply < 1:
        return np.zeros(0, dtype=np.int64)
    exact = np.geomspace(max(min(least, covered_supply // 10), 1), covered_supply, max(points, 2))[:-1]
    digit = 10.0 ** np.maximum(np.floor(np.log10(exact)) - 1, 0)
    rounded = np.unique((np.round(exact / digit) * digit).astype(np.int64))
    return np.append(rounded[rounded < covered_supply], covered_supply)


def budget_curve(
    held_out: HoldOut,
    selector: Craft,
    pool: Corpus,
    validation: Corpus,
    test: Corpus | None,
    budgets: IntVector,
    lipschitz: float,
    rng: np.random.Generator,
    names: tuple[str, ...] | None = None,
    progress: Progress = silent,
) -> BudgetCurve:
    """Compute curves over budgets; the mean over the folds where validation is held out in halves.

    Parameters
    ----------
    held_out : HoldOut
        What is selected with and what is measured on. Where there is too little to hold out, only `kl`, `bound`,
        `bound_low`, `starved` and `tokens` are numbers.
    selector : Craft
        The method; the pool is ranked once for each fold.
    pool, validation, test : Corpus
        The texts, aligned with the vectors `held_out` was made of.
    budgets : IntVector
        Shape (k,): ascending, at least 1, as `budget_grid` gives them.
    lipschitz : float
        L of the bound.
    rng : numpy.random.Generator
        Of the samples. All budgets of a fold share one order of the pool at random and sample its first pairs among the chosen ones, so
        neighbouring budgets have much of their samples in common and the curves are no rougher than they must be.
    names : tuple of str or None
        Of `CURVES`; None for all. Work that no curve named needs is not done.
    progress : Progress
        Called for each budget.

    Raises
    ------
    ParameterError
        For a name that is not in `CURVES`.
    """
    names = tuple(CURVES) if names is None else names
    for name in names:
        if name not in CURVES:
            raise ParameterError(f"There is no curve {name!r}. There are: {', '.join(CURVES)}.")
    found = np.empty((len(held_out.folds), len(names), len(budgets)))
    with one_thread():
        for number, fold in enumerate(held_out.folds):
            texts = pool, held_out.texts(fold, validation, test)
            now = part(progress, number / len(held_out.folds), (number + 1) / len(held_out.folds))
            ranked = ranked_fold(fold, selector, texts, lipschitz, names, rng, part(now, 0.0, 0.3))
            for column, budget in enumerate(budgets.tolist()):
                now(0.3 + 0.7 * column / len(budgets), f"Measuring a budget of {budget:,} pairs")
                allocation = selector.allocate(fold.problem, budget)
                found[number, :, column] = [VALUES[name](ranked, allocation) for name in names]
    return BudgetCurve(budgets, dict(zip(names, found.mean(axis=0), strict=True)), held_out.words)
