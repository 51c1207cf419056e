"""What choosing takes, by method."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from craft_core.estimate.job import BLOCKS, MULTIPLY, Job
from craft_core.estimate.sizes import Estimate
from craft_core.herd import MOST_HERDED, n_candidates

__all__ = ["chosen", "selection"]

_PARTED = 8e-9  # a number in a row whose largest are looked for


def chosen(job: Job) -> Estimate:
    """Return what a method takes to choose once."""
    return _METHODS.get(job.config.selector.name, _scored)(job)


def selection(job: Job) -> Estimate:
    """Return what choosing takes where a method that ranks is asked for the order of the whole pool, which holds for every budget."""
    return chosen(job.with_budget(job.sizes.pool) if hasattr(job.config.selector, "rank") else job)


def _scored(job: Job) -> Estimate:
    return Estimate(0.01 + job.sizes.pool * (2e-7 + 6e-10 * job.dimensions), BLOCKS + 60 * job.sizes.pool)


def _centroid(job: Job) -> Estimate:
    return Estimate(0.01 + 5e-10 * job.sizes.pool * job.dimensions, BLOCKS + 20 * job.sizes.pool)


def _random(job: Job) -> Estimate:
    return Estimate(0.005 + 1.5e-7 * job.sizes.pool, 40 * job.sizes.pool)


def _herded(job: Job, dimensions: int) -> Estimate:
    """Return what ordering inside the clusters takes."""
    cells = max(min(job.n_clusters, job.sizes.validation), 1)
    count = min(job.budget // cells, job.sizes.pool // job.n_clusters)
    n_seen = min(n_candidates(count), job.sizes.pool // job.n_clusters)
    each = n_seen**2 * (0.6 * dimensions * MULTIPLY + 2.5e-9) + min(count, MOST_HERDED) * (6e-6 + 1.5e-9 * n_seen)
    return Estimate(0.5 * cells * each, 8 * n_seen**2)


def _herding(job: Job) -> Estimate:
    return _scored(job) + _herded(job, job.dimensions)


def _dsir(job: Job) -> Estimate:
    return Estimate(0.005 + 1e-6 * job.sizes.pool + 4.5e-9 * job.texts, BLOCKS + job.texts + 40 * job.sizes.pool)


def _weighted(job: Job) -> Estimate:
    looked = Estimate(0.3 + job.sizes.pool * (2e-6 + 4e-9 * job.dimensions), BLOCKS + 90_000 * job.dimensions + 60 * job.sizes.pool)
    return looked + _dsir(job) + _herded(job, 2 * job.dimensions)


def _neighbours(job: Job, each: int) -> Estimate:
    """Return what finding the nearest pool pairs of all validation pairs takes."""
    seconds = 0.02 + job.couples * (2 * job.dimensions * MULTIPLY + 2 * _PARTED)
    return Estimate(
        seconds, BLOCKS + 400_000_000 * min(1, job.sizes.pool // 50_000) + 12 * job.sizes.validation * min(each, job.sizes.pool)
    )


def _nearest(job: Job) -> Estimate:
    return _neighbours(job, 2 * job.budget // max(job.sizes.validation, 1)) + Estimate(1.2e-5 * job.budget, 0)


def _tsds(job: Job) -> Estimate:
    selector = job.config.selector
    k = min(getattr(selector, "max_k", 5_000), max(job.sizes.pool // 10, 1))
    near = min(job.sizes.pool, job.sizes.validation * k)
    asked = min(25 * job.sizes.validation, near / 2)  # as many densities a validation pair in all data looked at
    density = asked * near * (2 * job.dimensions * MULTIPLY + 3e-9) if getattr(selector, "sigma", 1.0) > 0 else 0.0
    return _neighbours(job, 4 * k) + Estimate(density, BLOCKS + 8 * near * job.dimensions)


def _tarot(job: Job) -> Estimate:
    m, n, d = job.sizes.validation, job.sizes.pool, 2 * job.dimensions
    whitening = (n + m) * d**2 * 3 * MULTIPLY
    last = m * m * 6e-7 + job.budget * m * (job.budget / n) * 4e-7
    return _neighbours(job, 10 * job.budget // max(m, 1)) + Estimate(whitening + last, BLOCKS + 4 * (n + m) * d + 40 * m * m)


def _sensitivity(job: Job) -> Estimate:
    return Estimate(0.02 + job.sizes.pool * (1e-6 + 1.6e-8 * job.dimensions), BLOCKS + 80 * job.sizes.pool)


def _covering(job: Job) -> Estimate:
    share = getattr(job.config.selector, "percentile", 8.0) / 100
    taken = job.budget * (1e-5 + 8e-10 * job.sizes.pool)
    held = round(12 * share * 1.5 * job.couples)
    return _neighbours(job, 1) + Estimate(taken + 8e-8 * share * job.couples, BLOCKS + held)


_METHODS: Mapping[str, Callable[[Job], Estimate]] = {
    "craft-weighted": _weighted,
    "herding": _herding,
    "stage-one": _random,
    "random": _random,
    "centroid": _centroid,
    "nearest": _nearest,
    "dsir": _dsir,
    "tsds": _tsds,
    "tarot": _tarot,
    "sensitivity": _sensitivity,
    "covering": _covering,
}  # the others score every pair once
