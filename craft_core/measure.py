"""Measure a selection: against the validation shares, and against pairs it was not selected with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector
from craft_core.bound import CellGeometry, cell_geometry, covered_kl, kl_divergence, total_variation
from craft_core.discrepancy import (
    MAX_ROWS,
    Anchors,
    Energy,
    Means,
    energy_distance,
    energy_of,
    half_against_half,
    mean_between,
    mean_energy,
    mean_within,
    sample_pairs,
)
from craft_core.draws import drawn_first, uniforms_of
from craft_core.holdout import hold_out
from craft_core.problem import Problem, Selection, Selector
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = [
    "Couple",
    "Diagnostics",
    "Faced",
    "Lots",
    "anchor_lots",
    "cells_of",
    "diagnose",
    "held_out_couples",
    "held_out_energy",
    "measure",
    "realised_allocation",
    "select",
]

T = TypeVar("T")

Couple = tuple[IntVector, EncodedPairs]
"""What a method chose, as positions in the pool, and the held-out pairs it is measured on."""

Lots = npt.NDArray[np.uint64]
"""Shape (draws,): what decides which pairs are drawn for each anchor; the last is the whole pool's."""

_RANDOM_REPEATS = 3
_THREADS = 2


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """Hold the first numbers to look at.

    Attributes
    ----------
    kl, reverse_kl : float
        KL(p || q) and KL(q || p) of validation share p and selected share q, in nats; kl is infinite where a validation cluster
        got nothing.
    covered_kl : float
        KL of the part of p that q reaches.
    total_variation : float
        Of p and q, in [0, 1].
    energy : Energy or None
        Distance of the selection to the held-out pairs; None where there are too few pairs to measure.
    anchors : Anchors or None
        What the energy distance is to be compared with.
    held_out : str
        What the distance was measured on, in words.
    cells : CellGeometry
        Diameter bounds and variance of each cluster.
    """

    kl: float
    reverse_kl: float
    covered_kl: float
    total_variation: float
    energy: Energy | None
    anchors: Anchors | None
    held_out: str
    cells: CellGeometry


@dataclass(frozen=True, eq=False)
class Faced:
    """Hold the pairs that are compared, each set a sample of at most `MAX_ROWS`.

    Attributes
    ----------
    selected, held : tuple of EncodedPairs
        For each fold, what a method chose and what it is measured on; none where there are too few pairs to measure.
    random : tuple of EncodedPairs
        As many pairs as were chosen, drawn from the pool at random; several times.
    pool : EncodedPairs or None
        Drawn from the whole pool.
    """

    selected: tuple[EncodedPairs, ...] = ()
    held: tuple[EncodedPairs, ...] = ()
    random: tuple[EncodedPairs, ...] = ()
    pool: EncodedPairs | None = None


def select(problem: Problem, selector: Selector, budget: int, seed: int, progress: Progress = silent) -> Selection:
    """Let a method choose; its random numbers, if it draws any, come from the seed alone."""
    return selector.select(problem, budget, np.random.default_rng([seed, 1]), progress)


def realised_allocation(problem: Problem, selection: Selection, budget: int) -> Allocation:
    """Count what each cluster gave to a selection, whichever method made it."""
    counts = np.bincount(problem.clustering.pool_labels[selection.indices], minlength=problem.clustering.n_clusters).astype(np.int64)
    return Allocation(budget, counts, problem.clustering.supply, problem.clustering.validation_counts)


def cells_of(problem: Problem, selection: Selection, exact_points: int = 0, progress: Progress = silent) -> CellGeometry:
    """Return the size of every cluster over its validation and selected pairs; see `cell_geometry` for `exact_points`."""
    clustering = problem.clustering
    own, labels = problem.pool.sources[selection.indices], clustering.pool_labels[selection.indices]
    sides = problem.validation.sources, clustering.validation_labels, own, labels
    return cell_geometry(*sides, clustering.n_clusters, exact_points, progress)


