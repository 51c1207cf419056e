"""Measure a selection: against the validation shares, and against pairs it was not selected with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector
from craft_core.bound import CellGeometry, cell_geometry, covered_kl, kl_divergence, total_variation
from craft_core.discrepancy import Anchors, Energy, energy_distance, half_against_half, mean_energy, sample_pairs
from craft_core.problem import Problem, Selection, Selector
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Random
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["Diagnostics", "cells_of", "measure", "realised_allocation", "select"]

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


def select(problem: Problem, selector: Selector, budget: int, seed: int) -> Selection:
    """Let a method choose; its random numbers, if it draws any, come from the seed alone."""
    return selector.select(problem, budget, np.random.default_rng([seed, 1]))


def realised_allocation(problem: Problem, selection: Selection, budget: int) -> Allocation:
    """Count what each cluster gave to a selection, whichever method made it."""
    counts = np.bincount(problem.clustering.pool_labels[selection.indices], minlength=problem.clustering.n_clusters).astype(np.int64)
    return Allocation(budget, counts, problem.clustering.supply, problem.clustering.validation_counts)


def cells_of(problem: Problem, selection: Selection) -> CellGeometry:
    """Return diameter bounds and variance of every cluster, over its validation pairs and the selected ones."""
    clustering = problem.clustering
    own, labels = problem.pool.sources[selection.indices], clustering.pool_labels[selection.indices]
    return cell_geometry(problem.validation.sources, clustering.validation_labels, own, labels, clustering.n_clusters)


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

    With a test set, the selection itself is measured on it. Without one, validation is cut in two random halves; the method selects anew
    with one half and is measured on the other, both ways round, and the mean is reported: a distance to the very pairs one selected with
    would flatter. Vectors and cluster centers are not fitted anew: they have seen both halves. Sets above 4,096 pairs are sampled.
    """
    allocation = realised_allocation(problem, selection, budget)
    p, q = allocation.validation_share, allocation.selected_share
    cells = cells_of(problem, selection)
    progress(0.1, "Measuring the distance to held-out pairs")
    rng = np.random.default_rng([seed, 2])
    folds, held_out = _folds(problem, selection, test, selector, budget, seed, rng)
    energy: Energy | None = None
    anchors: Anchors | None = None
    if all(len(held) >= 4 and len(chosen) >= 2 for chosen, held in folds):
        with one_thread():
            energy, anchors = _energies(problem, folds, budget, rng, part(progress, 0.1, 1.0))
    reverse = kl_divergence(q, p) if len(selection) else float("inf")
    return Diagnostics(kl_divergence(p, q), reverse, covered_kl(p, q), total_variation(p, q), energy, anchors, held_out, cells)


def _folds(
    problem: Problem,
    selection: Selection,
    test: EncodedPairs | None,
    selector: Selector,
    budget: int,
    seed: int,
    rng: np.random.Generator,
) -> tuple[list[tuple[IntVector, EncodedPairs]], str]:
    """Return (chosen positions, held-out pairs) couples and what they are, in words."""
    if test is not None:
        held = np.flatnonzero(~test.zero)
        return [(selection.indices, test.take(held))], f"the test set ({len(held):,} pairs)"
    usable = rng.permutation(np.flatnonzero(problem.clustering.validation_labels >= 0))
    halves = usable[: len(usable) // 2], usable[len(usable) // 2 :]
    words = f"held-out halves of validation ({len(usable):,} pairs), selecting anew with the other half; vectors and centers saw both"
    if min(map(len, halves)) < 4:
        return [(selection.indices, problem.validation.take(np.array([], dtype=np.int64)))], words
    folds = []
    for kept, held in (halves, halves[::-1]):
        chosen = select(problem.with_validation(kept), selector, budget, seed)
        folds.append((chosen.indices, problem.validation.take(held)))
    return folds, words


def _energies(
    problem: Problem, folds: list[tuple[IntVector, EncodedPairs]], budget: int, rng: np.random.Generator, progress: Progress
) -> tuple[Energy, Anchors]:
    selected, random, pool, halves = [], [], [], []
    for number, (chosen, held_out) in enumerate(folds):
        now = part(progress, number / len(folds), (number + 1) / len(folds))
        now(0.0, "Measuring the distance to held-out pairs")
        held = sample_pairs(held_out, np.arange(len(held_out)), rng)  # once, so that a selection and its anchors face the same pairs
        selected.append(energy_distance(sample_pairs(problem.pool, chosen, rng), held))
        for _ in range(_RANDOM_REPEATS):
            drawn = Random().select(problem, max(len(chosen), 2), rng).indices
            random.append(energy_distance(sample_pairs(problem.pool, drawn, rng), held))
        now(0.5, "Measuring the anchors")
        pool.append(energy_distance(sample_pairs(problem.pool, problem.available, rng), held))
        halves.append(half_against_half(held, rng))
    return mean_energy(selected), Anchors(mean_energy(halves), mean_energy(random), mean_energy(pool))
