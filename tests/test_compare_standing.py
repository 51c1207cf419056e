import math

import numpy as np
import pytest

from craft_core.compare import MEASURES, Comparison, Plan, Trial, find_measure, overlaps, standing
from craft_core.selectors import Craft, Herding, Random

LOW, HIGH, NEITHER = find_measure("energy"), find_measure("ridge_rank"), find_measure("dispersion")


def made(values: dict[str, list[float]], chosen: dict[str, list[int]] | None = None) -> Comparison:
    selectors = {"craft": Craft(), "herding": Herding(), "random": Random()}
    empty = {one.name: float("nan") for one in MEASURES}
    trials = [
        Trial(
            name,
            5,
            seed,
            np.array((chosen or {}).get(name, []), dtype=np.int64),
            empty | dict.fromkeys(("energy", "ridge_rank", "dispersion"), value),
        )
        for name, found in values.items()
        for seed, value in enumerate(found)
    ]
    return Comparison(Plan(tuple(selectors[name] for name in values), (5,), (0, 1, 2)), tuple(trials), "the test set")


def test_means_and_spreads() -> None:
    cells = standing(made({"craft": [1.0, 2.0, 3.0], "random": [4.0]}), LOW, 5)
    assert (cells["craft"].mean, cells["craft"].spread, cells["craft"].n_seeds) == (2.0, 1.0, 3)
    assert (cells["random"].mean, cells["random"].spread, cells["random"].n_seeds) == (4.0, 0.0, 1)


def test_the_best_is_marked_the_right_way_round() -> None:
    found = made({"craft": [1.0], "random": [2.0]})
    assert [cell.is_best for cell in standing(found, LOW, 5).values()] == [True, False]
    assert [cell.is_best for cell in standing(found, HIGH, 5).values()] == [False, True]
    assert not any(cell.is_best or cell.is_tied for cell in standing(found, NEITHER, 5).values())


def test_a_tie_is_a_difference_below_twice_its_standard_error() -> None:
    # spread 1, three seeds each: the error of the difference is sqrt(1/3 + 1/3) = 0.816
    near, far = (made({"craft": [0.0, 1.0, 2.0], "random": [0.0 + by, 1.0 + by, 2.0 + by]}) for by in (1.6, 1.7))
    assert standing(near, LOW, 5)["random"].is_tied
    assert not standing(far, LOW, 5)["random"].is_tied
    assert not standing(near, LOW, 5)["craft"].is_tied  # the best is best, not tied


def test_with_one_seed_only_equal_numbers_tie() -> None:
    cells = standing(made({"craft": [1.0], "herding": [1.0], "random": [1.001]}), LOW, 5)
    assert [(cell.is_best, cell.is_tied) for cell in cells.values()] == [(True, False), (False, True), (False, False)]


def test_what_was_not_measured_is_neither_best_nor_tied() -> None:
    cells = standing(made({"craft": [float("nan")], "random": [2.0]}), LOW, 5)
    assert math.isnan(cells["craft"].mean)
    assert cells["craft"].n_seeds == 0
    assert not cells["craft"].is_tied
    assert cells["random"].is_best
    assert not standing(made({"craft": [float("nan")]}), LOW, 5)["craft"].is_best


def test_overlaps_by_hand() -> None:
    found = made({"craft": [0.0], "herding": [0.0], "random": [0.0]}, {"craft": [1, 2, 3], "herding": [3, 4, 5, 1], "random": [9]})
    assert overlaps(found, 5) == pytest.approx(np.array([[1, 2 / 5, 0], [2 / 5, 1, 0], [0, 0, 1]]))