def held_out_couples(
    problem: Problem,
    selection: Selection,
    test: EncodedPairs | None,
    selector: Selector,
    budget: int,
    seed: int,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> tuple[str, list[Couple]]:
    """Return what is measured on, in words, and a couple a fold: what was chosen and the held-out pairs; none where there are too few.

    With a test set, that is the selection itself. Without one, the method selects anew with one half of validation and is measured on
    the other, both ways round (see `hold_out`); `progress` is told of that.
    """
    held_out = hold_out(problem, test, rng)
    if not held_out.is_enough:
        return held_out.words, []
    turns = [part(progress, number / len(held_out.folds), (number + 1) / len(held_out.folds)) for number in range(len(held_out.folds))]
    again = (select(fold.problem, selector, budget, seed, now) for fold, now in zip(held_out.folds, turns, strict=True))
    chosen = [selection.indices] if held_out.from_test else [one.indices for one in again]
    couples = [(one, fold.held) for one, fold in zip(chosen, held_out.folds, strict=True) if len(one) >= 2]
    return held_out.words, couples if len(couples) == len(chosen) else []


def held_out_energy(
    problem: Problem,
    selection: Selection,
    test: EncodedPairs | None,
    selector: Selector,
    budget: int,
    seed: int,
    progress: Progress = silent,
) -> Energy | None:
    """Return the distance of a selection to held-out pairs, without its anchors; None where there are too few pairs. See `measure`."""
    rng = np.random.default_rng([seed, 2])
    _, couples = held_out_couples(problem, selection, test, selector, budget, seed, rng, part(progress, 0.0, 0.8))
    work = [partial(energy_distance, *_samples(problem.pool, couple, rng)) for couple in couples]
    found = _side_by_side(work, part(progress, 0.8, 1.0), "Measuring the distance to held-out pairs")
    return mean_energy(found) if found else None


def measure(
    problem: Problem,
    selection: Selection,
    test: EncodedPairs | None,
    selector: Selector,
    budget: int,
    seed: int,
    progress: Progress = silent,
) -> Diagnostics:
    """Compare a selection with the validation shares and with pairs it was not selected with.

    With a test set, the selection itself is measured on it. Without one, the method selects anew with one half of validation and is
    measured on the other, both ways round, and the mean is reported (see `hold_out`). Sets above 4,096 pairs are sampled.
    """
    cells = cells_of(problem, selection, progress=part(progress, 0.0, 0.1))
    progress(0.1, "Measuring the distance to held-out pairs")
    rng = np.random.default_rng([seed, 2])
    words, couples = held_out_couples(problem, selection, test, selector, budget, seed, rng, part(progress, 0.1, 0.4))
    faced = _faced(problem, couples, anchor_lots(seed), rng) if couples else Faced()
    return diagnose(realised_allocation(problem, selection, budget), cells, words, faced, seed, part(progress, 0.4, 1.0))


def anchor_lots(seed: int) -> Lots:
    """Return what decides which pairs are drawn for the anchors: the pairs with the smallest `uniforms_of` their keys and a lot.

    So the draws belong to the pairs, and are the same in whatever order and parts the pool comes.
    """
    return np.random.default_rng([seed, 3]).integers(2**64, size=_RANDOM_REPEATS + 1, dtype=np.uint64)


def diagnose(
    allocation: Allocation, cells: CellGeometry, held_out: str, faced: Faced, seed: int, progress: Progress = silent
) -> Diagnostics:
    """Put the numbers together.

    Parameters
    ----------
    allocation : Allocation
        What each cluster gave.
    cells : CellGeometry
        See `cells_of`.
    held_out : str
        What is measured on, in words.
    faced : Faced
        What is compared.
    seed : int
        Of the halves of the held-out pairs.
    progress : Progress
        Called after every distance; raising from it cancels.
    """
    p, q = allocation.validation_share, allocation.selected_share
    energy, anchors = _energies(faced, seed, progress) if faced.selected else (None, None)
    reverse = kl_divergence(q, p) if allocation.size else float("inf")
    return Diagnostics(kl_divergence(p, q), reverse, covered_kl(p, q), total_variation(p, q), energy, anchors, held_out, cells)


def _samples(pool: EncodedPairs, couple: Couple, rng: np.random.Generator) -> tuple[EncodedPairs, EncodedPairs]:
    """Return samples of what was chosen and of what it is measured on."""
    chosen, held_out = couple
    held = sample_pairs(held_out, np.arange(len(held_out)), rng)
    return sample_pairs(pool, chosen, rng), held


def _faced(problem: Problem, couples: Sequence[Couple], lots: Lots, rng: np.random.Generator) -> Faced:
    selected, held = zip(*(_samples(problem.pool, couple, rng) for couple in couples), strict=True)
    available = problem.available
    drawn = [available[drawn_first(uniforms_of(problem.pool_keys[available], lot), MAX_ROWS)] for lot in lots]
    size = max(2, *(len(chosen) for chosen, _ in couples))
    return Faced(selected, held, tuple(problem.pool.take(one[:size]) for one in drawn[:-1]), problem.pool.take(drawn[-1]))


def _energies(faced: Faced, seed: int, progress: Progress) -> tuple[Energy, Anchors]:
    """Return the mean over the folds of what was chosen and of every anchor; each mean distance is computed once."""
    anchors = (*faced.random, *(() if faced.pool is None else (faced.pool,)))
    sets = (*faced.selected, *faced.held, *anchors)
    couples = [(own, held) for fold, held in enumerate(faced.held) for own in (faced.selected[fold], *anchors)]
    work: list[Callable[[], Any]] = [partial(mean_within, one) for one in sets]
    work += [partial(mean_between, *couple) for couple in couples]
    work += [partial(half_against_half, held, np.random.default_rng([seed, 4, fold])) for fold, held in enumerate(faced.held)]
    found = _side_by_side(work, progress, "Measuring distances")
    within: dict[int, Means] = {id(one): mean for one, mean in zip(sets, found, strict=False)}
    between = found[len(sets) : len(sets) + len(couples)]
    energies = [energy_of(mean, within[id(own)], within[id(held)]) for mean, (own, held) in zip(between, couples, strict=True)]
    selected, *random, pool = (mean_energy(energies[place :: 1 + len(anchors)]) for place in range(1 + len(anchors)))
    return selected, Anchors(mean_energy(found[len(sets) + len(couples) :]), mean_energy(random), pool)


def _side_by_side(work: Sequence[Callable[[], T]], progress: Progress, text: str) -> list[T]:
    """Do the work in two threads; the results are in order and the same as in one."""
    found = []
    threads = ThreadPoolExecutor(_THREADS)
    try:
        with one_thread():
            for number, one in enumerate(threads.map(lambda task: task(), work)):
                found.append(one)
                progress((number + 1) / len(work), text)
    finally:
        threads.shutdown(cancel_futures=True)
    return found
