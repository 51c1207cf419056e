import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.budgets import knee

BUDGETS = np.array([10, 100, 1_000, 10_000, 100_000])  # 0, 1/4, 1/2, 3/4 and 1 of the logarithmic axis


def test_the_knee_by_hand() -> None:
    # the line from 8 to 0 is 6, 4, 2 between the ends; the gaps are 1, 3, 1
    assert knee(BUDGETS, np.array([8.0, 5, 1, 1, 0]), "lower") == 1_000
    # the line from 0 to 4 is 1, 2, 3; the gaps are 2, 1.5, 0.5
    assert knee(BUDGETS, np.array([0.0, 3, 3.5, 3.5, 4]), "higher") == 100


def test_the_example_of_the_paper() -> None:
    # figure 2 of Satopää et al. 2011: y = 5 - 1 / (x + 0.1) on 10 points of [0, 1] has its knee at the third, 0.22
    x = np.linspace(0, 1, 10)
    budgets = np.round(10 ** (3 + 6 * x)).astype(np.int64)
    assert knee(budgets, 5 - 1 / (x + 0.1), "higher") == budgets[2]


def test_a_curve_on_the_worse_side_of_its_line_has_no_knee() -> None:
    bulge = np.array([8.0, 7.9, 7, 5, 0])
    assert knee(BUDGETS, bulge, "lower") is None
    assert knee(BUDGETS, 8 - bulge, "higher") is None


def test_a_curve_that_ends_no_better_than_it_begins_has_no_knee() -> None:
    rising = np.array([0.1, 0.1, 0.15, 1.0, 3.0])
    assert knee(BUDGETS, rising, "lower") is None
    assert knee(BUDGETS, -rising, "higher") is None
    assert knee(BUDGETS, np.array([1.0, 0.2, 0.1, 0.3, 1.0]), "lower") is None  # there and back: it has a minimum, no knee


def test_what_cannot_be_measured_is_left_out() -> None:
    values = np.array([np.inf, 8.0, 2.0, np.nan, 0.0])
    assert knee(BUDGETS, values, "lower") == 1_000
    assert knee(BUDGETS, np.array([np.inf, 8.0, np.nan, np.nan, 0.0]), "lower") is None


@pytest.mark.parametrize("values", [[1.0, 1, 1, 1, 1], [2.0, 1, 0, 1, 2], [0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.4, 0.3, 0.2, 0.1]])
@pytest.mark.parametrize("better", ["lower", "higher"])
def test_flat_curves_and_straight_lines_have_none(values: list[float], better: str) -> None:
    assert knee(BUDGETS, np.array(values), better) is None


def test_no_better_side_no_knee() -> None:
    assert knee(BUDGETS, np.array([8.0, 5, 1, 1, 0]), "") is None
    assert knee(np.zeros(0, np.int64), np.zeros(0), "lower") is None


@given(st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=5, max_size=5), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_units_do_not_move_the_knee(values: list[float], scale: float, shift: float) -> None:
    curve = np.round(np.array(values), 2)
    if abs(curve[-1] - curve[0]) < 0.1:
        return  # the gaps are then divided by next to nothing
    curve = curve if curve[-1] < curve[0] else curve[::-1]
    one, other = knee(BUDGETS, curve, "lower"), knee(BUDGETS, scale * curve + shift, "lower")
    mirrored = knee(BUDGETS, -curve, "higher")
    assert one == mirrored
    if one != other:  # two gaps so near each other that rounding decides
        line = curve[0] + (curve[-1] - curve[0]) * np.arange(5) / 4
        gaps = (line - curve)[1:-1] / abs(curve[-1] - curve[0])
        top = np.sort(np.append(gaps, 0.0))[-2:]
        assert top[1] - top[0] < 1e-5
