"""What fine-tuning on a selection costs in the user's terms, against the whole pool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from craft_core.params import check, param

__all__ = ["Cost", "Price", "cost"]


@dataclass(frozen=True)
class Price:
    """Say what training costs. A price of 0 means that it is not known and no cost is shown."""

    name: ClassVar[str] = "price"

    price_per_million_tokens: float = param(
        0.0, low=0.0, high=1e6, help="Price of a million training tokens, in your currency; 0 if not known."
    )
    seconds_per_step: float = param(0.0, low=0.0, high=1e6, help="Seconds one training step takes; 0 if not known.")
    batch_size: int = param(32, low=1, high=1_000_000, help="Pairs in one training step.")
    n_epochs: int = param(3, low=1, high=10_000, help="How often training passes over the chosen pairs.")
    tokens_per_word: float = param(
        1.5,
        low=0.1,
        high=100.0,
        help="Tokens the model's tokenizer makes of one word, on average; it depends on the tokenizer and the language, so count a few of "
        "your sentences.",
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Cost:
    """Hold the cost of training on some pairs.

    Attributes
    ----------
    tokens : float
        Model tokens over all epochs.
    money : float or None
        In the user's currency; None where no price is known.
    steps : int
        Training steps over all epochs.
    seconds : float or None
        Of training; None where the time of a step is not known.
    """

    tokens: float
    money: float | None
    steps: int
    seconds: float | None


def cost(n_pairs: int, n_words: int, price: Price) -> Cost:
    """Return what training on some pairs costs.

    Parameters
    ----------
    n_pairs : int
        Pairs trained on in each epoch; an epoch's last step may be smaller than the others.
    n_words : int
        Words of both sides of these pairs together.
    price : Price
        Prices and habits of training.
    """
    tokens = n_words * price.tokens_per_word * price.n_epochs
    steps = math.ceil(n_pairs / price.batch_size) * price.n_epochs
    money = tokens / 1e6 * price.price_per_million_tokens if price.price_per_million_tokens else None
    return Cost(tokens, money, steps, steps * price.seconds_per_step if price.seconds_per_step else None)
