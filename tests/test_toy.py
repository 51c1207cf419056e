"""The toy: its laws against closed forms, its truth against sums over the grid, and the bound against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from craft_core.bound import kl_divergence
from craft_core.cluster import assign
from craft_core.errors import ParameterError
from craft_core.selectors import Craft
from craft_core.toy import (
    SIDE,
    WAYS,
    Bump,
    Cut,
    Law,
    Setting,
    World,
    block_masses,
    cut,
    doubt,
    first_shortage,
    grid,
    lipschitz,
    make_world,
    marked_cells,
    narrowing,
    residual_curves,
    trade_off,
)

LAWS = (
    Law((), 1.0),
    Law((Bump(0.5, 0.5, 0.05, 1.0),)),
    Law((Bump(0.1, 0.9, 0.3, 0.7), Bump(0.8, 0.2, 0.15, 0.3)), 0.2),  # much of the first lies outside the square
)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(Setting(n_pool=2_000))


@pytest.fixture(scope="module")
def part(world: World) -> Cut:
    return cut(world, 9)


def labels_of(part: Cut) -> np.ndarray:
    return assign(grid().astype(np.float32), part.clustering.centers)


@pytest.mark.parametrize("law", LAWS)
def test_a_density_has_mass_one(law: Law) -> None:
    assert law.density(grid()).mean() == pytest.approx(1.0, abs=1e-4)  # the scale is a closed form, this mean a sum
    assert law.masses.sum() == pytest.approx(1.0)


def test_blocks_add_up_from_below() -> None:
    blocks = block_masses(LAWS[2], 4)
    assert blocks.sum() == pytest.approx(1.0)
    low_left = (grid() < 0.25).all(axis=1)
    assert blocks[0, 0] == pytest.approx(LAWS[2].masses[low_left].sum())
    assert blocks[3, 0] == pytest.approx(LAWS[2].masses[(grid()[:, 0] < 0.25) & (grid()[:, 1] > 0.75)].sum())


@pytest.mark.parametrize("law", LAWS)
def test_draws_follow_the_law(law: Law) -> None:
    drawn = law.sample(20_000, np.random.default_rng(1)).astype(np.float64)
    assert len(drawn) == 20_000
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    mean, spread = law.masses @ grid(), np.sqrt(law.masses @ grid() ** 2 - (law.masses @ grid()) ** 2)
    assert np.abs(drawn.mean(axis=0) - mean).max() < 4 * spread.max() / np.sqrt(len(drawn))
    assert drawn.std(axis=0) == pytest.approx(spread, rel=0.03)
    inside = np.bincount((drawn[:, 0] > 0.5).astype(int) + 2 * (drawn[:, 1] > 0.5).astype(int), minlength=4) / len(drawn)
    quarters = np.bincount((grid()[:, 0] > 0.5).astype(int) + 2 * (grid()[:, 1] > 0.5).astype(int), weights=law.masses)
    assert inside == pytest.approx(quarters, abs=0.015)


def test_the_true_kl_is_the_closed_form_of_two_gaussians() -> None:
    spread, apart = 0.05, 0.1
    one, other = Law((Bump(0.45, 0.5, spread, 1.0),)), Law((Bump(0.45 + apart, 0.5, spread, 1.0),))
    assert kl_divergence(one.masses, other.masses) == pytest.approx(apart**2 / (2 * spread**2), rel=1e-3)


def test_the_slope_is_the_gradient_of_the_log_density() -> None:
    law, at, step = LAWS[2], np.random.default_rng(0).uniform(0.1, 0.9, (50, 2)), 1e-5
    for axis in (0, 1):
        move = step * np.eye(2)[axis]
        differences = (np.log(law.density(at + move)) - np.log(law.density(at - move))) / (2 * step)
        assert law.slope(at)[:, axis] == pytest.approx(differences, abs=1e-4)


def test_no_two_points_differ_by_more_than_l_allows(world: World) -> None:
    points = np.random.default_rng(0).random((4_000, 2))
    ratio = np.log(world.wanted.density(points) / world.offered.density(points))
    apart = np.sqrt(((points[:2_000] - points[2_000:]) ** 2).sum(axis=1))
    quotients = np.abs(ratio[:2_000] - ratio[2_000:]) / apart
    assert quotients.max() <= lipschitz(world.wanted, world.offered) * 1.001
    assert quotients.max() > 0.4 * lipschitz(world.wanted, world.offered)


@pytest.mark.parametrize(("bumps", "floor"), [((), 0.0), ((Bump(0.5, 0.5, 0.0, 1.0),), 0.1), ((), -1.0)])
def test_impossible_laws_are_refused(bumps: tuple[Bump, ...], floor: float) -> None:
    with pytest.raises(ParameterError, match="A law needs bumps"):
        Law(bumps, floor)


def test_a_world_depends_on_its_setting_alone() -> None:
    one, again, other = (make_world(Setting(seed=seed, n_pool=500)) for seed in (3, 3, 4))
    assert np.array_equal(one.pool.sources, again.pool.sources)
    assert np.array_equal(one.pool.targets, again.pool.targets)
    assert not np.array_equal(one.pool.sources, other.pool.sources)
    more = make_world(Setting(seed=3, n_pool=500, n_validation=600))
    assert np.array_equal(one.pool.sources, more.pool.sources)  # more validation pairs leave the pool as it is
    with pytest.raises(ParameterError, match="shift"):
        Setting(shift=1.5)


def test_misaligned_targets_belong_to_other_sources() -> None:
    straight, mixed = (make_world(Setting(misaligned=share, n_pool=500)) for share in (0.0, 0.2))
    changed = (straight.pool.targets != mixed.pool.targets).any(axis=1)
    assert mixed.misaligned.sum() == 100
    assert np.array_equal(changed, mixed.misaligned)
    assert sorted(map(tuple, straight.pool.targets)) == sorted(map(tuple, mixed.pool.targets))


def test_the_chain_rule_holds_on_the_grid(world: World, part: Cut) -> None:
    """KL(P || Q) summed over the grid is what the truth says from shares and insides."""
    labels, rng = labels_of(part), np.random.default_rng(0)
    for _ in range(5):
        q = rng.dirichlet(np.ones(9))
        selected = q[labels] * world.offered.masses / part.truth.offered[labels]
        assert selected.sum() == pytest.approx(1.0)
        assert part.truth.kl(q) == pytest.approx(kl_divergence(world.wanted.masses, selected), rel=1e-9)
    assert part.truth.kl(part.truth.offered) == pytest.approx(kl_divergence(world.wanted.masses, world.offered.masses), rel=1e-9)


def test_the_inside_of_a_cell_is_the_kl_of_its_two_parts(world: World, part: Cut) -> None:
    mine = labels_of(part) == 4
    p, r = world.wanted.masses[mine], world.offered.masses[mine]
    assert part.truth.inside[4] == pytest.approx(kl_divergence(p / p.sum(), r / r.sum()), rel=1e-9)
    points = grid()[mine]
    mean = p @ points / p.sum()
    assert part.truth.variances[4] == pytest.approx(p @ ((points - mean) ** 2).sum(axis=1) / p.sum(), rel=1e-6)


def test_the_cells_fill_the_square_and_their_corners_give_the_diameter(part: Cut) -> None:
    areas = []
    for cell, corners in enumerate(part.corners):
        x, y = corners.T
        areas.append(0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
        points = grid()[labels_of(part) == cell]
        farthest = max(np.sqrt(((points - one) ** 2).sum(axis=1)).max() for one in corners)
        assert farthest <= part.truth.diameters[cell] + 1e-6
        assert farthest >= part.truth.diameters[cell] - 3 / SIDE
        assert np.bincount(labels_of(part))[cell] / SIDE**2 == pytest.approx(areas[-1], abs=0.003)
    assert sum(areas) == pytest.approx(1.0)


def test_a_cell_that_gets_nothing_makes_the_truth_infinite(part: Cut) -> None:
    q = part.truth.offered.copy()
    q[2] = 0
    q /= q.sum()
    assert part.truth.kl(q) == np.inf
    assert np.isfinite(part.truth.covered_kl(q))
    assert part.truth.missed(q) == pytest.approx(part.truth.wanted[2])


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
def test_the_bound_is_never_below_the_truth(shift: float) -> None:
    world = make_world(Setting(shift=shift, n_pool=1_000))
    for n_clusters in (1, 2, 4, 8, 16, 32, 64):
        part = cut(world, n_clusters)
        for q in (part.truth.offered, part.truth.wanted, Craft().allocate(part.problem, 300).selected_share):
            bound = part.truth.bound(q)
            assert bound.covered_total >= part.truth.covered_kl(q)
            assert (bound.residual >= part.truth.inside).all()
    assert part.truth.slopes.max() == pytest.approx(part.truth.lipschitz)


def test_the_bound_with_a_small_l_can_be_below_the_truth(part: Cut) -> None:
    """So the test above can fail."""
    low = residual_curves(part.truth, int(part.truth.inside.argmax()), np.array([0.05]))[0]
    assert low.total < part.truth.inside.max()


def test_the_first_shortage_is_what_trying_every_budget_finds() -> None:
    part = cut(make_world(Setting(n_pool=300, n_validation=60)), 5)
    found = first_shortage(part)
    tried = next(n for n in range(1, 400) if Craft().allocate(part.problem, n).starved.any())
    assert found.budget == tried
    assert Craft().allocate(part.problem, tried).starved[found.cell]


def test_marked_cells_are_four_and_in_order(part: Cut) -> None:
    cells = marked_cells(part)
    assert len(set(cells)) == 4
    assert int(part.clustering.validation_counts.argmax()) in cells
    assert (np.diff(part.clustering.centers[list(cells), 0]) >= 0).all()


def test_more_clusters_leave_less_inside_and_cost_more_noise() -> None:
    told: list[float] = []
    world = make_world(Setting(n_validation=100, n_pool=1_000))
    found = trade_off(world, 300, values=(2, 8, 32, 100, 128), progress=lambda share, _: told.append(share))
    assert found.n_clusters.tolist() == [2, 8, 32, 100]  # not more clusters than validation pairs
    assert found.floor == pytest.approx((found.n_clusters - 1) / 200)
    assert (np.diff(found.inside) < 0).all()
    assert (found.bound >= found.truth).all()
    assert found.best == found.n_clusters[found.truth.argmin()]
    whole = found.missed == 0
    assert found.best_whole == found.n_clusters[whole][found.truth[whole].argmin()]
    assert not whole.all()  # with so many cells some sample leaves one with nothing
    assert found.truth[0] >= found.inside[0]
    assert told == sorted(told)
    assert len(told) == 4
    again = trade_off(world, 300, values=(2, 8, 32, 100))
    assert np.array_equal(again.truth, found.truth)


def test_more_validation_pairs_want_more_clusters() -> None:
    few, many = (trade_off(make_world(Setting(n_validation=m, n_pool=2_000)), 500, repeats=8).best for m in (50, 2_000))
    assert few < many


def test_crafts_choice_is_narrower_than_random_and_leaves_misaligned_pairs_out() -> None:
    world = make_world(Setting(n_validation=500, misaligned=0.2))
    found = narrowing(world, cut(world, 8), 400)
    craft, random, herding = found.ways
    assert tuple(way.name for way in found.ways) == WAYS
    assert len({len(way.indices) for way in found.ways}) == 1
    assert all(set(way.indices) <= set(found.members) for way in found.ways)
    assert found.narrowest == "CRAFT"
    assert craft.dispersion < 0.5 < herding.dispersion < random.dispersion
    assert craft.misaligned < random.misaligned
    assert herding.energy < craft.energy
    assert np.array_equal(narrowing(world, cut(world, 8), 400).ways[1].indices, random.indices)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_umap_hides_widths_and_distances(seed: int) -> None:
    wide = doubt("width", seed)
    data, drawn = wide.widths(wide.rows), wide.widths(wide.umap)
    assert data.max() / data.min() == pytest.approx(10, rel=0.1)
    assert drawn.max() / drawn.min() < 2
    far = doubt("distance", seed)
    gaps = far.gaps(far.rows)[np.triu_indices(3, 1)]
    assert gaps.max() / gaps.min() == pytest.approx(10, rel=0.1)
    gaps = far.gaps(far.umap)[np.triu_indices(3, 1)]
    assert gaps.max() / gaps.min() < 4


def test_noise_is_one_group_and_the_odd_one_changes_with_the_seed() -> None:
    noise = doubt("noise", 0)
    assert noise.n_groups == 1
    assert noise.umap.shape == noise.pca.shape == (len(noise.rows), 2)
    assert {int(doubt("width", seed).widths(doubt("width", seed).rows).argmax()) for seed in range(6)} == {0, 1}
    with pytest.raises(ParameterError, match="no example 'size'"):
        doubt("size", 0)
