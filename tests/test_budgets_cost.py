import pytest

from craft_core.budgets import Cost, Price, cost
from craft_core.errors import ParameterError
from craft_core.params import parameters


def test_the_cost_by_hand() -> None:
    price = Price(price_per_million_tokens=4.0, seconds_per_step=0.5, batch_size=32, n_epochs=2, tokens_per_word=1.5)
    # 1,000,000 words make 1.5 million tokens an epoch; 100 pairs are 3 whole steps and a smaller one
    assert cost(100, 1_000_000, price) == Cost(tokens=3_000_000.0, money=12.0, steps=8, seconds=4.0)


def test_whole_steps_have_no_rest() -> None:
    assert cost(64, 0, Price(batch_size=32, n_epochs=1)).steps == 2
    assert cost(65, 0, Price(batch_size=32, n_epochs=1)).steps == 3


def test_without_prices_nothing_is_said() -> None:
    found = cost(10, 100, Price())
    assert found.money is None
    assert found.seconds is None
    assert found.tokens == pytest.approx(450)
    assert found.steps == 3


def test_nothing_costs_nothing() -> None:
    assert cost(0, 0, Price(price_per_million_tokens=1.0, seconds_per_step=1.0)) == Cost(0.0, 0.0, 0, 0.0)


def test_prices_are_checked() -> None:
    with pytest.raises(ParameterError, match="'batch_size' parameter of price must lie in"):
        Price(batch_size=0)
    assert [one.name for one in parameters(Price)] == [
        "price_per_million_tokens",
        "seconds_per_step",
        "batch_size",
        "n_epochs",
        "tokens_per_word",
    ]
