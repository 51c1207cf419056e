"""The bound against n_clusters."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import random_pairs, random_problem

from craft_core.allocate import Allocation
from craft_core.bound import CellGeometry, kl_bound
from craft_core.cluster import KMeans, cluster
from craft_core.errors import ParameterError
from craft_core.measure import measure, select
from craft_core.problem import Problem
from craft_core.selectors import Craft, Random
from craft_core.sweep import (
    SweepPoint,
    largest_l,
    point_of,
    saturation,
    sweep,
    sweep_grid,
    sweep_point,
    sweep_table,
    trade_off,
)
from craft_core.vectorize.protocol import Vectors


def point(n_clusters: int, inertia: float, diameter: float = 1.0, counts: tuple[int, int] = (6, 4)) -> SweepPoint:
    """Two cells with 5 of 10 validation pairs each; `inertia` is the sum over all ten."""
    variance = np.full(2, inertia / 10)
    cells = CellGeometry(np.full(2, diameter), np.full(2, diameter), variance, 2 * variance, np.array([11, 9]))
    return SweepPoint(n_clusters, Allocation(10, np.array(counts), np.array([20, 20]), np.array([5, 5])), cells)


def vectors(n: int = 300, m: int = 40, test: int | None = 30) -> Vectors:
    rng = np.random.default_rng(1)
    made = [random_pairs(size, 6, rng) for size in (n, m, test or 2)]
    return Vectors(made[0], made[1], made[2] if test else None, None, None)


KEYS = np.random.default_rng(2).permutation(300).astype(np.uint64)


def test_the_grid_is_geometric_and_ends_at_two_validation_pairs_a_cluster():
    assert sweep_grid(500, 10_000) == (2, 4, 7, 12, 22, 41, 75, 137, 250)
    assert sweep_grid(500, 100)[-1] == 100
    assert sweep_grid(8, 100) == (2, 3, 4)
    assert sweep_grid(4, 100) == (2,)
    assert sweep_grid(1, 100) == (1,)
    assert len(sweep_grid(10_000, 10**6, points=5)) == 5


def test_the_bound_of_a_point_is_that_of_its_shares_and_cells():
    one = point(2, inertia=0.2)
    p, q = np.array([0.5, 0.5]), np.array([0.6, 0.4])
    # 5 validation pairs a cell, and 6 and 4 chosen ones: variances of laws are larger by 5/4, 6/5 and 4/3
    assert one.bound(2.0).total == pytest.approx(kl_bound(p, q, np.ones(2), np.full(2, 0.025), 2.0).total)
    assert one.bound(2.0, "reverse").total == pytest.approx(kl_bound(q, p, np.ones(2), 0.04 * np.array([6 / 5, 4 / 3]), 2.0).total)
    assert one.inertia == pytest.approx(0.2)
    assert one.floor == pytest.approx(1 / 20)
    assert one.is_exact
    with pytest.raises(ParameterError, match="direction 'sideways'"):
        one.bound(2.0, "sideways")


def test_inexact_diameters_give_an_interval():
    one = point(2, 3.0)
    wide = replace(one, cells=replace(one.cells, diameter_low=np.full(2, 0.8)))
    assert not wide.is_exact
    assert wide.low_bound(2.0).total < wide.bound(2.0).total == one.bound(2.0).total
    assert wide.mean_diameter == (pytest.approx(0.8), pytest.approx(1.0))


def test_the_trade_off_has_its_minimum_where_both_terms_balance():
    """With inertia = M * (1 - log10(k) / 4) the sum k / 2M + (L^2 / 2)(1 - log10(k) / 4) is least at k = M L^2 / (4 ln 10)."""
    grid, lipschitz, n_validation = (2, 5, 10, 20, 50, 100, 200), 4.0, 10
    points = tuple(point(k, n_validation * (1 - np.log10(k) / 4)) for k in grid)
    found = trade_off(points, lipschitz)
    assert found.best == round(n_validation * lipschitz**2 / (4 * np.log(10)))  # 17, between two points of the grid
    assert found.noise.tolist() == [(k - 1) / 20 for k in grid]
    assert found.residual[0] == pytest.approx(8 * (1 - np.log10(2) / 4))
    assert found.total.tolist() == (found.noise + found.residual).tolist()
    assert found.low < found.best < found.high
    assert not found.is_at_an_end


def test_a_minimum_at_the_end_is_known_as_one():
    points = tuple(point(k, 10 * (1 - np.log10(k) / 4)) for k in (2, 5, 10))
    assert trade_off(points, 100.0).is_at_an_end
    assert trade_off(points, 100.0).best == 10
    assert trade_off(points, 0.01).best == 2
    alone = trade_off(points[:1], 1.0)
    assert (alone.low, alone.best, alone.high) == (2, 2, 2)


def test_the_bound_says_nothing_above_the_l_at_which_it_reaches_a_random_selection():
    one = point(2, 3.0)
    edge = largest_l(one, 0.9)
    assert one.bound(edge).total == pytest.approx(0.9, rel=1e-4)
    assert largest_l(one, 0.4) < edge
    assert one.bound(largest_l(one, 0.9, "reverse"), "reverse").total == pytest.approx(0.9, rel=1e-4)


def test_the_edges_of_saying_nothing():
    assert largest_l(point(2, 3.0), 0.001) == 0.0  # the shares alone are 0.02 apart
    assert largest_l(point(2, 0.0, diameter=0.0), 1.0) == float("inf")
    missed = point(2, 3.0, counts=(10, 0))
    assert missed.bound(1.0).total == float("inf")
    assert 0 < largest_l(missed, 1.0) < float("inf")  # of the covered part
    assert missed.left_out() == 0.5
    assert missed.left_out("reverse") == 0.0
    assert sweep_table((missed, point(3, 3.0)), 1.0)["left out"] == [0.5, 0.0]


def test_in_the_reverse_direction_what_validation_misses_is_left_out():
    one = point(2, 3.0)
    missed = replace(one, allocation=replace(one.allocation, validation_counts=np.array([10, 0])))
    assert missed.left_out() == 0.0
    assert sweep_table((missed, one), 1.0, "reverse")["left out"] == [0.4, 0.0]


def test_the_variances_of_a_point_are_those_its_bound_takes():
    one = point(2, inertia=0.2, counts=(9, 1))
    assert one.variances() == pytest.approx([0.025, 0.025])
    assert one.variances("reverse") == pytest.approx([0.04 * 9 / 8, 0.5])  # of one chosen pair nothing is known but the diameter


def test_diameters_that_do_not_shrink_are_saturated():
    assert saturation((point(2, 3.0, 1.4), point(50, 1.0, 1.2))) == pytest.approx(1.2 / 1.4)
    assert saturation((point(2, 3.0, 0.0),)) == 1.0
    few, many = point(2, 3.0, 2.0), point(50, 1.0, 1.3)  # of the few large cells only bounds are known: 1.4 to 2
    few = replace(few, cells=replace(few.cells, diameter_low=np.full(2, 1.4)))
    assert saturation((few, many)) == pytest.approx(1.3 / 1.4)


@pytest.mark.parametrize("test", [30, None])
def test_a_point_measures_what_the_run_measures(test: int | None):
    rows, kmeans = vectors(test=test), KMeans(n_clusters=5)
    seen: list[float] = []
    found = sweep_point(rows, KEYS, kmeans, Craft(), 60, 3, lambda share, text: seen.append(share))
    assert found.n_clusters == 5
    assert found.allocation.size == 60
    assert seen == sorted(seen)
    problem = Problem(rows.pool, rows.validation, cluster(rows, KEYS, kmeans, 3))
    selection = select(problem, Craft(), 60, 3)
    run = measure(problem, selection, rows.test, Craft(), 60, 3)
    assert found.energy == run.energy
    assert found.bound(0.0).discrete == run.kl
    labels = problem.clustering.validation_labels
    squares = [((own - own.mean(axis=0)) ** 2).sum() for own in (rows.validation.sources[labels == c] for c in range(5)) if len(own)]
    assert found.inertia == pytest.approx(float(np.sum(squares)), rel=1e-4)


def test_a_point_has_exact_diameters_and_any_method_will_do():
    problem = random_problem(n_clusters=3)
    found = point_of(problem, select(problem, Random(), 50, 0), 50)
    assert found.is_exact
    assert found.energy is None


def test_measuring_the_cells_tells_how_far_it_is_and_can_be_stopped():
    problem, seen = random_problem(n_clusters=3), []
    chosen = select(problem, Random(), 50, 0)
    point_of(problem, chosen, 50, lambda share, text: seen.append(share))
    assert len(seen) == 3
    assert seen == sorted(seen)

    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        point_of(problem, chosen, 50, stop)


def test_a_sweep_gives_every_point_and_a_table():
    points = tuple(sweep(vectors(), KEYS, KMeans(), Craft(), 60, 0, (2, 4, 8)))
    assert [one.n_clusters for one in points] == [2, 4, 8]
    assert points[0].inertia > points[-1].inertia
    table = sweep_table(points, 1.5)
    assert {len(column) for column in table.values()} == {3}
    assert table["bound"] == [one.bound(1.5).covered_total for one in points]
    assert table["energy, joint"][1] == points[1].energy.joint  # type: ignore[union-attr]
    assert sweep_table((point(2, 3.0),), 1.0)["energy, source"] == [None]
