"""Pairs drawn from the toy's laws, and their cells, cut by the app's own k-means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.arrays import BoolVector, FloatMatrix, frozen
from craft_core.cluster import Clustering, KMeans, assign, cluster
from craft_core.params import check, param
from craft_core.problem import Problem
from craft_core.toy.laws import Bump, Law, Points, grid
from craft_core.toy.truth import Truth, cell_truth, polygons
from craft_core.vectorize.protocol import EncodedPairs, Vectors

__all__ = ["Cut", "Setting", "World", "cut", "make_world"]

_TEST_PAIRS = 2_000
_NOISE = 0.05  # standard deviation of a target around what its source maps to
_WAVE = 0.07


@dataclass(frozen=True)
class Setting:
    """Choose a toy."""

    name: ClassVar[str] = "toy"

    shift: float = param(0.7, low=0.0, high=1.0, help="How far validation lies from the bulk of the pool: 0 on it, 1 in the far corner.")
    misaligned: float = param(0.1, low=0.0, high=0.9, help="Share of pool pairs whose target belongs to another source.")
    n_pool: int = param(4_000, low=100, high=20_000, help="Pairs of the pool.")
    n_validation: int = param(300, low=10, high=20_000, help="Pairs of the validation set.")
    seed: int = param(0, low=0, high=9_999, help="The same seed draws the same pairs.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class World:
    """Hold a toy: its laws, and what was drawn from them.

    Attributes
    ----------
    setting : Setting
        It was made by.
    wanted, offered : Law
        P and R, the laws of validation and pool sources.
    pool, validation, test : EncodedPairs
        Sources on the unit square, targets near it. Test pairs come from the law of validation; nothing is selected with them.
    misaligned : BoolVector
        Shape (N,): pool pairs whose target belongs to another source.
    """

    setting: Setting
    wanted: Law
    offered: Law
    pool: EncodedPairs
    validation: EncodedPairs
    test: EncodedPairs
    misaligned: BoolVector

    def __post_init__(self) -> None:
        frozen(self.misaligned)


@dataclass(frozen=True, eq=False)
class Cut:
    """Hold a toy cut into cells.

    Attributes
    ----------
    problem : Problem
        What the selectors see.
    corners : tuple of Points
        The corners of each cell, in turn.
    truth : Truth
        What is true of the cells.
    """

    problem: Problem
    corners: tuple[Points, ...]
    truth: Truth

    @property
    def clustering(self) -> Clustering:
        """Of the problem."""
        return self.problem.clustering


def wanted_law(shift: float) -> Law:
    """Return the law of validation sources: two bumps that move away from the bulk of the pool as the shift goes from 0 to 1."""
    main, side = Bump(0.34 + 0.42 * shift, 0.36 + 0.40 * shift, 0.20, 0.65), Bump(0.34 + 0.48 * shift, 0.60 - 0.40 * shift, 0.18, 0.35)
    return Law((main, side), 0.05)


OFFERED = Law((Bump(0.30, 0.34, 0.20, 0.5), Bump(0.66, 0.56, 0.20, 0.3), Bump(0.26, 0.76, 0.20, 0.2)), 0.15)
"""The law of pool sources."""


def make_world(setting: Setting) -> World:
    """Draw the pairs of a toy."""
    wanted = wanted_law(setting.shift)
    streams = [np.random.default_rng([setting.seed, number]) for number in range(3)]  # one a set: more pairs of one change no other
    pool = _pairs(OFFERED, setting.n_pool, streams[0])
    misaligned = np.zeros(setting.n_pool, dtype=bool)
    rows = streams[0].permutation(setting.n_pool)[: round(setting.misaligned * setting.n_pool)]
    misaligned[rows] = True
    targets = pool.targets.copy()
    targets[rows] = targets[np.roll(rows, 1)]
    pool = EncodedPairs(pool.sources.copy(), targets)
    validation, test = _pairs(wanted, setting.n_validation, streams[1]), _pairs(wanted, _TEST_PAIRS, streams[2])
    return World(setting, wanted, OFFERED, pool, validation, test, misaligned)


def cut(world: World, n_clusters: int) -> Cut:
    """Cut a toy into cells with the app's k-means, and integrate over them."""
    seed = world.setting.seed
    keys = np.random.default_rng([seed, 3]).integers(2**63, size=len(world.pool), dtype=np.uint64)
    vectors = Vectors(world.pool, world.validation, None, None, None)
    clustering = cluster(vectors, keys, KMeans(n_clusters=n_clusters), seed)
    corners = tuple(polygons(clustering.centers.astype(np.float64)))
    labels = assign(grid().astype(np.float32), clustering.centers)
    truth = cell_truth(world.wanted, world.offered, labels, corners)
    return Cut(Problem(world.pool, world.validation, clustering), corners, truth)


def _pairs(law: Law, n: int, rng: np.random.Generator) -> EncodedPairs:
    sources = law.sample(n, rng)
    return EncodedPairs(sources, _translated(sources, rng))


def _translated(sources: FloatMatrix, rng: np.random.Generator) -> FloatMatrix:
    """Map sources to targets: a gentle wave that bends the plane, and noise."""
    x, y = sources[:, 0].astype(np.float64), sources[:, 1].astype(np.float64)
    smooth = np.column_stack([x + _WAVE * np.sin(2 * np.pi * y), y + _WAVE * np.sin(2 * np.pi * x)])
    return (smooth + _NOISE * rng.standard_normal(smooth.shape)).astype(np.float32)
