"""What the scenes of the Learn page find out: each runs the app's own stages on the toy and sets the truth beside the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from craft_core.allocate import Allocation, allocate
from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.bound import KLBound, kl_bound, share_noise
from craft_core.cluster import assign
from craft_core.discrepancy import energy_distance
from craft_core.problem import Selection
from craft_core.progress import Progress, silent
from craft_core.selectors import Craft, Herding
from craft_core.toy.truth import Truth
from craft_core.toy.world import Cut, World, cut
from craft_core.whatif import rank, take

__all__ = [
    "CLUSTER_GRID",
    "WAYS",
    "Narrowing",
    "Shortage",
    "TradeOff",
    "WayInside",
    "first_shortage",
    "marked_cells",
    "narrowing",
    "residual_curves",
    "trade_off",
]

CLUSTER_GRID = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""The n_clusters of `trade_off`."""

WAYS = ("CRAFT", "random inside", "herding")
"""The ways to choose inside a cell that `narrowing` compares."""


@dataclass(frozen=True)
class Shortage:
    """Say which cell runs out first as the budget grows.

    Attributes
    ----------
    cell : int
        The cluster.
    budget : int
        The smallest budget, in pairs, at which a cluster has run out.
    """

    cell: int
    budget: int


@dataclass(frozen=True, eq=False)
class TradeOff:
    """Hold what more clusters buy and cost, arrays of shape (n values of n_clusters,), in nats.

    Attributes
    ----------
    n_clusters : IntVector
        As in `CLUSTER_GRID`, as far as there are validation pairs.
    truth : FloatVector
        KL(P || Q) of stage one with random choice inside, for the shares of the validation sample: its mean over fresh samples. Where a
        sample left a cell with nothing, that KL is infinite and the covered part is taken.
    missed : FloatVector
        Mean mass of P in cells that got nothing, in [0, 1].
    inside : FloatVector
        The part of it that lies inside the cells.
    floor : FloatVector
        The noise floor, about (n_clusters - 1) / (2 M).
    bound : FloatVector
        The bound on KL(P || Q), with true shares, diameters and L; covered part likewise.
    """

    n_clusters: IntVector
    truth: FloatVector
    missed: FloatVector
    inside: FloatVector
    floor: FloatVector
    bound: FloatVector

    def __post_init__(self) -> None:
        for array in (self.n_clusters, self.truth, self.missed, self.inside, self.floor, self.bound):
            frozen(array)

    @property
    def best(self) -> int:
        """The n_clusters with the smallest true KL of the covered part."""
        return int(self.n_clusters[np.argmin(self.truth)])

    @property
    def best_whole(self) -> int | None:
        """The n_clusters with the smallest true KL among those at which no sample left a cell with nothing; None where there is none."""
        whole = self.missed == 0
        return int(self.n_clusters[np.argmin(np.where(whole, self.truth, np.inf))]) if whole.any() else None


@dataclass(frozen=True, eq=False)
class WayInside:
    """Hold what one way to choose took inside a cell.

    Attributes
    ----------
    name : str
        One of `WAYS`.
    indices : IntVector
        Pool pairs it took, of this cell.
    dispersion : float
        Trace of their targets' covariance over that of the test pairs of the cell: below 1 the choice is narrower than the truth.
    energy : float
        Energy distance of their targets to those of the test pairs, unbiased: it can be negative near 0.
    misaligned : float
        Share of misaligned pairs among them.
    """

    name: str
    indices: IntVector
    dispersion: float
    energy: float
    misaligned: float


@dataclass(frozen=True, eq=False)
class Narrowing:
    """Hold one cell and what each way to choose took in it.

    Attributes
    ----------
    cell : int
        The cluster with the largest validation share.
    members : IntVector
        Its pool pairs.
    validation, test : IntVector
        Its validation and test pairs.
    ways : tuple of WayInside
        In the order of `WAYS`.
    """

    cell: int
    members: IntVector
    validation: IntVector
    test: IntVector
    ways: tuple[WayInside, ...]

    @property
    def narrowest(self) -> str:
        """The way with the smallest dispersion."""
        return min(self.ways, key=lambda way: way.dispersion).name


def first_shortage(part: Cut, rule: str = "water-fill") -> Shortage:
    """Find the first cluster to run out, by halving the budgets it can happen at: once one has run out it stays so.

    At a budget above the whole supply some quota must pass its supply, so there always is one.
    """
    clustering = part.clustering

    def shared(budget: int) -> Allocation:
        return allocate(rule, clustering.validation_counts, clustering.supply, budget)

    low, high = 1, int(clustering.supply.sum()) + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if shared(middle).starved.any() else (middle + 1, high)
    return Shortage(int(np.flatnonzero(shared(low).starved)[0]), low)


