from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from craft_core.bound import KLBound, bennett_residual, hoeffding_residual, kl_bound, kl_divergence, linear_residual
from craft_core.bound.residual import RESIDUALS

ROUNDING = 1 + 1e-9


@dataclass
class Pair:
    """Two densities on one grid and the cells the grid is cut into. As laws on the grid points they meet the assumption to the digit."""

    points: np.ndarray
    p: np.ndarray
    q: np.ndarray
    cell: np.ndarray

    @property
    def n_cells(self) -> int:
        return int(self.cell.max()) + 1

    def reverse(self) -> "Pair":
        return Pair(self.points, self.q, self.p, self.cell)

    def share(self, law: np.ndarray) -> np.ndarray:
        return np.bincount(self.cell, weights=law, minlength=self.n_cells)

    def within(self, law: np.ndarray) -> np.ndarray:
        return law / self.share(law)[self.cell]

    @property
    def log_ratio(self) -> np.ndarray:
        return np.log(self.within(self.p) / self.within(self.q))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of values under P in every cell."""
        return np.bincount(self.cell, weights=self.within(self.p) * values, minlength=self.n_cells)

    @property
    def variances(self) -> np.ndarray:
        means = np.stack([self.mean(axis) for axis in self.points.T], axis=1)
        return self.mean(((self.points - means[self.cell]) ** 2).sum(axis=1))

    def largest(self, values: np.ndarray) -> np.ndarray:
        """Largest of a matrix over couples of points, in every cell."""
        same = np.where(self.cell[:, None] == self.cell, values, 0.0).max(axis=1)
        out = np.zeros(self.n_cells)
        np.maximum.at(out, self.cell, same)
        return out

    @property
    def distances(self) -> np.ndarray:
        return np.sqrt(((self.points[:, None] - self.points) ** 2).sum(axis=2))

    @property
    def slopes(self) -> np.ndarray:
        """L of every cell: the largest slope of the log-ratio between any two points."""
        return self.largest(np.abs(self.log_ratio[:, None] - self.log_ratio) / (self.distances + np.eye(len(self.points))))


def random_density(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth positive density: the exponential of a few waves, gentle or steep."""
    waves = rng.normal(size=(4, points.shape[1])) * rng.uniform(0.5, 3)
    height = 10 ** rng.uniform(-1.5, 0.4)
    density = np.exp(height * (rng.normal(size=4) * np.cos(points @ waves.T + rng.uniform(0, 6.3, 4))).sum(axis=1))
    return density / density.sum()


