"""What the bound on a divergence is held against: the divergence itself, estimated for the selection and for its anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from craft_core.arrays import FloatMatrix
from craft_core.discrepancy import MAX_ROWS, Divergences, Projector, divergences, fit_projector, gaussian_dimensions, gaussian_noise
from craft_core.measure import held_out_couples
from craft_core.problem import Problem, Selection, Selector
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Random
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["LEAST_ROWS", "Readings", "Yardsticks", "measure_yardsticks"]

LEAST_ROWS = 16
"""Held-out and chosen pairs below which nothing is estimated: half of the held-out ones must still be 8."""

_RANDOM_REPEATS = 3
_HALF_REPEATS = 5


@dataclass(frozen=True)
class Readings:
    """Hold estimates of one divergence for the selection and for what it is to be compared with.

    Attributes
    ----------
    selection, random, pool : Divergences
        The selection, the mean of three random selections of the same size, and the whole pool (a sample of it, if it is large).
    half_against_half : Divergences
        Mean over random halves of the held-out pairs: what the estimates read where there is no difference, at half the size. The noise
        of the selection's own numbers is smaller; see `Yardsticks.noise`.
    """

    selection: Divergences
    random: Divergences
    pool: Divergences
    half_against_half: Divergences

    def named(self) -> dict[str, Divergences]:
        """Return the rows by the names people read."""
        return {
            "selection": self.selection,
            "random selection": self.random,
            "whole pool": self.pool,
            "two halves of held-out": self.half_against_half,
        }


@dataclass(frozen=True)
class Yardsticks:
    """Hold the estimates in both directions, over the source vectors.

    Attributes
    ----------
    forward : Readings
        KL(held-out || selected), whose bound is that on KL(validation || selected).
    reverse : Readings
        KL(selected || held-out).
    explained : float
        Share of the variance that the principal components of the Gaussian estimate keep, in [0, 1].
    held_out : str
        What was measured on, in words.
    dimensions : int
        Components the Gaussian estimate looks at; 0, and its values nan, where there are too few pairs for one.
    noise : float
        What the Gaussian estimate of the selection would read if there were no difference, in nats; see `gaussian_noise`.
    """

    forward: Readings
    reverse: Readings
    explained: float
    held_out: str
    dimensions: int
    noise: float


def measure_yardsticks(
    problem: Problem,
    selection: Selection,
    test: EncodedPairs | None,
    selector: Selector,
    budget: int,
    seed: int,
    progress: Progress = silent,
) -> Yardsticks | None:
    """Estimate the divergence of the sources of a selection, and of its anchors, from held-out pairs.

    Held out is as in `measure`: the test set or, without one, each half of validation in turn, with a selection made anew; then the mean of
    both is reported. Sets above 4,096 pairs are sampled. None where there are fewer than `LEAST_ROWS` pairs on a side.
    """
    rng = np.random.default_rng([seed, 3])
    words, couples = held_out_couples(problem, selection, test, selector, budget, seed, rng, part(progress, 0.0, 0.3))
    if not couples or min(min(len(chosen), len(held)) for chosen, held in couples) < LEAST_ROWS:
        return None
    least = min(min(len(chosen), len(held) // 2, MAX_ROWS) for chosen, held in couples)
    dimensions, found = gaussian_dimensions(least), []
    for number, (chosen, held) in enumerate(couples):
        now = part(progress, 0.3 + 0.7 * number / len(couples), 0.3 + 0.7 * (number + 1) / len(couples))
        with one_thread():
            found.append(_fold(problem, chosen, held.sources, dimensions, rng, now))
    forward, reverse = _mean_readings([one[0] for one in found]), _mean_readings([one[1] for one in found])
    noises = [gaussian_noise(dimensions, min(len(held), MAX_ROWS), min(len(chosen), MAX_ROWS)) for chosen, held in couples]
    return Yardsticks(forward, reverse, float(np.mean([one[2] for one in found])), words, dimensions, float(np.mean(noises)))


def _fold(
    problem: Problem, chosen: np.ndarray, held_out: FloatMatrix, dimensions: int, rng: np.random.Generator, progress: Progress
) -> tuple[Readings, Readings, float]:
    progress(0.0, "Estimating divergences")
    held = held_out[_drawn(np.arange(len(held_out)), rng)]
    projector = fit_projector(np.concatenate([held, problem.pool.sources[_drawn(problem.available, rng, len(held))]]))
    randoms = [Random().select(problem, len(chosen), rng).indices for _ in range(_RANDOM_REPEATS)]
    columns: tuple[list[Divergences], list[Divergences]] = ([], [])
    sets = [chosen, *randoms, problem.available]
    for number, positions in enumerate(sets):
        progress((number + 1) / (len(sets) + 2), "Estimating divergences")
        rows = problem.pool.sources[_drawn(positions, rng)]
        for column, one in zip(columns, _both_ways(held, rows, projector, dimensions), strict=True):
            column.append(one)
    progress(1 - 1 / (len(sets) + 2), "Estimating divergences")
    halves = [_both_ways(*_halves(held, rng), projector, dimensions)[0] for _ in range(_HALF_REPEATS)]
    forward, reverse = (Readings(one[0], _mean(one[1:-1]), one[-1], _mean(halves)) for one in columns)
    return forward, reverse, projector.explained


def _both_ways(held: FloatMatrix, rows: FloatMatrix, projector: Projector, dimensions: int) -> tuple[Divergences, Divergences]:
    """Return KL(held || rows) and KL(rows || held); the dispersions are in both those of the rows over that of the held-out ones."""
    there, back = divergences(held, rows, projector, dimensions), divergences(rows, held, projector, dimensions)
    return there, Divergences(back.gaussian, back.knn, there.dispersion, there.knn_dispersion)


def _drawn(positions: np.ndarray, rng: np.random.Generator, limit: int = MAX_ROWS) -> np.ndarray:
    return positions if len(positions) <= limit else np.sort(rng.choice(positions, limit, replace=False))


def _halves(rows: FloatMatrix, rng: np.random.Generator) -> tuple[FloatMatrix, FloatMatrix]:
    order = rng.permutation(len(rows))
    return rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]


def _mean(found: Sequence[Divergences]) -> Divergences:
    return Divergences(*(float(value) for value in np.mean([astuple(one) for one in found], axis=0)))


def _mean_readings(found: Sequence[Readings]) -> Readings:
    columns = zip(*((one.selection, one.random, one.pool, one.half_against_half) for one in found), strict=True)
    return Readings(*(_mean(column) for column in columns))
