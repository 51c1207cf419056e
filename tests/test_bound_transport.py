import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from craft_core.bound import Transport, exact_w1, total_variation, transport, transport_bound
from craft_core.errors import DataError


def random_set(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Draw two small sets of unequal sizes whose labels come from centers, so that cells may be empty; some rows have no cluster."""
    m, n, dimensions, n_clusters = (int(rng.integers(low, high)) for low, high in ((1, 40), (1, 60), (1, 8), (1, 9)))
    centers = rng.normal(size=(n_clusters, dimensions))
    sides = []
    for size in (m, n):
        rows = (rng.normal(size=(size, dimensions)) * rng.uniform(0.2, 2) + rng.normal(size=dimensions) * rng.uniform(0, 2)).astype(
            np.float32
        )
        labels = cdist(rows, centers).argmin(axis=1).astype(np.int32)
        labels[rng.random(size) < 0.1] = -1
        labels[0] = max(labels[0], 0)
        sides += [rows, labels]
    return sides[0], sides[1], sides[2], sides[3], n_clusters


def random_sets(count: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]]:
    rng = np.random.default_rng(0)
    return [random_set(rng) for _ in range(count)]


def w1(validation: np.ndarray, validation_labels: np.ndarray, selected: np.ndarray, selected_labels: np.ndarray, _: int) -> float:
    value = exact_w1(validation[validation_labels >= 0], selected[selected_labels >= 0])
    assert value is not None
    return value


def test_never_below_w1_and_not_far_above() -> None:
    ratios = np.array([transport_bound(*one).total / w1(*one) for one in random_sets(200)])
    assert (ratios >= 1 - 1e-9).all()
    assert np.median(ratios) < 4


def test_the_cross_distance_alone_and_the_means_alone_are_bounds_too() -> None:
    for one in random_sets(150):
        found, true = transport_bound(*one), w1(*one)
        for width in (found.cross, found.means):
            assert (found.shared * width).sum() + found.between >= true * (1 - 1e-9)


def test_bounds_hold_where_cells_are_too_large_for_exact_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = [transport_bound(*one) for one in random_sets(100)]
    monkeypatch.setattr(transport, "EXACT_POINTS", 4)
    for one, found in zip(random_sets(100), exact, strict=True):
        bounded = transport_bound(*one)
        assert (bounded.cross >= found.cross * (1 - 1e-12)).all()
        assert bounded.diameter >= found.diameter * (1 - 1e-12)
        assert bounded.total >= w1(*one) * (1 - 1e-9)
    assert any((transport_bound(*one).cross > found.cross).any() for one, found in zip(random_sets(100), exact, strict=True))


def test_every_term_against_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BLOCK_ROWS", 3)
    for validation, validation_labels, selected, selected_labels, n_clusters in random_sets(100):
        found = transport_bound(validation, validation_labels, selected, selected_labels, n_clusters)
        own, theirs = validation[validation_labels >= 0].astype(float), selected[selected_labels >= 0].astype(float)
        p = np.array([(validation_labels == c).sum() / len(own) for c in range(n_clusters)])
        q = np.array([(selected_labels == c).sum() / len(theirs) for c in range(n_clusters)])
        assert found.shared == pytest.approx(np.minimum(p, q))
        assert found.total_variation == pytest.approx(total_variation(p, q))
        assert found.shared.sum() + found.total_variation == pytest.approx(1)
        assert found.diameter == pytest.approx(pdist(np.concatenate([own, theirs])).max(), rel=1e-12)
        for c in range(n_clusters):
            one, other = validation[validation_labels == c].astype(float), selected[selected_labels == c].astype(float)
            if not len(one) or not len(other):
                assert found.cross[c] == found.means[c] == found.within[c] == 0
                continue
            center = np.concatenate([one, other]).mean(axis=0)
            means = np.linalg.norm(one - center, axis=1).mean() + np.linalg.norm(other - center, axis=1).mean()
            assert found.cross[c] == pytest.approx(cdist(one, other).max(), rel=1e-12)
            assert found.means[c] == pytest.approx(means, rel=1e-12)
            assert found.within[c] == pytest.approx(found.shared[c] * min(found.cross[c], means))


def test_by_hand() -> None:
    """Cell 0 holds 0 and 1 against 0 and 2; cell 1 holds 10 against nothing, cell 2 nothing against 20."""
    validation, selected = np.array([[0], [1], [10]], np.float32), np.array([[0], [2], [20], [7]], np.float32)
    found = transport_bound(validation, np.array([0, 0, 1], np.int32), selected, np.array([0, 0, 2, -1], np.int32), 3)
    assert found.shared == pytest.approx([2 / 3, 0, 0])
    assert found.cross.tolist() == [2, 0, 0]
    # around the mean 0.75: (0.75 + 0.25) / 2 + (0.75 + 1.25) / 2
    assert found.means.tolist() == [1.5, 0, 0]
    assert found.between == pytest.approx(20 / 3)
    assert found.total == pytest.approx(1 + 20 / 3)
    assert exact_w1(validation, selected[:3]) == pytest.approx(11 / 3)


def test_equal_single_points_are_no_distance_apart() -> None:
    row, label = np.ones((1, 2), np.float32), np.zeros(1, np.int32)
    found = transport_bound(row, label, row, label, 1)
    assert isinstance(found, Transport)
    assert found.total == 0
    assert exact_w1(row, row) == 0


def test_w1_is_a_mean_over_unequal_sizes_and_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(30, 1)).astype(np.float32), rng.normal(size=(45, 1)).astype(np.float32)
    # on a line W1 is the area between the distribution functions
    grid = np.sort(np.concatenate([one, other])[:, 0]).astype(float)
    functions = [np.searchsorted(np.sort(rows[:, 0]), grid[:-1], side="right") / len(rows) for rows in (one, other)]
    assert exact_w1(one, other) == pytest.approx(float((np.abs(functions[0] - functions[1]) * np.diff(grid)).sum()))
    monkeypatch.setattr(transport, "W1_LIMIT", 45)
    assert exact_w1(one, other) is not None
    monkeypatch.setattr(transport, "W1_LIMIT", 44)
    assert exact_w1(one, other) is None


def test_a_side_without_a_row_is_refused() -> None:
    row, label = np.ones((1, 2), np.float32), np.zeros(1, np.int32)
    with pytest.raises(DataError, match="at least 1 selected pair in a cluster"):
        transport_bound(row, label, row, label - 1, 1)
    with pytest.raises(DataError, match="at least 1 validation pair in a cluster"):
        transport_bound(row[:0], label[:0], row, label, 1)
    with pytest.raises(DataError, match="Got 1 and 0"):
        exact_w1(row, row[:0])
