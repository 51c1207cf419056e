"""The UMAP loop: it keeps neighbours together, repeats itself, places rows one by one, and stops when told."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from craft_core.project import umap_layout
from craft_core.umap_layout import Umap, _Cells, _gathered, _memberships, _neighbours

GROUPS = np.repeat(np.arange(4), 50)


class Cancelled(BaseException):
    """What a page raises to stop its script."""


def grouped_rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (8.0 * np.eye(4, 6)[GROUPS] + rng.standard_normal((len(GROUPS), 6))).astype(np.float32)


@pytest.fixture(scope="module")
def layout() -> Umap:
    fitted = umap_layout(grouped_rows(), seed=3, n_epochs=60)
    assert isinstance(fitted, Umap)
    return fitted


def nearest_group(xy: np.ndarray, layout: Umap) -> np.ndarray:
    middles = np.stack([layout.xy[group == GROUPS].mean(axis=0) for group in range(4)])
    return ((xy[:, None] - middles) ** 2).sum(axis=2).argmin(axis=1)


def test_groups_stay_together(layout: Umap):
    assert (nearest_group(layout.xy, layout) == GROUPS).mean() > 0.99


def test_new_rows_lie_with_their_group(layout: Umap):
    new = grouped_rows() + np.float32(0.1)
    assert (nearest_group(layout.place(new), layout) == GROUPS).mean() > 0.99


def test_as_good_as_umap_learn(layout: Umap):
    """Neighbours on the map that are neighbours in truth: as many as with umap-learn's own loop, but for a little chance."""
    from sklearn.manifold import trustworthiness
    from umap import UMAP

    data = grouped_rows()
    with pytest.warns(UserWarning, match="n_jobs value"):
        theirs = UMAP(n_neighbors=15, n_epochs=60, init="pca", random_state=3).fit_transform(data)
    assert trustworthiness(data, layout.xy) > trustworthiness(data, theirs) - 0.03


def test_a_seed_gives_one_layout(layout: Umap):
    again = umap_layout(grouped_rows(), seed=3, n_epochs=60)
    other = umap_layout(grouped_rows(), seed=4, n_epochs=60)
    assert isinstance(again, Umap)
    assert isinstance(other, Umap)
    assert np.array_equal(again.xy, layout.xy)
    assert not np.array_equal(other.xy, layout.xy)


def test_where_a_row_lies_does_not_depend_on_its_company(layout: Umap, monkeypatch: pytest.MonkeyPatch):
    new = grouped_rows()[::3] + np.float32(0.2)
    together = layout.place(new)
    monkeypatch.setattr("craft_core.umap_layout._BLOCK_ROWS", 7)
    assert np.array_equal(layout.place(new), together)
    assert np.array_equal(layout.place(new[5:6]), together[5:6])


def test_progress_rises_to_the_end(layout: Umap):
    shares: list[float] = []
    umap_layout(grouped_rows(), seed=0, n_epochs=10, progress=lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert 0.9 < shares[-1] <= 1.0
    assert len(shares) > 10


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5])
def test_raising_from_progress_stops_and_leaves_nothing_locked(layout: Umap, at: float):
    reached: list[float] = []

    def stop(share: float, text: str) -> None:
        reached.append(share)
        if share >= at:
            raise Cancelled

    def work() -> None:
        with pytest.raises(Cancelled):
            umap_layout(grouped_rows(), seed=0, n_epochs=200, progress=stop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert reached[-1] < at + 0.05
    assert isinstance(umap_layout(grouped_rows(), seed=0, n_epochs=2), Umap)  # from another thread than the one that was stopped


def test_a_row_is_its_own_first_neighbour_even_among_equals():
    rows = np.zeros((30, 2), dtype=np.float32)
    rows[20:] = 1.0
    nearest, distances = _neighbours(rows, 5, lambda share, text: None)
    assert nearest[:, 0].tolist() == list(range(30))
    assert all(len(set(one)) == 5 for one in nearest.tolist())
    assert not distances.any()


def test_a_row_between_two_groups_lies_in_the_one_with_more_of_its_neighbours():
    left, right = np.array([[0.0, 0.0], [0.2, 0.0], [0.0, 0.2]]), np.array([[9.0, 0.0], [9.2, 0.0]])
    places = np.concatenate([left, right])[None].astype(np.float32)
    (x, y), (heavy_x, _) = (_gathered(places, np.array([weights], np.float32), (1.6, 0.9))[0] for weights in ([1] * 5, [1, 1, 1, 9, 9]))
    assert 0.0 < x < 0.3
    assert 0.0 < y < 0.2
    assert 8.9 < heavy_x < 9.3


def test_neighbours_weigh_log2_of_their_number_in_all():
    distances = np.sort(
        np.random.default_rng(0).random((50, 15)).astype(np.float32) * np.logspace(-4, 3, 50, dtype=np.float32)[:, None], axis=1
    )
    weights = _memberships(distances)
    assert np.allclose(weights.sum(axis=1), np.log2(15), atol=0.01)
    assert (np.diff(weights, axis=1) <= 0).all()
    equal = _memberships(np.array([[0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 2, np.inf, np.inf, np.inf, np.inf, np.inf]], np.float32))
    assert equal[0].tolist() == [1] * 7 + [0]  # seven on one spot outweigh the rest
    assert np.isfinite(equal).all()
    assert not equal[1, 3:].any()


def test_cells_find_nearly_all_true_neighbours():
    rng = np.random.default_rng(0)
    rows = (6.0 * rng.standard_normal((60, 16))[rng.integers(60, size=3_000)] + rng.standard_normal((3_000, 16))).astype(np.float32)
    asked = rows[:200] + np.float32(0.05)
    nearest, distances = _Cells(rows).search(asked, 10)
    apart = np.linalg.norm(asked[:, None] - rows, axis=2)
    true = apart.argsort(axis=1)[:, :10]
    assert np.mean([len(set(one) & set(other)) for one, other in zip(nearest, true, strict=True)]) > 9.0
    assert np.allclose(distances, np.take_along_axis(apart, nearest, axis=1), atol=1e-3)
    one_by_one = [_Cells(rows).search(asked[i : i + 1], 10)[0][0] for i in (0, 77)]
    assert np.array_equal(one_by_one, nearest[[0, 77]])  # also from cells that are made anew


def test_a_few_rows_are_all_compared():
    rows = grouped_rows()
    nearest, _ = _Cells(rows).search(rows, 3)
    assert np.array_equal(nearest[:, 0], np.arange(len(rows)))


def test_cells_with_too_few_rows_say_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("craft_core.umap_layout._FEW_ROWS", 10)
    monkeypatch.setattr("craft_core.umap_layout._PROBES", 1)
    rows = np.repeat(100.0 * np.eye(20, dtype=np.float32), 2, axis=0)
    nearest, distances = _Cells(rows).search(rows[:4], 30)
    assert (nearest >= 0).all()
    assert np.isinf(distances[:, -1]).all()
    assert np.isfinite(distances[:, 0]).all()
