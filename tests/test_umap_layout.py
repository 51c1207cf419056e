"""The UMAP loop: it keeps neighbours together, repeats itself, places rows one by one, and stops when told."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from craft_core.project import umap_layout
from craft_core.umap_layout import Umap, _neighbours

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