def intervals(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    points = np.linspace(0, rng.uniform(0.5, 3), 60)[:, None]
    cuts = rng.choice(np.arange(2, 59), rng.integers(0, 7), replace=False)
    return points, np.searchsorted(np.sort(cuts), np.arange(60), side="right")


def voronoi(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    points = np.stack(np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9)), axis=-1).reshape(-1, 2)
    centers = rng.uniform(size=(rng.integers(1, 7), 2))
    return points, np.unique(((points[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1), return_inverse=True)[1]


def random_pairs_of_laws(count: int) -> Iterator[Pair]:
    """Half on a line cut into intervals, half on a square cut into Voronoi cells."""
    rng = np.random.default_rng(0)
    for number in range(count):
        points, cell = intervals(rng) if number % 2 else voronoi(rng)
        yield Pair(points, random_density(points, rng), random_density(points, rng), cell)


PAIRS = list(random_pairs_of_laws(600))


def bound_of(pair: Pair, lipschitz: float) -> KLBound:
    return kl_bound(pair.share(pair.p), pair.share(pair.q), pair.largest(pair.distances), pair.variances, lipschitz)


def residual_of_cells(pair: Pair, name: str) -> np.ndarray:
    """One residual of every cell, at the L of that cell."""
    slopes, diameters = pair.slopes, pair.largest(pair.distances)
    if name == "bennett":
        return bennett_residual(slopes * diameters, slopes**2 * pair.variances)
    return {"linear": linear_residual, "hoeffding": hoeffding_residual}[name](slopes * diameters)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize(("name", "tight"), [("linear", 80), ("hoeffding", 15), ("bennett", 12)])
def test_no_residual_is_ever_below_what_a_cell_hides(name: str, tight: float, direction: str) -> None:
    ratios = []
    for pair in PAIRS:
        way = pair if direction == "forward" else pair.reverse()
        hidden, residual = way.mean(way.log_ratio), residual_of_cells(way, name)
        assert (residual * ROUNDING + 1e-12 >= hidden).all()
        ratios.append((way.share(way.p) * residual).sum() / (way.share(way.p) * hidden).sum())
    assert np.median(ratios) < tight


@pytest.mark.parametrize("name", RESIDUALS)
def test_no_bound_is_ever_below_the_true_divergence(name: str) -> None:
    for pair in PAIRS:
        for way in (pair, pair.reverse()):
            bound, true = bound_of(way, way.slopes.max()), kl_divergence(way.p, way.q)
            assert (bound.discrete + bound.residual_of(name)) * ROUNDING >= true
            assert bound.total * ROUNDING >= true
            assert bound.discrete <= true * ROUNDING + 1e-12


def test_the_bound_is_not_far_above_the_divergence() -> None:
    ratios = [bound_of(pair, pair.slopes.max()).total / kl_divergence(pair.p, pair.q) for pair in PAIRS]
    assert np.median(ratios) < 6


def test_half_of_any_residual_would_be_too_small() -> None:
    """What the constants are for: the same check fails where a residual is halved."""
    for name in ("hoeffding", "bennett"):
        halved = (residual_of_cells(pair, name) / 2 < pair.mean(pair.log_ratio) for pair in PAIRS)
        assert any(below.any() for below in halved), name


def test_lemmas_of_hoeffding_and_bennett_against_the_sum() -> None:
    """log E e^-(r - E r) for any r, whether or not E e^-r is 1."""
    rng = np.random.default_rng(1)
    for pair in PAIRS[:500]:
        factor = rng.uniform(-3, 3)
        r = factor * pair.log_ratio
        spread = pair.largest(np.abs(r[:, None] - r))
        moment = np.log(pair.mean(np.exp(pair.mean(r)[pair.cell] - r)))
        variance = pair.mean((r - pair.mean(r)[pair.cell]) ** 2)
        assert (moment <= hoeffding_residual(spread) * ROUNDING + 1e-12).all()
        assert (moment <= bennett_residual(spread, variance) * ROUNDING + 1e-12).all()
        assert (variance <= (factor * pair.slopes) ** 2 * pair.variances * ROUNDING + 1e-12).all()


@pytest.mark.parametrize("b", [0.01, 0.5, 3.0, 12.0])
def test_lemmas_on_a_uniform_law(b: float) -> None:
    moment = np.log(quad(lambda y: np.exp(-y), -b / 2, b / 2)[0] / b)
    assert moment == pytest.approx(np.log(np.sinh(b / 2) / (b / 2)), abs=1e-12)
    assert moment <= hoeffding_residual(np.array(b))
    assert moment <= bennett_residual(np.array(b), np.array(b**2 / 12))


def two_points(mass: float, b: float) -> float:
    """KL(P || Q) for P = (mass, 1 - mass) on two points whose log-ratios are b apart, the smaller one at the first."""
    high = np.log(1 - mass + mass * np.exp(b))
    return float(high - mass * b)


def test_no_residual_is_below_the_divergence_on_two_points() -> None:
    """The hardest laws: for a given spread they are the extreme ones of all three inequalities."""
    rng = np.random.default_rng(3)
    mass, b = 10 ** rng.uniform(-8, -0.3, 2_000), 10 ** rng.uniform(-2, 2.5, 2_000)
    hidden = np.log1p(mass * np.expm1(b)) - mass * b
    variance = mass * (1 - mass) * b**2
    for residual, tight in ((linear_residual(b), 1.1), (hoeffding_residual(b), 1.01), (bennett_residual(b, variance), 1.01)):
        known = hidden > 1e-12
        assert (residual[known] * ROUNDING >= hidden[known]).all()
        assert (residual[known] / hidden[known]).min() < tight


def test_each_residual_is_reached_by_some_law() -> None:
    small = 1e-3
    assert hoeffding_residual(np.array(small)) == pytest.approx(two_points(0.5, small), rel=1e-3)
    assert bennett_residual(np.array(small), np.array(small**2 / 4)) == pytest.approx(two_points(0.5, small), rel=1e-3)
    # a rare point far away: the variance says more than the spread
    rare, b = 1e-7, 6.0
    assert bennett_residual(np.array(b), np.array(rare * (1 - rare) * b**2)) == pytest.approx(two_points(rare, b), rel=1e-3)
    assert linear_residual(np.array(200.0)) == pytest.approx(two_points(1 / 200, 200.0), rel=0.05)


def test_piecewise_constant_densities_are_told_exactly_by_their_shares() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        edges = np.concatenate([[0.0], np.sort(rng.uniform(size=5)), [1.0]])
        p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
        heights = p / np.diff(edges), q / np.diff(edges)
        pieces = zip(edges[:-1], edges[1:], *heights, strict=True)
        true = sum(quad(lambda x, f=f, g=g: f * np.log(f / g), low, high)[0] for low, high, f, g in pieces)
        bound = kl_bound(p, q, np.diff(edges), np.diff(edges) ** 2 / 12, 0.0)
        assert bound.total == bound.discrete == pytest.approx(true)
        assert bound.residual_sum == 0


def gaussian_bound(mean: float, edges: np.ndarray) -> tuple[KLBound, float, np.ndarray]:
    """The bound and the divergence of N(0, 1) from N(mean, 1), both cut off at the ends; and p. The log-ratio is linear: L = |mean|."""

    def integral(low: float, high: float, values: object = lambda x: 1.0) -> float:
        return quad(lambda x: norm.pdf(x) * values(x), low, high, epsabs=1e-15)[0]  # type: ignore[operator]

    cells = list(pairwise(edges))
    masses = np.array([integral(*cell) for cell in cells])
    p = masses / masses.sum()
    q = np.diff(norm.cdf(edges - mean)) / (norm.cdf(edges[-1] - mean) - norm.cdf(edges[0] - mean))
    means = [integral(*cell, lambda x: x) / mass for cell, mass in zip(cells, masses, strict=True)]
    variances = [integral(*cell, lambda x, m=m: (x - m) ** 2) / mass for cell, mass, m in zip(cells, masses, means, strict=True)]
    inside = np.log(norm.cdf(edges[-1] - mean) - norm.cdf(edges[0] - mean)) - np.log(masses.sum())
    true = integral(edges[0], edges[-1], lambda x: mean**2 / 2 - mean * x) / masses.sum() + inside
    return kl_bound(p, q, np.diff(edges), np.array(variances), abs(mean)), float(true), p


@pytest.mark.parametrize("mean", [-1.5, 0.3, 1.0])
@pytest.mark.parametrize("n_cells", [1, 3, 12])
def test_gaussians_that_are_cut_off(mean: float, n_cells: int) -> None:
    bound, true, _ = gaussian_bound(mean, np.linspace(-2, 2.5, n_cells + 1))
    for name in RESIDUALS:
        assert bound.discrete + bound.residual_of(name) >= true
    assert bound.discrete <= true + 1e-12
    assert bound.total == pytest.approx(true, rel=6 / n_cells)


def test_with_fine_cells_the_bound_goes_down_to_the_closed_form() -> None:
    """KL(N(0, 1) || N(m, 1)) = m^2 / 2; what is left inside the cells goes like (L^2 / 2) sum p_c V_c, as method and docstring say."""
    mean = 0.8
    totals = []
    for n_cells in (8, 32, 128):
        bound, true, p = gaussian_bound(mean, np.linspace(-7, 7, n_cells + 1))
        assert true == pytest.approx(mean**2 / 2, abs=1e-8)
        totals.append(bound.total - true)
    assert totals[0] > totals[1] > totals[2] >= 0
    assert totals[2] < 1e-3
    hidden = true - bound.discrete
    width = 14 / 128
    assert hidden == pytest.approx(mean**2 / 2 * width**2 / 12, rel=0.02)
    assert (p * bound.bennett).sum() == pytest.approx(hidden, rel=0.05)


def test_bennett_by_hand_and_where_the_series_takes_over() -> None:
    assert bennett_residual(np.array([0.0, 2.0]), np.array([3.0, 1.0])) == pytest.approx([1.5, (np.e**2 - 3) / 4])
    below, above = bennett_residual(np.array([1e-3 * (1 - 1e-12), 1e-3]), np.ones(2))
    assert below == pytest.approx(above, rel=1e-9)
    assert below == pytest.approx(0.5 + 1e-3 / 6 + 1e-6 / 24 + 1e-9 / 120, rel=1e-14)
    steps = bennett_residual(np.geomspace(1e-9, 5, 200), np.ones(200))
    assert (np.diff(steps[100:]) > 0).all()
    assert (np.diff(steps) >= -1e-9).all()


def test_the_smallest_residual_counts_in_each_cell() -> None:
    # spreads 0.1, 20 and 4: small cells are Bennett's, the steep one is linear, the one with a large variance is Hoeffding's
    bound = kl_bound(np.full(3, 1 / 3), np.full(3, 1 / 3), np.array([0.1, 20.0, 4.0]), np.array([0.001, 30.0, 4.0]), 1.0)
    assert bound.residual.tolist() == [bound.bennett[0], bound.linear[1], bound.hoeffding[2]]
    assert bound.residual_sum == pytest.approx((bound.bennett[0] + 20 + 2) / 3)
    assert bound.contributions.sum() == pytest.approx(bound.total - bound.discrete)
    assert bound.residual_of("linear") == pytest.approx((0.1 + 20 + 4) / 3)


def test_a_huge_spread_leaves_the_linear_residual() -> None:
    bound = kl_bound(np.array([0.5, 0.5]), np.array([0.5, 0.5]), np.array([2.0, 2.0]), np.array([1.0, 0.0]), 1_000.0)
    assert bound.bennett.tolist() == [np.inf, 0]
    assert bound.residual.tolist() == [2_000, 0]
    assert bound.total == 1_000
    assert bound.residual_of("bennett") == np.inf


def test_clusters_the_selection_does_not_reach() -> None:
    p, q = np.array([0.2, 0.2, 0.6]), np.array([0.5, 0.5, 0.0])
    bound = kl_bound(p, q, np.array([1.0, 1.0, 2_000.0]), np.array([0.1, 0.1, 9.0]), 1.0)
    assert bound.total == bound.discrete == np.inf
    assert bound.covered == pytest.approx(0)
    assert bound.shares.tolist() == [0.5, 0.5, 0]
    assert bound.contributions[2] == 0
    assert bound.covered_total == pytest.approx(bound.residual_sum)
    # the infinite residual of a cell without share counts for nothing
    assert bound.bennett[2] == np.inf
    assert bound.residual_of("bennett") == pytest.approx(bound.bennett[0])
    nothing = kl_bound(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.ones(2), np.ones(2), 1.0)
    assert np.isnan(nothing.covered_total)
    assert nothing.residual_sum == 0


def test_a_larger_l_never_makes_the_bound_smaller() -> None:
    pair = PAIRS[1]
    totals = [bound_of(pair, lipschitz).total for lipschitz in np.linspace(0, 60, 200)]
    assert (np.diff(totals) >= 0).all()
    assert totals[0] == bound_of(pair, 0.0).discrete


def test_a_result_is_read_only() -> None:
    bound = bound_of(PAIRS[0], 1.0)
    for array in (bound.shares, bound.linear, bound.hoeffding, bound.bennett):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
