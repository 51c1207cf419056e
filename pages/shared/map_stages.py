"""The stages of the map: coordinates, their density, and how far they can be trusted, each computed once."""

from __future__ import annotations

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector
from craft_core.explore.trust import trustworthiness
from craft_core.progress import Progress
from craft_core.project import DRAW_LIMIT, Density, Projection, aligned, place_all, project, sample_rows
from craft_core.project import density as density_of
from pages.shared import stages
from pages.shared.keeping import PLAIN
from pages.shared.session import current_config
from pages.shared.work import ask_again, compute, is_ready, key_of, was_stopped

PLACES = "Placing every pair on the map"
_TRUST = "Trustworthiness of the map"


def projection(method: str, layout: int) -> Projection:
    """Return the coordinates of a pool sample and the validation set; of UMAP, layouts above 1 are turned to lie like the first."""
    task, seed = stages.problem(), current_config().seed
    drawn = sample_rows(task.clustering.pool_labels, DRAW_LIMIT, seed)

    def work(progress: Progress) -> Projection:
        return project(method, task.pool.sources, task.validation.sources, drawn, seed, progress, layout_seed=seed + layout - 1)

    stage, key, wait = _stage(method, layout), map_key(method, layout), stages.wait_for(f"{method} map")
    if layout == 1:
        return compute(stage, key, work, PLAIN, wait)
    first = projection(method, 1)
    return compute(stage, key, lambda progress: aligned(work(progress), first), PLAIN, wait)


def _stage(method: str, layout: int) -> str:
    return f"Map ({method.upper()})" if layout == 1 else f"Map ({method.upper()}, another layout)"


def is_there(method: str, layout: int, with_trust: bool) -> bool:
    """Return whether a map can be drawn at once, and coloured by its trustworthiness if that is asked."""
    key = map_key(method, layout)
    return is_ready(_stage(method, layout), key) and (not with_trust or is_ready(_TRUST, key))


def is_map_stopped(method: str, layout: int, with_trust: bool) -> bool:
    """Return whether the user stopped the computing of a map: the rest of the page does without it."""
    layouts = {1, layout}
    stopped = any(was_stopped(_stage(method, one), map_key(method, one)) for one in layouts)
    return stopped or (with_trust and was_stopped(_TRUST, map_key(method, layout)))


def map_again(method: str, layout: int) -> None:
    """Ask for a map after a Stop."""
    for one in {1, layout}:
        ask_again(_stage(method, one), map_key(method, one))
    ask_again(_TRUST, map_key(method, layout))


def places(method: str, layout: int) -> FloatMatrix:
    """Return the coordinates of every pool pair, shape (N, 2): what a region is counted in."""
    task, found = stages.problem(), projection(method, layout)
    wait = stages.wait_for("places") if method == "umap" else None  # PCA takes a second for a million pairs
    return compute(PLACES, map_key(method, layout), lambda progress: place_all(found, task.pool.sources, progress), PLAIN, wait)


def are_placed(method: str, layout: int) -> bool:
    """Return whether every pair has its place already, or gets it at once."""
    return method == "pca" or is_ready(PLACES, map_key(method, layout))


def is_placing_stopped(method: str, layout: int) -> bool:
    """Return whether the user stopped the placing: the map can be looked at without it."""
    return was_stopped(PLACES, map_key(method, layout))


def place_again(method: str, layout: int) -> None:
    """Ask for the places after a Stop."""
    ask_again(PLACES, map_key(method, layout))


def density(method: str, layout: int) -> Density:
    """Return how many pool pairs lie in each cell of the map, of those that are in a cluster."""
    xy, labels = places(method, layout), stages.problem().clustering.pool_labels
    key = key_of(map_key(method, layout), stages.problem_key())
    return compute("Density of the map", key, lambda _: density_of(xy[labels >= 0]))


def trust(method: str, layout: int) -> tuple[FloatVector, FloatVector]:
    """Return the trustworthiness of the drawn pool pairs and of the validation pairs."""
    task, found = stages.problem(), projection(method, layout)

    def work(progress: Progress) -> tuple[FloatVector, FloatVector]:
        rows = np.concatenate([task.pool.sources[found.pool_positions], task.validation.sources])
        values = trustworthiness(rows, np.concatenate([found.pool_xy, found.validation_xy]), progress=progress)
        n = len(found.pool_positions)
        return values[:n].copy(), values[n:].copy()

    return compute(_TRUST, map_key(method, layout), work, PLAIN, stages.wait_for("trust"))


def map_key(method: str, layout: int) -> str:
    """Return the key of a map; it changes with the vectors, not with the clusters or the budget."""
    return key_of(stages.vector_key(), "map", method, layout)
