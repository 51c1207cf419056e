"""The stages of the KL bound page, each computed once; of what depends on L, only the bound itself is computed anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from craft_core.bound import KLBound, Lipschitz, ShareNoise, Transport, estimate_lipschitz, exact_w1, share_noise, transport_bound
from craft_core.corpus.sample import content_keys
from craft_core.describe import cluster_name
from craft_core.progress import Progress, part
from craft_core.sweep import SweepPoint, point_of, sweep_grid, sweep_point
from craft_core.threads import one_thread
from craft_core.whatif import take
from craft_core.yardsticks import Yardsticks, measure_yardsticks
from pages.shared import stages
from pages.shared.keeping import PLAIN
from pages.shared.session import current_config
from pages.shared.work import ask_again, collect, compute, key_of, parts, was_stopped

SWEEP = "Sweep over n_clusters"
_LEAST_ROWS = 5  # of each side: the estimate is cross-validated five times
_DIAMETERS, _DIVERGENCES = "Diameters of the clusters", "Estimating divergences"

_DIGITS = (1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0, 3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5, 8.2, 9.1)
L_GRID = (*(round(digit * 10.0**decade, 4) for decade in range(-2, 2) for digit in _DIGITS), 100.0)
"""The L one can choose, 24 steps a decade, and those the bound is drawn at."""


def point() -> SweepPoint:
    """Return what the bound is made of at the present n_clusters and budget."""
    task, (chosen, _), budget = stages.problem(), stages.selection(), current_config().budget
    return compute(
        _DIAMETERS, stages.selection_key(), lambda progress: point_of(task, chosen, budget, progress), PLAIN, stages.wait_for("diameters")
    )


def bounds(direction: str) -> tuple[KLBound, ...]:
    """Return the bound at every L of the grid."""
    found = point()
    return compute(
        "Bound at every L", key_of(stages.selection_key(), direction), lambda _: tuple(found.bound(L, direction) for L in L_GRID)
    )


def lipschitz() -> Lipschitz | None:
    """Return the estimate of L, or None where there are too few pairs.

    A method that ranks is asked for as many pairs as validation has, so that the estimate is the same for every budget.
    """
    task, ranked, config = stages.problem(), stages.ranking(), current_config()
    own = task.validation.sources[task.clustering.validation_labels >= 0]
    if ranked is None:
        chosen, key = stages.selection()[0], stages.selection_key()
    else:
        chosen, key = take(ranked, config.selector.allocate(task, max(len(own), 1))), stages.ranking_key()  # type: ignore[attr-defined]
    if min(len(own), len(chosen)) < _LEAST_ROWS:
        return None
    rng = np.random.default_rng([config.seed, 4])
    return compute(
        "Estimating L", key, lambda progress: estimate_lipschitz(own, task.pool.sources[chosen.indices], rng, progress=progress), PLAIN
    )


def is_told() -> bool:
    """Return whether there is an estimate of L that says something."""
    estimate = lipschitz()
    return estimate is not None and estimate.is_told


def first_l() -> float:
    """Return the L a bound is drawn at before one is chosen: the estimate with three digits, or 1 where it says nothing."""
    estimate = lipschitz()
    return 1.0 if estimate is None or not estimate.is_told else max(float(f"{estimate.value:.3g}"), L_GRID[0])


def noise() -> ShareNoise:
    """Return what of KL(p || q) is chance."""
    allocation, seed = point().allocation, current_config().seed
    rng = np.random.default_rng([seed, 5])
    return compute(
        "Resampling shares",
        stages.selection_key(),
        lambda _: share_noise(allocation.validation_counts, allocation.selected_share, rng),
    )


def yardsticks() -> Yardsticks | None:
    """Return the measured divergences of the selection and its anchors, or None where there are too few pairs, or the user stopped it."""
    if is_measuring_stopped():
        return None
    task, (chosen, _), config, test = stages.problem(), stages.selection(), current_config(), stages.vectors().test
    return compute(
        _DIVERGENCES,
        stages.selection_key(),
        lambda progress: measure_yardsticks(task, chosen, test, config.selector, config.budget, config.seed, progress),
        PLAIN,
        stages.wait_for("divergences"),
    )


def is_measuring_stopped() -> bool:
    """Return whether the user stopped the estimates of the divergences: nothing else on the page has to wait for them."""
    return was_stopped(_DIVERGENCES, stages.selection_key())


def measure_again() -> None:
    """Ask for the estimates after a Stop."""
    ask_again(_DIVERGENCES, stages.selection_key())


def transport() -> tuple[Transport, float | None]:
    """Return the transport bound and, for small sets, the transport distance itself."""
    task, (chosen, _) = stages.problem(), stages.selection()

    def work(progress: Progress) -> tuple[Transport, float | None]:
        clustering = task.clustering
        wanted, selected = clustering.validation_labels >= 0, task.pool.sources[chosen.indices]
        labels = clustering.pool_labels[chosen.indices]
        with one_thread():
            progress(0.0, "Bounding the transport distance")
            bound = transport_bound(
                task.validation.sources, clustering.validation_labels, selected, labels, clustering.n_clusters, part(progress, 0, 0.3)
            )
            progress(0.3, "Solving for the transport distance itself")
            return bound, exact_w1(task.validation.sources[wanted], selected)

    return compute("Transport distance", stages.selection_key(), work, PLAIN, stages.wait_for("transport"))


def grid() -> tuple[int, ...]:
    """Return the n_clusters of the sweep."""
    clustering, fit_on = stages.problem().clustering, current_config().clustering.fit_on
    n_pool, n_validation = int(clustering.supply.sum()), int(clustering.validation_counts.sum())
    return sweep_grid(n_validation, {"pool": n_pool, "validation": n_validation}.get(fit_on, n_pool + n_validation))


def swept() -> tuple[SweepPoint, ...]:
    """Return the points of the sweep made so far, ascending."""
    made = parts(SWEEP, stages.sweep_key())
    return tuple(made[one] for one in grid() if one in made)


def run_sweep() -> None:
    """Make the points that are missing; those made before a Stop are kept."""
    collect(SWEEP, stages.sweep_key(), grid(), maker(), PLAIN, stages.wait_for("sweep"))


def maker() -> Callable[[int, Progress], SweepPoint]:
    """Return what makes the point of one n_clusters with the present choices."""
    loaded, rows, config = stages.data(), stages.vectors(), current_config()

    def make(n_clusters: int, progress: Progress) -> SweepPoint:
        kmeans, keys = replace(config.clustering, n_clusters=n_clusters), content_keys(loaded.pool, config.seed)
        return sweep_point(rows, keys, kmeans, config.selector, config.budget, config.seed, progress)

    return make


def names() -> list[str]:
    """Return a name for each cluster."""
    words = stages.labels()[0]
    return [cluster_name(c, words) for c in range(stages.problem().clustering.n_clusters)]
