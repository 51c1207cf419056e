"""Measure a selection: against the validation shares, and against pairs it was not selected with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector
from craft_core.bound import CellGeometry, cell_geometry, covered_kl, kl_divergence, total_variation
from craft_core.discrepancy import Anchors, Energy, energy_distance, half_against_half, mean_energy, sample_pairs
from craft_core.holdout import hold_out
from craft_core.problem import Problem, Selection, Selector
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Random
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["Couple", "Diagnostics", "cells_of", "held_out_couples", "held_out_energy", "measure", "realised_allocation", "select"]

Couple = tuple[IntVector, EncodedPairs]
"""What a method chose, as positions in the pool, and the held-out pairs it is measured on."""

_RANDOM_REPEATS = 3


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
    found = []
    with one_thread():
        for number, (chosen, held_out) in enumerate(couples):
            progress(0.8 + 0.2 * number / len(couples), "Measuring the distance to held-out pairs")
            held = sample_pairs(held_out, np.arange(len(held_out)), rng)
            found.append(energy_distance(sample_pairs(problem.pool, chosen, rng), held))
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
    allocation = realised_allocation(problem, selection, budget)
    p, q = allocation.validation_share, allocation.selected_share
    cells = cells_of(problem, selection, progress=part(progress, 0.0, 0.1))
    progress(0.1, "Measuring the distance to held-out pairs")
    rng = np.random.default_rng([seed, 2])
    words, couples = held_out_couples(problem, selection, test, selector, budget, seed, rng, part(progress, 0.1, 0.4))
    energy: Energy | None = None
    anchors: Anchors | None = None
    if couples:
        with one_thread():
            energy, anchors = _energies(problem, couples, rng, part(progress, 0.4, 1.0))
    reverse = kl_divergence(q, p) if len(selection) else float("inf")
    return Diagnostics(kl_divergence(p, q), reverse, covered_kl(p, q), total_variation(p, q), energy, anchors, words, cells)


def _energies(problem: Problem, folds: list[Couple], rng: np.random.Generator, progress: Progress) -> tuple[Energy, Anchors]:
    selected, random, pool, halves = [], [], [], []
    for number, (chosen, held_out) in enumerate(folds):
        now = part(progress, number / len(folds), (number + 1) / len(folds))
        now(0.0, "Measuring the distance to held-out pairs")
        held = sample_pairs(held_out, np.arange(len(held_out)), rng)  # once, so that a selection and its anchors face the same pairs
        selected.append(energy_distance(sample_pairs(problem.pool, chosen, rng), held))
        for repeat in range(_RANDOM_REPEATS):
            now(0.2 + 0.1 * repeat, "Measuring the anchors")
            drawn = Random().select(problem, max(len(chosen), 2), rng).indices
            random.append(energy_distance(sample_pairs(problem.pool, drawn, rng), held))
        now(0.5, "Measuring the anchors")
        pool.append(energy_distance(sample_pairs(problem.pool, problem.available, rng), held))
        now(0.7, "Measuring the anchors")
        halves.append(half_against_half(held, rng))
    return mean_energy(selected), Anchors(mean_energy(halves), mean_energy(random), mean_energy(pool))
