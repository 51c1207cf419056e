import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness as reference

from craft_core.errors import DataError, ParameterError
from craft_core.explore import trust
from craft_core.explore.trust import continuity, trustworthiness


def drawn(n: int, noise: float, seed: int, d: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d))
    return rows, rows[:, :2] + noise * rng.normal(size=(n, 2))


@given(
    n=st.integers(5, 120), k=st.integers(1, 20), noise=st.floats(0, 3), seed=st.integers(0, 2**16), block=st.sampled_from([1, 300, 2**22])
)
def test_the_mean_is_that_of_the_reference(n: int, k: int, noise: float, seed: int, block: int) -> None:
    rows, xy = drawn(n, noise, seed)
    k = min(k, (n - 1) // 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trust, "_BLOCK_NUMBERS", block)
        found, kept = trustworthiness(rows, xy, k), continuity(rows, xy, k)
    assert found.shape == kept.shape == (n,)
    assert found.mean() == pytest.approx(reference(rows, xy, n_neighbors=k), abs=1e-12)
    assert kept.mean() == pytest.approx(reference(xy, rows, n_neighbors=k), abs=1e-12)
    for values in (found, kept):
        assert ((values >= -1e-12) & (values <= 1)).all()


def test_float32_rows_give_the_same_but_for_near_ties() -> None:
    rows, xy = drawn(400, 0.5, 3, d=64)
    rows, xy = rows.astype(np.float32), xy.astype(np.float32)
    assert trustworthiness(rows, xy).mean() == pytest.approx(reference(rows, xy, n_neighbors=15), abs=1e-6)
    far = xy + np.float32(300)  # where float32 products would drown the small distances of a map
    assert continuity(rows, far).mean() == pytest.approx(reference(far.astype(np.float64), rows, n_neighbors=15), abs=1e-6)


def test_one_point_by_hand() -> None:
    # on a line the five stand as 0 1 2 3 4; the map moves the last beside the first: its nearest is 0, which is its 4th, 3 too far of 3
    rows = np.array([[0.0], [1.0], [2.1], [3.3], [4.6]])
    xy = np.array([[0.0, 0], [1, 0], [2.1, 0], [3.3, 0], [-0.9, 0]])
    found = trustworthiness(rows, xy, k=1)
    # 0: its nearest on the map is the last, its 4th of 4; 1 to 3 keep 0, 1, 2
    assert found.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    # the nearest of the last is 3, on the map its 4th; that of 0 is 1, on the map its 2nd
    np.testing.assert_allclose(continuity(rows, xy, k=1), [1 - 1 / 3, 1, 1, 1, 0])


@given(seed=st.integers(0, 2**16), n=st.integers(0, 60), k=st.integers(1, 30))
@settings(max_examples=30)
def test_a_true_map_is_trusted_everywhere_however_few_points_there_are(seed: int, n: int, k: int) -> None:
    xy = np.random.default_rng(seed).normal(size=(n, 2))
    for values in (trustworthiness(xy, 3 * xy, k), continuity(xy, 3 * xy, k)):
        assert values.tolist() == [1.0] * n
        assert not values.flags.writeable


def test_few_points_are_judged_by_fewer_neighbours() -> None:
    rows, xy = drawn(9, 2.0, 0)
    np.testing.assert_array_equal(trustworthiness(rows, xy, 15), trustworthiness(rows, xy, 4))
    assert (trustworthiness(rows, xy, 4) < 1).any()


def test_points_on_top_of_each_other() -> None:
    rows = np.repeat(np.eye(3), 10, axis=0)
    assert trustworthiness(rows, rows[:, :2], k=5).tolist() == [1.0] * 30
    assert continuity(rows, rows[:, :2], k=5).tolist() == [1.0] * 30
    near = trust._nearest(rows, 5, lambda share, text: None)
    assert all(own not in one for own, one in enumerate(near.tolist()))


def test_progress_is_told_and_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_BLOCK_NUMBERS", 1_000)
    for judge in (trustworthiness, continuity):
        told: list[float] = []
        judge(*drawn(100, 0.1, 0), 5, lambda share, text, told=told: told.append(share))
        assert told == sorted(told)
        assert len(told) >= 20
        assert 0 <= told[0] < told[-1] <= 1


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(DataError, match="There are 3 vectors but 4 points on the map"):
        trustworthiness(np.zeros((3, 2)), np.zeros((4, 2)))
    with pytest.raises(ParameterError, match="at least 1. Got 0"):
        trustworthiness(np.zeros((3, 2)), np.zeros((3, 2)), k=0)
