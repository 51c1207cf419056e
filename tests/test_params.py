from dataclasses import dataclass
from typing import ClassVar

import pytest

from craft_core.errors import ParameterError
from craft_core.params import build, check, param, parameters, record


@dataclass(frozen=True)
class Example:
    name: ClassVar[str] = "example"
    alpha: float = param(0.5, low=0, high=1, help="A share.")
    size: int | None = param(None, low=1, help="A size; none for all.")
    kind: str = param("round", choices=("round", "square"), help="A shape.")
    loud: bool = param(False, help="A switch.")

    def __post_init__(self) -> None:
        check(self)


def test_parameters_are_described_once_in_order() -> None:
    alpha, size, kind, loud = parameters(Example)
    assert (alpha.name, alpha.kind, alpha.default, alpha.low, alpha.high) == ("alpha", float, 0.5, 0, 1)
    assert (size.kind, size.optional, size.default, size.low, size.high) == (int, True, None, 1, None)
    assert kind.choices == ("round", "square")
    assert loud.kind is bool
    assert not loud.optional


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"alpha": 3}, r"The 'alpha' parameter of example must lie in \[0, 1\]\. Got 3\."),
        ({"alpha": float("nan")}, "must lie in"),
        ({"alpha": "much"}, "must be a number. Got 'much'"),
        ({"alpha": True}, "must be a number"),
        ({"size": 0}, "must be at least 1. Got 0"),
        ({"size": 1.5}, "must be a whole number"),
        ({"size": True}, "must be a whole number"),
        ({"kind": "oval"}, "must be one of round, square. Got 'oval'"),
        ({"loud": 1}, "must be true or false"),
        ({"alpha": None}, "must be given"),
    ],
)
def test_a_bad_value_gets_a_sentence(values: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Example(**values)


def test_build_is_the_opposite_of_record() -> None:
    one = Example(alpha=0.25, size=3, kind="square", loud=True)
    assert build(Example, record(one), "example") == one
    assert record(Example()) == {"alpha": 0.5, "kind": "round", "loud": False}


def test_build_widens_whole_numbers_for_float_parameters() -> None:
    made = build(Example, {"alpha": 1}, "example")
    assert isinstance(made.alpha, float)
    assert repr(made) == repr(Example(alpha=1.0))


def test_build_refuses_an_unknown_name_with_those_known() -> None:
    with pytest.raises(ParameterError, match="example has no parameter 'beta'. It has: alpha, size, kind, loud"):
        build(Example, {"beta": 1}, "example")
