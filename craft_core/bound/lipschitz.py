"""An estimate of L, the Lipschitz constant the bound assumes; an estimate, never a certificate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, IntVector
from craft_core.errors import DataError
from craft_core.progress import Progress, silent
from craft_core.threads import one_thread

__all__ = ["Lipschitz", "estimate_lipschitz"]

_EXPONENTS = tuple(-3 + 0.5 * step for step in range(11))  # of ten: the inverse penalties 0.001 to 100
_FOLDS = 5
_REPEATS = 3  # cuts into folds; with one the choice of the penalty hangs on its luck
_MOST_ITERATIONS = 2_000


@dataclass(frozen=True)
class Lipschitz:
    """Hold an estimate of L.

    Attributes
    ----------
    value : float
        Norm of the weights of a balanced logistic regression that tells validation from selected sources, in nats per unit of distance.
        A linear logit is exactly ||w||-Lipschitz; the true log-ratio need not be linear, so this is no certificate.
    accuracy : float
        Cross-validated balanced accuracy of that regression, in [0, 1]; at 0.5 the two sets cannot be told apart by a linear rule.
    inverse_penalty : float
        The regularisation C that cross-validation chose, in [0.001, 100].
    rows : int
        Rows of each side it was fitted on, at most.
    fewest : int
        Rows of the smaller side.
    """

    value: float
    accuracy: float
    inverse_penalty: float
    rows: int
    fewest: int

    @property
    def is_told(self) -> bool:
        """Whether the regression tells the sets apart better than chance; if not, the value is the penalty's doing and says nothing.

        Better than chance: by more than two standard errors of a balanced accuracy, with as many rows on each side as the smaller one
        has, and not at the tightest penalty.
        """
        beyond_chance = self.accuracy - 0.5 > 2 * 0.5 / math.sqrt(2 * max(self.fewest, 1))
        return beyond_chance and self.inverse_penalty > 10.0 ** _EXPONENTS[0]


def estimate_lipschitz(
    validation: FloatMatrix, selected: FloatMatrix, rng: np.random.Generator, limit: int = 2_000, progress: Progress = silent
) -> Lipschitz:
    """Estimate L from validation and selected source rows by a balanced logistic regression.

    With equal weight on both sides the best logit is log(dP/dQ); a linear one is exactly ||w||-Lipschitz. The penalty shrinks w, most so
    where rows are few; the smallest cross-validated log loss chooses it, at the vertex of a parabola through the best of a grid and its
    neighbours: on the grid alone the estimate would jump by a factor of two to three. It is applied to rows scaled to a mean squared
    distance of 1 from their mean, so the estimate follows the units of the vectors. Where a linear rule separates the sides without error
    (accuracy 1), no finite L fits and the value is what the penalty left of it.

    Parameters
    ----------
    validation, selected : FloatMatrix
        Source rows, shapes (M, d) and (n, d); leave out rows without a cluster.
    rng : numpy.random.Generator
        Of the samples and the folds.
    limit : int
        Rows a side is sampled down to.
    progress : Progress
        Called before each fit; raising from it cancels.

    Raises
    ------
    DataError
        If a side has fewer than 5 rows.
    """
    if min(len(validation), len(selected)) < _FOLDS:
        raise DataError(
            f"Estimating L needs at least {_FOLDS} validation and {_FOLDS} selected pairs. Got {len(validation):,} and {len(selected):,}."
        )
    own, theirs = (_sample(rows, rng, limit) for rows in (validation, selected))
    rows, is_validation = np.concatenate([own, theirs]), np.repeat([1, 0], [len(own), len(theirs)])
    rows = rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = float(np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64).mean())) or 1.0
    rows /= np.float32(scale)
    with one_thread():
        inverse_penalty, accuracy = _cross_validate(rows, is_validation, int(rng.integers(2**31)), progress)
        weights = _regression(inverse_penalty).fit(rows, is_validation).coef_
    sizes = (len(own), len(theirs))
    return Lipschitz(float(np.linalg.norm(weights)) / scale, accuracy, inverse_penalty, max(sizes), min(sizes))


def _sample(rows: FloatMatrix, rng: np.random.Generator, limit: int) -> FloatMatrix:
    return rows if len(rows) <= limit else rows[np.sort(rng.choice(len(rows), limit, replace=False))]


def _regression(inverse_penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=inverse_penalty, class_weight="balanced", max_iter=_MOST_ITERATIONS, warm_start=True)


def _cross_validate(rows: FloatMatrix, is_validation: IntVector, seed: int, progress: Progress) -> tuple[float, float]:
    """Return the inverse penalty with the smallest balanced log loss out of fold, and the balanced accuracy near it.

    The penalty is loosened step by step, each fold going on from its last weights, until the loss grows: the loosest fits take longest.
    """
    from sklearn.model_selection import StratifiedKFold

    cuts = [StratifiedKFold(_FOLDS, shuffle=True, random_state=(seed + repeat) % 2**31) for repeat in range(_REPEATS)]
    folds = [(repeat, *fold) for repeat, one in enumerate(cuts) for fold in one.split(rows, is_validation)]
    models = [_regression(10.0 ** _EXPONENTS[0]) for _ in folds]
    truth = np.tile(is_validation, (_REPEATS, 1))
    losses: list[float] = []
    accuracies: list[float] = []
    for number, exponent in enumerate(_EXPONENTS):
        logits = np.empty((_REPEATS, len(rows)))
        for model, (repeat, train, test) in zip(models, folds, strict=True):
            progress(number / len(_EXPONENTS), "Fitting the log-ratio of the densities")
            model.set_params(C=10.0**exponent).fit(rows[train], is_validation[train])
            logits[repeat, test] = model.decision_function(rows[test])
        losses.append(_balanced(np.logaddexp(0, np.where(truth, -logits, logits)), truth))
        accuracies.append(_balanced((logits > 0) == truth, truth))
        if len(losses) > 1 and losses[-1] >= losses[-2]:
            break
    best = int(np.argmin(losses))
    return float(10.0 ** _vertex(losses, best)), accuracies[best]


def _vertex(losses: list[float], best: int) -> float:
    """Return the exponent at the bottom of the parabola through the smallest loss and its two neighbours; at an end, the end."""
    if best in (0, len(losses) - 1):
        return _EXPONENTS[best]
    left, middle, right = losses[best - 1 : best + 2]
    step = _EXPONENTS[1] - _EXPONENTS[0]
    return _EXPONENTS[best] + 0.5 * step * (left - right) / max(left - 2 * middle + right, 1e-12)


def _balanced(values: FloatVector | BoolVector, is_validation: IntVector) -> float:
    """Return the mean of the two sides' means."""
    return 0.5 * sum(float(values[is_validation == side].mean()) for side in (0, 1))