def marked_cells(part: Cut) -> tuple[int, ...]:
    """Return four unlike cells to ask about, from left to right: much wanted, much offered, wide, and hardly wanted."""
    counts, supply = part.clustering.validation_counts, part.clustering.supply
    chosen: list[int] = []
    for order in (-counts, -supply, -part.truth.diameters, counts):
        chosen.append(next(int(c) for c in np.argsort(order, kind="stable") if c not in chosen))
    return tuple(sorted(chosen, key=lambda c: float(part.clustering.centers[c, 0])))


def residual_curves(truth: Truth, cell: int, slopes: FloatVector) -> list[KLBound]:
    """Return the bound inside one cell for each of several L: shares are 1, so only the residuals are left."""
    one = np.ones(1)
    return [kl_bound(one, one, truth.diameters[[cell]], truth.variances[[cell]], float(slope)) for slope in slopes]


def trade_off(world: World, budget: int, repeats: int = 20, values: Sequence[int] = CLUSTER_GRID, progress: Progress = silent) -> TradeOff:
    """Measure the true KL, its parts, the noise floor and the bound for growing n_clusters.

    Parameters
    ----------
    world : World
        A toy; its validation set places the first centers, and M is its size.
    budget : int
        Pairs to choose.
    repeats : int
        Fresh validation samples of M pairs whose shares the budget is divided by; the cells stay.
    values : sequence of int
        The n_clusters; those above M are left out.
    """
    m, seed = len(world.validation), world.setting.seed
    kept = [one for one in values if one <= m]
    rows = []
    for number, n_clusters in enumerate(kept):
        progress(number / len(kept), f"{n_clusters:,} clusters")
        part, rng = cut(world, n_clusters), np.random.default_rng([seed, 4, n_clusters])
        shares = [_shares(part, counts, budget) for counts in rng.multinomial(m, part.truth.wanted / part.truth.wanted.sum(), size=repeats)]
        noise = share_noise(part.clustering.validation_counts, _shares(part, part.clustering.validation_counts, budget), rng)
        truth, missed = (float(np.mean([function(q) for q in shares])) for function in (part.truth.covered_kl, part.truth.missed))
        bound = float(np.mean([part.truth.bound(q).covered_total for q in shares]))
        rows.append((n_clusters, truth, missed, part.truth.inside_sum, noise.floor, bound))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return TradeOff(columns[0].astype(np.int64), *columns[1:])


def _shares(part: Cut, validation_counts: IntVector, budget: int) -> FloatVector:
    return allocate("water-fill", validation_counts, part.clustering.supply, budget).selected_share


def narrowing(world: World, part: Cut, budget: int) -> Narrowing:
    """Choose a budget in three ways that share it alike, and compare what they take in the cell with the largest validation share."""
    clustering = part.clustering
    cell = int(np.argmax(clustering.validation_counts))
    test = np.flatnonzero(assign(world.test.sources, clustering.centers) == cell)
    found = []
    for name, selection in zip(WAYS, _selections(part, budget, world.setting.seed), strict=True):
        indices = np.sort(selection.indices[clustering.pool_labels[selection.indices] == cell])
        chosen, held = world.pool.take(indices), world.test.take(test)
        dispersion = _trace(chosen.targets) / _trace(held.targets)
        found.append(WayInside(name, indices, dispersion, energy_distance(chosen, held).target, float(np.mean(world.misaligned[indices]))))
    members, validation = (np.flatnonzero(labels == cell) for labels in (clustering.pool_labels, clustering.validation_labels))
    return Narrowing(cell, members, validation, test, tuple(found))


def _selections(part: Cut, budget: int, seed: int) -> tuple[Selection, ...]:
    """Return CRAFT's choice, one at random inside its clusters, and herding's."""
    problem, rng = part.problem, np.random.default_rng([seed, 5])
    craft = Craft()
    luck = rank(rng.random(len(problem.pool)).astype(np.float32), part.clustering.pool_labels, part.clustering.n_clusters)
    at_random = take(luck, craft.allocate(problem, budget))
    return craft.select(problem, budget, rng), at_random, Herding().select(problem, budget, rng)


def _trace(rows: FloatVector) -> float:
    return float(rows.var(axis=0, ddof=1).sum())
