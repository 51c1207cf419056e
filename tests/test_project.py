"""Coordinates: PCA against numpy's own decomposition, what is drawn, and that a drawn pair keeps its place."""

from __future__ import annotations

import numpy as np
import pytest

from craft_core.errors import DataError, ParameterError
from craft_core.project import Pca, Projection, Umap, fit_pca, place_all, project, sample_rows, umap_layout


def rows(n: int, dimensions: int = 4, seed: int = 0) -> np.ndarray:
    spread = np.arange(dimensions, 0, -1)
    return (np.random.default_rng(seed).standard_normal((n, dimensions)) * spread + 3.0).astype(np.float32)


def test_pca_is_the_singular_value_decomposition_of_centred_rows():
    data = rows(50)
    layout = fit_pca(data)
    u, s, vt = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)
    assert np.allclose(np.abs(layout.directions @ vt[:2].T), np.eye(2), atol=1e-4)
    assert np.allclose(np.abs(layout.place(data)), np.abs(u[:, :2] * s[:2]), atol=1e-3)
    assert np.allclose(layout.explained, (s**2 / (s**2).sum())[:2], atol=1e-5)


def test_the_largest_entry_of_a_direction_is_positive():
    for sign in (1, -1):
        layout = fit_pca(sign * rows(30))
        largest = np.abs(layout.directions).argmax(axis=1)
        assert (layout.directions[[0, 1], largest] > 0).all()


@pytest.mark.parametrize(
    "data", [rows(1), rows(2), np.ones((5, 3), np.float32), rows(6, dimensions=1)], ids=["one", "two", "equal", "flat"]
)
def test_pca_of_next_to_nothing(data: np.ndarray):
    layout = fit_pca(data)
    assert layout.place(data).shape == (len(data), 2)
    assert np.isfinite(layout.place(data)).all()
    assert layout.explained.sum() <= 1.0 + 1e-6


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="no pairs to draw"):
        fit_pca(np.zeros((0, 3), np.float32))
    with pytest.raises(DataError, match="no pairs to draw"):
        project("pca", rows(3), rows(0), np.zeros(0, np.int64), seed=0)


def test_sample_rows_leaves_out_pairs_in_no_cluster():
    labels = np.array([0, -1, 2, 1, -1, 0], dtype=np.int32)
    assert sample_rows(labels, 10, seed=0).tolist() == [0, 2, 3, 5]
    drawn = sample_rows(labels, 2, seed=1)
    assert len(drawn) == 2
    assert set(drawn) < {0, 2, 3, 5}
    assert drawn[0] < drawn[1]
    assert drawn.tolist() == sample_rows(labels, 2, seed=1).tolist()


def test_a_projection_holds_what_is_drawn_and_locates_the_rest():
    pool, validation = rows(40), rows(7, seed=1)
    drawn = np.array([3, 5, 20], dtype=np.int64)
    result = project("pca", pool, validation, drawn, seed=0)
    assert result.pool_xy.shape == (3, 2)
    assert result.validation_xy.shape == (7, 2)
    found = result.locate(pool, np.array([20, 4, 39, 3]))
    assert np.array_equal(found[[0, 3]], result.pool_xy[[2, 0]])
    assert np.allclose(found[[1, 2]], result.layout.place(pool[[4, 39]]))
    assert result.locate(pool, np.zeros(0, np.int64)).shape == (0, 2)
    assert not result.pool_xy.flags.writeable


def test_locating_where_no_pool_row_is_drawn():
    result = project("pca", rows(4), rows(5, seed=1), np.zeros(0, np.int64), seed=0)
    assert result.locate(rows(4), np.array([1, 3])).shape == (2, 2)


def test_rows_beyond_the_limit_are_placed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("craft_core.project.projections.DRAW_LIMIT", 20)
    result = project("umap", rows(30), rows(10, seed=1), np.arange(30), seed=0)
    assert isinstance(result.layout, Umap)
    assert len(result.layout.rows) == 20
    assert np.isfinite(result.pool_xy).all()
    assert np.isfinite(result.validation_xy).all()


def test_unknown_method():
    with pytest.raises(ParameterError, match="no map method 'tsne'. There are: pca, umap"):
        project("tsne", rows(3), rows(3), np.arange(3), seed=0)


@pytest.mark.parametrize("n", [1, 4])
def test_umap_of_fewer_than_five_rows_is_their_pca(n: int):
    assert isinstance(umap_layout(rows(n), seed=0), Pca)


def test_umap_of_equal_rows_is_their_pca():
    assert isinstance(umap_layout(np.ones((20, 3), np.float32), seed=0), Pca)


@pytest.mark.parametrize("n", [5, 9])
def test_umap_of_fewer_rows_than_neighbours(n: int):
    layout = umap_layout(rows(n), seed=0, n_epochs=5)
    assert isinstance(layout, Umap)
    assert layout.n_neighbors == n - 1
    assert np.isfinite(layout.place(rows(3, seed=2))).all()


@pytest.fixture(scope="module")
def maps() -> dict[str, Projection]:
    drawn = np.arange(0, 300, 5)
    return {method: project(method, rows(300, 6), rows(20, 6, seed=1), drawn, seed=0) for method in ("pca", "umap")}


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_every_pair_has_the_place_it_is_drawn_at(maps: dict[str, Projection], method: str, monkeypatch: pytest.MonkeyPatch):
    found = maps[method]
    pool = rows(300, 6)
    pool[7] = 0.0  # a pair without any known term is in no cluster, and still on the map
    everywhere = place_all(found, pool)
    assert everywhere.shape == (300, 2)
    assert np.isfinite(everywhere).all()
    assert np.array_equal(everywhere[found.pool_positions], found.pool_xy)
    asked = np.array([299, 7, 10, 44, 44])
    assert np.array_equal(found.locate(pool, asked), everywhere[asked])
    for one in range(0, 300, 7):
        assert np.array_equal(found.locate(pool, np.array([one])), everywhere[[one]])
    monkeypatch.setattr("craft_core.project.projections._CHUNK", 64)
    monkeypatch.setattr("craft_core.umap_layout._BLOCK_ROWS", 17)
    assert np.array_equal(place_all(found, pool), everywhere)


def test_placing_tells_how_far_it_is_and_stops(maps: dict[str, Projection], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("craft_core.project.projections._CHUNK", 64)
    monkeypatch.setattr("craft_core.umap_layout._BLOCK_ROWS", 16)
    shares: list[float] = []
    place_all(maps["umap"], rows(300, 6), lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1.0
    assert len(shares) > 15

    def stop(share: float, text: str) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place_all(maps["umap"], rows(300, 6), stop)


def test_the_seed_of_the_layout_leaves_the_fitted_rows_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("craft_core.project.projections.DRAW_LIMIT", 30)
    one, other, new = (project("umap", rows(40), rows(5, seed=1), np.arange(40), *seeds) for seeds in SEEDS)
    assert np.array_equal(one.layout.rows, other.layout.rows)
    assert not np.array_equal(one.pool_xy, other.pool_xy)
    assert not np.array_equal(one.layout.rows, new.layout.rows)


SEEDS = ((0,), (0, lambda share, text: None, 1), (1,))
